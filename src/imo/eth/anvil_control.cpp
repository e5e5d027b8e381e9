#include "imo/base/hex.hpp"
#include "imo/eth/anvil.hpp"
#include "imo/eth/client.hpp"
#include "imo/eth/client_json.hpp"
#include "imo/eth/json_rpc.hpp"

#include <nlohmann/json.hpp>

namespace imo::eth {
namespace {

std::string quantity(const U256& number) {
  return '"' + number.to_quantity() + '"';
}

std::string seconds(std::chrono::seconds time) {
  return quantity(static_cast<std::uint64_t>(time.count()));
}

/// Runs a method whose result says nothing.
Result<void> command(Client& client, const char* method, const std::string& params) {
  IMO_TRY_VOID(client.rpc().result({method, "[" + params + "]"}));
  return {};
}

Result<void> check_forward(std::chrono::seconds by) {
  if (by.count() < 0) return invalid("the clock of a chain does not go back");
  return {};
}

}  // namespace

Result<void> AnvilControl::increase_time(std::chrono::seconds by) {
  IMO_TRY_VOID(check_forward(by));
  return command(*client_, "evm_increaseTime", seconds(by));
}

Result<void> AnvilControl::set_next_timestamp(std::uint64_t unix_seconds) {
  return command(*client_, "evm_setNextBlockTimestamp", quantity(unix_seconds));
}

Result<void> AnvilControl::mine(std::uint64_t blocks, std::chrono::seconds interval) {
  IMO_TRY_VOID(check_forward(interval));
  return command(*client_, "anvil_mine", quantity(blocks) + "," + seconds(interval));
}

Result<void> AnvilControl::pass_time(std::chrono::seconds by) {
  IMO_TRY_VOID(increase_time(by));
  return mine();
}

Result<void> AnvilControl::set_balance(const Address& account, const U256& wei) {
  return command(*client_, "anvil_setBalance", '"' + to_hex(account) + "\"," + quantity(wei));
}

Result<void> AnvilControl::set_code(const Address& account, BytesView code) {
  return command(*client_, "anvil_setCode", '"' + to_hex(account) + "\",\"" + to_hex(code) + '"');
}

Result<void> AnvilControl::set_automine(bool on) {
  return command(*client_, "evm_setAutomine", on ? "true" : "false");
}

Result<U256> AnvilControl::snapshot() {
  IMO_TRY(const nlohmann::json id, client_->rpc().result({"evm_snapshot"}));
  return read_quantity(id);
}

Result<void> AnvilControl::revert(const U256& snapshot_id) {
  IMO_TRY(const nlohmann::json done,
          client_->rpc().result({"evm_revert", "[" + quantity(snapshot_id) + "]"}));
  if (done != true) {
    return fail(ErrorKind::kNotFound, "anvil knows no snapshot " + snapshot_id.to_quantity());
  }
  return {};
}

}  // namespace imo::eth
