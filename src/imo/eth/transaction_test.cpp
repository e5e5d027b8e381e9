#include "imo/eth/transaction.hpp"

#include "imo/base/hex.hpp"
#include "imo/eth/address.hpp"
#include "imo/eth/anvil.hpp"
#include "imo/eth/rlp.hpp"
#include "imo/eth/units.hpp"

#include <gtest/gtest.h>

namespace imo::eth {
namespace {

Transaction example() {
  Transaction transaction;
  transaction.chain_id = 31337;
  transaction.nonce = 7;
  transaction.max_priority_fee_per_gas = kGwei;
  transaction.max_fee_per_gas = U256(2) * kGwei;
  transaction.gas_limit = 21000;
  transaction.to = anvil_key(1).address();
  transaction.value = kEther;
  transaction.data = from_hex("0xabcdef").value();
  return transaction;
}

/// As `cast mktx` makes it.
TEST(Transaction, MarginEndsWhereATransactionEnds) {
  EXPECT_EQ(gas_with_margin(100'000, 25), 125'000U);
  EXPECT_EQ(gas_with_margin(16'000'000, 25), kMostTransactionGas);
  EXPECT_EQ(gas_with_margin(17'000'000, 25), 17'000'000U) << "the chain says no, not this";
}

TEST(Transaction, MatchesCast) {
  const SignedTransaction transaction = sign(example(), anvil_key(0));
  EXPECT_EQ(to_hex(transaction.encode()),
            "0x02f877827a6907843b9aca0084773594008252089470997970c51812dc3a010c7d01b50e0d17dc79c888"
            "0de0b6b3a764000083abcdefc001a0329dbdbdd19c955349be78061392864139ae9036ed0e61ecd2e48e48"
            "5c24d9a9a031c2bf680df222ff9b76f55975d35ddb93e7fbc7a29cf3333d7de610d17dad69");
}

TEST(Transaction, ComesBackWithItsSender) {
  Transaction body = example();
  body.access_list = {{anvil_key(2).address(), {Hash32{{1}}, Hash32{}}},
                      {anvil_key(3).address(), {}}};
  for (const bool creates : {false, true}) {
    if (creates) body.to.reset();
    const SignedTransaction transaction = sign(body, anvil_key(0));
    const auto decoded = SignedTransaction::decode(transaction.encode());
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(decoded->body, body);
    EXPECT_EQ(decoded->hash(), transaction.hash());
    EXPECT_EQ(decoded->sender().value(), anvil_key(0).address());
  }
}

/// The fields of the example, one of them replaced.
Bytes with_field(std::size_t index, rlp::Item field) {
  const Bytes good = sign(example(), anvil_key(0)).encode();
  std::vector<rlp::Item> fields = rlp::decode(BytesView(good).subspan(1)).value().items();
  fields[index] = std::move(field);
  Bytes bytes{0x02};
  append(bytes, rlp::encode(rlp::Item::list(std::move(fields))));
  return bytes;
}

TEST(Transaction, RefusesWhatIsNone) {
  using rlp::Item;
  const Bytes good = sign(example(), anvil_key(0)).encode();
  Bytes legacy = good;
  legacy[0] = 0x01;
  const U256 order =
      U256::parse("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141").value();
  const std::vector<std::pair<const char*, Bytes>> cases = {
      {"empty", {}},
      {"another type", legacy},
      {"no list", {0x02, 0x80}},
      {"too few fields", {0x02, 0xC0}},
      {"a chain id of 9 bytes", with_field(0, Item::number(U256(1) << 64))},
      {"a list for a number", with_field(1, Item::list({}))},
      {"a leading zero", with_field(2, Item::string(Bytes{0, 1}))},
      {"an address of 19 bytes", with_field(5, Item::string(Bytes(19, 1)))},
      {"a list for data", with_field(7, Item::list({}))},
      {"a string for the access list", with_field(8, Item())},
      {"an access list of strings", with_field(8, Item::list({Item()}))},
      {"a parity of 2", with_field(9, Item::number(2))},
      {"a high s", with_field(11, Item::number(order - U256(1)))},
      {"an s beyond the order", with_field(11, Item::number(order))},
  };
  for (const auto& [what, bytes] : cases) {
    const auto decoded = SignedTransaction::decode(bytes);
    ASSERT_FALSE(decoded) << what;
    EXPECT_TRUE(decoded.error().message.starts_with("transaction: ")) << what;
  }
}

TEST(Transaction, CalldataHasALeastPrice) {
  EXPECT_EQ(calldata_floor({}), 21'000U);
  EXPECT_EQ(calldata_floor(Bytes{0, 7, 0, 255, 1}), 21'000U + 2 * 10 + 3 * 40);
}

}  // namespace
}  // namespace imo::eth
