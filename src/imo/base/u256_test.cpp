#include "imo/base/u256.hpp"

#include "imo/base/hex.hpp"

#include <boost/multiprecision/cpp_int.hpp>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace imo {
namespace {

using boost::multiprecision::cpp_int;

cpp_int wide(const U256& x) {
  cpp_int out = 0;
  for (std::size_t i = 4; i-- > 0;) out = (out << 64) + x.limbs()[i];
  return out;
}

const cpp_int& modulus() {
  static const cpp_int value = cpp_int(1) << 256;
  return value;
}

/// `x` when it fits in 256 bits.
std::optional<U256> narrow(const cpp_int& x) {
  if (x < 0 || x >= modulus()) return std::nullopt;
  return U256::parse(x.str()).value();
}

/// Numbers whose limbs are often all zeros, all ones or close to it: where carries, borrows and
/// corrected quotient digits are.
struct Edgy {
  U256 value;
};

std::ostream& operator<<(std::ostream& out, const Edgy& x) {
  return out << x.value.to_quantity();
}

}  // namespace
}  // namespace imo

template <>
struct rc::Arbitrary<imo::Edgy> {
  static rc::Gen<imo::Edgy> arbitrary() {
    const auto limb = gen::oneOf(
        gen::arbitrary<std::uint64_t>(), gen::just(std::uint64_t{0}), gen::just(~std::uint64_t{0}),
        gen::just(std::uint64_t{1} << 63), gen::inRange<std::uint64_t>(0, 3),
        gen::map(gen::inRange<std::uint64_t>(0, 3), [](std::uint64_t x) { return ~x; }));
    return gen::map(gen::container<std::array<std::uint64_t, 4>>(limb),
                    [](const auto& limbs) { return imo::Edgy{imo::U256(limbs)}; });
  }
};

namespace imo {
namespace {

TEST(U256, ReadsDecimalAndHexadecimal) {
  EXPECT_EQ(U256::parse("0").value(), U256());
  EXPECT_EQ(U256::parse("18446744073709551616").value(), U256({0, 1, 0, 0}));
  EXPECT_EQ(U256::parse("0xff").value(), U256(255));
  EXPECT_EQ(U256::parse("0X0F").value(), U256(15));
  EXPECT_EQ(U256::parse("0x" + std::string(64, 'f')).value(), U256::max());
  EXPECT_EQ(U256::parse("115792089237316195423570985008687907853269984665640564039457584007913"
                        "129639935")
                .value(),
            U256::max());
}

TEST(U256, RefusesWhatIsNotANumberBelow2To256) {
  for (const std::string text :
       {"", " 1", "1 ", "+1", "-1", "1e3", "1.0", "ff", "0x", "0xg", "0x 1", "0x-1",
        "115792089237316195423570985008687907853269984665640564039457584007913129639936"}) {
    EXPECT_FALSE(U256::parse(text)) << text;
  }
  EXPECT_FALSE(U256::parse("0x1" + std::string(64, '0')));
  EXPECT_FALSE(U256::parse(std::string(1000, '9')));
  EXPECT_FALSE(U256::from_be(Bytes(33)));
}

TEST(U256, WritesQuantitiesWithoutLeadingZeros) {
  EXPECT_EQ(U256().to_quantity(), "0x0");
  EXPECT_EQ(U256(0x1000).to_quantity(), "0x1000");
  EXPECT_EQ(U256::max().to_quantity(), "0x" + std::string(64, 'f'));
}

TEST(U256, BytesAreBigEndian) {
  EXPECT_EQ(U256::from_be(Bytes{1, 2}).value(), U256(0x0102));
  EXPECT_EQ(U256::from_be({}).value(), U256());
  EXPECT_EQ(to_hex(U256(0x0102).to_be()), "0x" + std::string(60, '0') + "0102");
}

TEST(U256, WrapsAsTheEvmDoes) {
  EXPECT_EQ(U256::max() + 1, U256());
  EXPECT_EQ(U256() - 1, U256::max());
  EXPECT_EQ(U256::max() * U256::max(), U256(1));
  EXPECT_EQ(U256(1) << 256, U256());
  EXPECT_EQ(U256::max() >> 256, U256());
}

TEST(U256, SaysHowManyBitsItHas) {
  EXPECT_EQ(U256().bit_length(), 0);
  EXPECT_EQ(U256(1).bit_length(), 1);
  EXPECT_EQ((U256(1) << 64).bit_length(), 65);
  EXPECT_EQ(U256::max().bit_length(), 256);
}

TEST(U256, NarrowsOnlyWhatFits) {
  EXPECT_EQ(U256(~0ULL).to_u64(), ~0ULL);
  EXPECT_EQ((U256(1) << 64).to_u64(), std::nullopt);
  EXPECT_DOUBLE_EQ((U256(3) << 100).to_double(), 3 * 0x1p100);
}

TEST(U256, RoundsTheWayItsNameSays) {
  EXPECT_EQ(mul_div_down(7, 10, 3), U256(23));
  EXPECT_EQ(mul_div_up(7, 10, 3), U256(24));
  EXPECT_EQ(mul_div_down(6, 10, 3), U256(20));
  EXPECT_EQ(mul_div_up(6, 10, 3), U256(20));
  EXPECT_EQ(mul_div_down(1, 1, 0), std::nullopt);
  EXPECT_EQ(mul_div_up(1, 1, 0), std::nullopt);
  EXPECT_EQ(mul_div_down(U256::max(), U256::max(), U256::max()), U256::max());
  EXPECT_EQ(mul_div_down(U256::max(), 2, 1), std::nullopt);
  // floor is 2^256 - 1 with a remainder, so rounding up leaves the range: a * b = (2^256 - 1) d +
  // r.
  const U256 half = U256(1) << 255;
  EXPECT_EQ(mul_div_down(half + 1, U256::max() - 1, half), U256::max());
  EXPECT_EQ(mul_div_up(half + 1, U256::max() - 1, half), std::nullopt);
}

TEST(U256DeathTest, DividingByZeroIsAProgrammersError) {
  EXPECT_DEATH(static_cast<void>(U256(1) / U256()), "division of a U256 by zero");
  EXPECT_DEATH(static_cast<void>(U256(1) % U256()), "division of a U256 by zero");
}

// A divisor for which Knuth's estimated digit is one too large even after its correction, so the
// rare "add back" step runs (Hacker's Delight, 9-2, scaled to 64-bit limbs).
TEST(U256, DividesWhereTheEstimatedDigitIsTooLarge) {
  const U256 a({3, 0, 0, 1ULL << 63});
  const U256 d({1, 0, 1ULL << 61, 0});
  EXPECT_EQ(wide(a / d), wide(a) / wide(d));
  EXPECT_EQ(wide(a % d), wide(a) % wide(d));
  const U256 b({0, 0, 1ULL << 63, (1ULL << 63) - 1});
  const U256 e({~0ULL, 0, 1ULL << 63, 0});
  EXPECT_EQ(wide(b / e), wide(b) / wide(e));
  EXPECT_EQ(wide(b % e), wide(b) % wide(e));
}

RC_GTEST_PROP(U256Property, TextsAndBytesRoundTrip, (const Edgy& a)) {
  RC_ASSERT(a.value.to_dec() == wide(a.value).str());
  RC_ASSERT(U256::parse(a.value.to_dec()).value() == a.value);
  RC_ASSERT(U256::parse(a.value.to_quantity()).value() == a.value);
  RC_ASSERT(U256::from_be(a.value.to_be()).value() == a.value);
}

RC_GTEST_PROP(U256Property, OperatorsAreArithmeticModulo2To256, (const Edgy& a, const Edgy& b)) {
  const cpp_int x = wide(a.value);
  const cpp_int y = wide(b.value);
  RC_ASSERT(wide(a.value + b.value) == (x + y) % modulus());
  RC_ASSERT(wide(a.value - b.value) == (x - y + modulus()) % modulus());
  RC_ASSERT(wide(a.value * b.value) == x * y % modulus());
  RC_ASSERT((a.value <=> b.value < 0) == (x < y));
  RC_ASSERT((a.value == b.value) == (x == y));
}

RC_GTEST_PROP(U256Property, DivisionIsEuclids, (const Edgy& a, const Edgy& b)) {
  RC_PRE(!b.value.is_zero());
  RC_ASSERT(wide(a.value / b.value) == wide(a.value) / wide(b.value));
  RC_ASSERT(wide(a.value % b.value) == wide(a.value) % wide(b.value));
}

RC_GTEST_PROP(U256Property, ShiftsMultiplyByPowersOfTwo, (const Edgy& a)) {
  const auto bits = *rc::gen::inRange<unsigned>(0, 300);
  RC_ASSERT(wide(a.value << bits) == (wide(a.value) << bits) % modulus());
  RC_ASSERT(wide(a.value >> bits) == wide(a.value) >> bits);
  RC_ASSERT(a.value.bit_length() ==
            (a.value.is_zero() ? 0 : static_cast<int>(msb(wide(a.value))) + 1));
}

RC_GTEST_PROP(U256Property, CheckedOperationsFailExactlyWhenTheyWouldWrap,
              (const Edgy& a, const Edgy& b)) {
  const cpp_int x = wide(a.value);
  const cpp_int y = wide(b.value);
  RC_ASSERT(checked_add(a.value, b.value) == narrow(x + y));
  RC_ASSERT(checked_sub(a.value, b.value) == narrow(x - y));
  RC_ASSERT(checked_mul(a.value, b.value) == narrow(x * y));
}

RC_GTEST_PROP(U256Property, MulDivGoesOverTheFullProduct,
              (const Edgy& a, const Edgy& b, const Edgy& d)) {
  RC_PRE(!d.value.is_zero());
  const cpp_int product = wide(a.value) * wide(b.value);
  const cpp_int divisor = wide(d.value);
  RC_ASSERT(mul_div_down(a.value, b.value, d.value) == narrow(product / divisor));
  RC_ASSERT(mul_div_up(a.value, b.value, d.value) == narrow((product + divisor - 1) / divisor));
}

RC_GTEST_PROP(U256Property, NoTextIsTooStrange, ()) {
  const auto text = *rc::gen::container<std::string>(
      rc::gen::elementOf(std::string("0123456789abcdefxX+-. g\0\xff", 25)));
  const auto value = U256::parse(text);
  RC_ASSERT(!value || U256::parse(value->to_dec()).value() == *value);
}

}  // namespace
}  // namespace imo
