#include "imo/base/result.hpp"

#include "imo/base/check.hpp"

#include <memory>

#include <gtest/gtest.h>

namespace imo {
namespace {

Result<int> half(int x) {
  if (x % 2 != 0) return invalid("odd");
  return x / 2;
}

Result<int> quarter(int x) {
  IMO_TRY(const int first, half(x));
  IMO_TRY(const int second, half(first));
  return second;
}

Result<void> divisible_by_four(int x) {
  IMO_TRY_VOID(quarter(x));
  return {};
}

Result<std::unique_ptr<int>> boxed(int x) {
  IMO_TRY(auto value, Result<std::unique_ptr<int>>(std::make_unique<int>(x)));
  return value;
}

TEST(Result, TryBindsTheValueOrPassesTheErrorOn) {
  EXPECT_EQ(quarter(12), 3);
  EXPECT_EQ(quarter(3).error().message, "odd");
  EXPECT_EQ(quarter(6).error().message, "odd");
  EXPECT_TRUE(divisible_by_four(8));
  EXPECT_FALSE(divisible_by_four(6));
  EXPECT_EQ(*boxed(5).value(), 5);
}

TEST(Result, ErrorsTellTheWayTheyCame) {
  const Error error{ErrorKind::kIo, "disk full"};
  EXPECT_EQ(error.within("model.gguf").message, "model.gguf: disk full");
  EXPECT_EQ(error.within("model.gguf").kind, ErrorKind::kIo);
}

TEST(CheckDeathTest, AbortsWithPlaceAndReason) {
  IMO_CHECK(true, "never");
  EXPECT_DEATH(IMO_CHECK(1 == 2, "arithmetic is broken"),
               "result_test.cpp:[0-9]+: check failed: arithmetic is broken");
}

}  // namespace
}  // namespace imo
