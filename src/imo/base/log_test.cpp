#include "imo/base/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::log {
namespace {

using testing::HasSubstr;
using testing::Not;

/// What `body` logs while the level is `level`.
template <typename Body>
std::string logged_at(Level level, Body body) {
  testing::internal::CaptureStderr();
  set_level(level);
  body();
  set_level(Level::kOff);
  return testing::internal::GetCapturedStderr();
}

TEST(Log, IsOffUntilAskedFor) {
  testing::internal::CaptureStderr();
  error("nobody asked");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_FALSE(enabled(Level::kError));
}

TEST(Log, WritesItsLevelAndThoseAbove) {
  const std::string text = logged_at(Level::kWarning, [] {
    debug("one {}", 1);
    info("two {}", 2);
    warning("three {}", 3);
    error("four {}", 4);
  });
  EXPECT_THAT(text, Not(HasSubstr("one")));
  EXPECT_THAT(text, Not(HasSubstr("two")));
  EXPECT_THAT(text, HasSubstr("three 3\n"));
  EXPECT_THAT(text, HasSubstr("four 4\n"));
}

TEST(Log, ShowsControlCharactersEscaped) {
  const std::string text =
      logged_at(Level::kInfo, [] { info("{}", "a\n2030-01-01 forged\x1b[2J"); });
  EXPECT_THAT(text, HasSubstr("a\\x0a2030-01-01 forged\\x1b[2J\n"));
}

TEST(Log, BracesInAnArgumentAreText) {
  EXPECT_THAT(logged_at(Level::kInfo, [] { info("{}", "{} {0} {x}"); }), HasSubstr("{} {0} {x}\n"));
}

TEST(Log, LevelsHaveNames) {
  EXPECT_EQ(parse_level("debug"), Level::kDebug);
  EXPECT_EQ(parse_level("info"), Level::kInfo);
  EXPECT_EQ(parse_level("warning"), Level::kWarning);
  EXPECT_EQ(parse_level("error"), Level::kError);
  EXPECT_EQ(parse_level("off"), Level::kOff);
  EXPECT_FALSE(parse_level("loud"));
  EXPECT_FALSE(parse_level(""));
}

}  // namespace
}  // namespace imo::log
