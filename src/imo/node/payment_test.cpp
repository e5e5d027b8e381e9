#include "imo/node/payment.hpp"

#include "imo/base/hex.hpp"
#include "imo/eth/address.hpp"
#include "imo/node/test_world.hpp"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::node {
namespace {

using test::must;
using testing::HasSubstr;

constexpr std::uint64_t kNow = 1'800'000'000;

class PaymentTest : public testing::Test {
 protected:
  const PaymentTerms terms_{
      .chain_id = 84532,
      .asset = must(eth::parse_address("0x036CbD53842c5426634e7929541eC2318f3dCF7e")),
      .asset_name = "USDC",
      .asset_version = "2",
      .pay_to = must(eth::parse_address("0x209693Bc6afc0C5328bA36FaF03C514EF312287C")),
      .amount = U256(10'000)};
  const crypto::SecretKey key_ = eth::anvil_key(1);
};

TEST_F(PaymentTest, SignedIsGood) {
  const Payment payment = sign_payment(terms_, key_, kNow + 60);
  EXPECT_EQ(payment.from, key_.address());
  EXPECT_EQ(terms_.network(), "eip155:84532");
  EXPECT_TRUE(check_payment(terms_, payment, kNow));
  const Bytes call = must(payment.call());
  EXPECT_THAT(to_hex(call), testing::StartsWith("0xe3ee160e"));
  EXPECT_EQ(call.size(), 4 + 9 * 32U);
  EXPECT_NE(sign_payment(terms_, key_, kNow + 60).purpose(), payment.purpose());
}

TEST_F(PaymentTest, AnyOtherIsRefused) {
  const Payment good = sign_payment(terms_, key_, kNow + 60);
  const auto refused = [&](const std::function<void(Payment&)>& change, const char* why) {
    Payment payment = good;
    change(payment);
    const auto checked = check_payment(terms_, payment, kNow);
    ASSERT_FALSE(checked) << why;
    EXPECT_THAT(checked.error().message, HasSubstr(why));
  };
  refused([](Payment& p) { ++p.to.bytes[0]; }, "is due to");
  refused([](Payment& p) { p.value = U256(9'999); }, "are due");
  refused([](Payment& p) { p.valid_after = U256(kNow + 1); }, "is good from");
  refused([](Payment& p) { p.valid_before = U256(kNow + 19); }, "is good from");
  refused([](Payment& p) { p.value = U256(10'001); }, "not signed by its payer");
  refused([](Payment& p) { ++p.nonce.bytes[3]; }, "not signed by its payer");
  refused([](Payment& p) { ++p.from.bytes[3]; }, "not signed by its payer");
  refused([](Payment& p) { p.signature.y_parity ^= 1; }, "not signed by its payer");
  PaymentTerms other = terms_;
  other.chain_id = 1;
  EXPECT_FALSE(check_payment(other, good, kNow));
  other = terms_;
  other.asset_version = "1";
  EXPECT_FALSE(check_payment(other, good, kNow));
}

}  // namespace
}  // namespace imo::node
