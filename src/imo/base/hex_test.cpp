#include "imo/base/hex.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace imo {
namespace {

TEST(Hex, WritesTwoLowerCaseDigitsAByte) {
  EXPECT_EQ(to_hex({}), "0x");
  EXPECT_EQ(to_hex(Bytes{0x00, 0x0f, 0xa0, 0xff}), "0x000fa0ff");
}

TEST(Hex, ReadsEitherCaseWithOrWithoutPrefix) {
  const Bytes expected{0xde, 0xad, 0xbe, 0xef};
  for (const auto* text : {"0xdeadbeef", "deadbeef", "0XDEADBEEF", "DeAdBeEf"}) {
    EXPECT_EQ(from_hex(text).value(), expected) << text;
  }
  EXPECT_EQ(from_hex("0x").value(), Bytes{});
  EXPECT_EQ(from_hex("").value(), Bytes{});
}

TEST(Hex, RefusesWhatIsNotHex) {
  for (const auto* text : {"0x1", "abc", "0xg0", "0g", " 00", "00 ", "0x0x", "-1", "\xff\xff"}) {
    const auto result = from_hex(text);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().kind, ErrorKind::kInvalidInput);
  }
}

TEST(Hex, NamesThePlaceAndNotTheText) {
  EXPECT_EQ(from_hex("0xab5x").error().message, "hex: character 4 is not a hexadecimal digit");
}

TEST(Hex, FixedSizeTakesExactlyThatManyBytes) {
  EXPECT_EQ(fixed_from_hex<2>("0x0102").value().bytes, (std::array<std::uint8_t, 2>{1, 2}));
  EXPECT_FALSE(fixed_from_hex<2>("0x01"));
  EXPECT_FALSE(fixed_from_hex<2>("0x010203"));
}

RC_GTEST_PROP(Hex, RoundTrips, (const Bytes& bytes)) {
  RC_ASSERT(from_hex(to_hex(bytes)).value() == bytes);
}

RC_GTEST_PROP(Hex, NoTextIsTooStrange, ()) {
  const auto text = *rc::gen::container<std::string>(
      rc::gen::elementOf(std::string("0123456789abcdefxX+-. g\0\xff", 25)));
  const auto bytes = from_hex(text);
  RC_ASSERT(!bytes || bytes->size() == text.size() / 2 || bytes->size() + 1 == text.size() / 2);
}

}  // namespace
}  // namespace imo
