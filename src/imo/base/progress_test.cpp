#include "imo/base/progress.hpp"

#include <gtest/gtest.h>

namespace imo {
namespace {

using std::chrono::milliseconds;

TEST(Progress, ShowsShareAmountRateAndTimeLeft) {
  const Progress progress("hashing", 4 << 20, Progress::Unit::kBytes);
  EXPECT_EQ(progress.line(1 << 20, milliseconds(500)),
            "hashing  25%  1.0 MiB of 4.0 MiB  2.0 MiB/s  1.50 s left");
}

TEST(Progress, AtTheStartThereIsNoRateAndAtTheEndNothingIsLeft) {
  const Progress progress("tokens", 1000);
  EXPECT_EQ(progress.line(0, milliseconds(0)), "tokens  0%  0 of 1,000");
  EXPECT_EQ(progress.line(1000, milliseconds(2000)), "tokens  100%  1,000 of 1,000  500/s");
}

TEST(Progress, DoesNotGoBeyondItsTotal) {
  const Progress progress("tokens", 10);
  EXPECT_EQ(progress.line(20, milliseconds(1000)), "tokens  100%  10 of 10  20/s");
}

TEST(Progress, WithoutATotalShowsWhatIsDone) {
  const Progress progress("blocks", 0);
  EXPECT_EQ(progress.line(1200, milliseconds(1000)), "blocks  1,200  1,200/s");
}

TEST(Progress, IsSilentWhereThereIsNoTerminal) {
  testing::internal::CaptureStderr();
  {
    Progress progress("tokens", 3);
    for (int i = 0; i < 3; ++i) progress.advance();
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace imo
