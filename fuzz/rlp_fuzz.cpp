/// RLP and transactions: what the strict decoders accept, the encoders write again byte for byte.
#include "imo/base/check.hpp"
#include "imo/eth/rlp.hpp"
#include "imo/eth/transaction.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const imo::BytesView input(data, size);
  if (const auto item = imo::eth::rlp::decode(input)) {
    const imo::Bytes again = imo::eth::rlp::encode(*item);
    IMO_CHECK(std::ranges::equal(again, input), "RLP does not come back as it was");
  }
  if (const auto transaction = imo::eth::SignedTransaction::decode(input)) {
    IMO_CHECK(std::ranges::equal(transaction->encode(), input),
              "a transaction does not come back as it was");
  }
  return 0;
}
