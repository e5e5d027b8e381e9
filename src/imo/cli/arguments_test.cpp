#include "imo/cli/arguments.hpp"

#include <gtest/gtest.h>

namespace imo::cli {
namespace {

TEST(ParseDuration, ReadsOneNumberWithItsUnit) {
  EXPECT_EQ(*parse_duration("90s"), 90U);
  EXPECT_EQ(*parse_duration("15min"), 900U);
  EXPECT_EQ(*parse_duration(" 6 h "), 21'600U);
  EXPECT_EQ(*parse_duration("30d"), 30U * 86'400U);
  EXPECT_EQ(*parse_duration("2y"), 730U * 86'400U);
}

TEST(ParseDuration, RefusesWhatSomebodyWouldHaveToGuess) {
  for (const char* text : {"", "90", "d", "1.5d", "-1d", "1d 2h", "1week", "9999999999s"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(ParseShare, GivesBasisPoints) {
  EXPECT_EQ(*parse_share("12.5%"), 1'250);
  EXPECT_EQ(*parse_share("100 %"), 10'000);
  EXPECT_EQ(*parse_share("0%"), 0);
}

TEST(ParseCount, KnowsThousandsMillionsAndBillions) {
  EXPECT_EQ(*parse_count("250000"), 250'000U);
  EXPECT_EQ(*parse_count("15K"), 15'000U);
  EXPECT_EQ(*parse_count("110M"), 110'000'000U);
  EXPECT_EQ(*parse_count(" 1.1B "), 1'100'000'000U);
  for (const char* text : {"", "M", "1.5", "-1M", "1.0005K", "1T", "99999999999999999999999"}) {
    EXPECT_FALSE(parse_count(text)) << text;
  }
}

TEST(ParseShare, RefusesMoreThanAllAndFinerThanItCanSay) {
  for (const char* text : {"", "%", "0.125", "100.01%", "12.505%", "-1%"}) {
    EXPECT_FALSE(parse_share(text)) << text;
  }
}

TEST(ParseFixed, GivesUnitsOf2ToTheMinus16) {
  EXPECT_EQ(*parse_fixed("1", 1), 65'536U);
  EXPECT_EQ(*parse_fixed("0.8", 100), 52'429U);
  EXPECT_EQ(*parse_fixed("100", 100), 6'553'600U);
  EXPECT_EQ(*parse_fixed("0.05", 1), 3'277U);
  for (const char* text : {"", "-1", "nan", "1e2", "100.000001", "1000000000", "0.1234567", "."}) {
    EXPECT_FALSE(parse_fixed(text, 100)) << text;
  }
}

TEST(DurationText, ShowsTheTwoLargestUnits) {
  EXPECT_EQ(duration_text(0), "0 s");
  EXPECT_EQ(duration_text(61), "1 min 1 s");
  EXPECT_EQ(duration_text(86'400 + 3'600 + 60), "1 d 1 h");
}

TEST(ShareText, KeepsTwoDecimals) {
  EXPECT_EQ(share_text(1'205), "12.05 %");
}

TEST(TimeText, IsUtc) {
  EXPECT_EQ(time_text(1'700'000'000), "2023-11-14 22:13 UTC");
}

}  // namespace
}  // namespace imo::cli
