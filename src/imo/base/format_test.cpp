#include "imo/base/format.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace imo {
namespace {

using std::chrono::nanoseconds;

TEST(Format, BytesInPowersOf1024) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1.0 KiB");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_bytes((1 << 20) - 1), "1023.9 KiB");
  EXPECT_EQ(format_bytes(1 << 20), "1.0 MiB");
  EXPECT_EQ(format_bytes(std::numeric_limits<std::uint64_t>::max()), "15.9 EiB");
}

TEST(Format, DurationsInTheUnitThatFits) {
  EXPECT_EQ(format_duration(nanoseconds(-5)), "0 ns");
  EXPECT_EQ(format_duration(nanoseconds(999)), "999 ns");
  EXPECT_EQ(format_duration(nanoseconds(12'349)), "12.3 µs");
  EXPECT_EQ(format_duration(nanoseconds(12'300'000)), "12.3 ms");
  EXPECT_EQ(format_duration(nanoseconds(4'569'000'000)), "4.56 s");
  EXPECT_EQ(format_duration(std::chrono::seconds(125)), "2 min 05 s");
  EXPECT_EQ(format_duration(std::chrono::minutes(62)), "1 h 02 min");
}

TEST(Format, CountsInGroupsOfThree) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(123456), "123,456");
  EXPECT_EQ(format_count(1234567), "1,234,567");
}

TEST(Format, StrangersTextCannotDriveATerminal) {
  EXPECT_EQ(printable("plain text, ünïcödé"), "plain text, ünïcödé");
  EXPECT_EQ(printable("\x1b[2J\r\n"), "\\x1b[2J\\x0d\\x0a");
  EXPECT_EQ(printable(std::string_view("\0\x7f", 2)), "\\x00\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "\\x9b2J");
  EXPECT_EQ(printable("\xc2\xa0\xc2"), "\xc2\xa0\xc2");
}

}  // namespace
}  // namespace imo
