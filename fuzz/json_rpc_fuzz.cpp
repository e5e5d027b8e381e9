/// Replies of an Ethereum node: the first byte says how many requests were asked; the rest is the
/// reply. Results go on into every reader of the client.
#include "imo/base/check.hpp"
#include "imo/eth/client_json.hpp"
#include "imo/eth/json_rpc.hpp"

#include <cstddef>
#include <cstdint>

#include <nlohmann/json.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace imo;  // NOLINT: a program of one file
  if (size == 0) return 0;
  const std::size_t count = 1 + data[0] % 4;
  const auto outcomes = eth::read_replies(as_text({data + 1, size - 1}), 1, count);
  if (!outcomes) {
    IMO_CHECK(!outcomes.error().message.empty(), "a refusal without a reason");
    return 0;
  }
  IMO_CHECK(outcomes->size() == count, "not every request has its outcome");
  for (const eth::RpcOutcome& outcome : *outcomes) {
    if (!outcome) continue;
    (void)eth::read_quantity(*outcome);
    (void)eth::read_data(*outcome);
    (void)eth::read_block(*outcome);
    (void)eth::read_transaction(*outcome);
    (void)eth::read_receipt(*outcome);
    (void)eth::read_log(*outcome);
    (void)eth::read_fee_history(*outcome);
  }
  return 0;
}
