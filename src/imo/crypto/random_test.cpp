#include "imo/crypto/random.hpp"

#include <bit>

#include <gtest/gtest.h>

namespace imo::crypto {
namespace {

TEST(Random, FillsEveryByte) {
  // Larger than the 256 bytes that one getrandom(2) is sure to give whole.
  Bytes seen(10'000);
  for (int round = 0; round < 8; ++round) {
    Bytes fresh(seen.size());
    fill_random(fresh);
    for (std::size_t i = 0; i < seen.size(); ++i) seen[i] |= fresh[i];
  }
  // A byte stays zero over eight rounds with probability 2^-64.
  EXPECT_EQ(std::count(seen.begin(), seen.end(), 0), 0);
}

TEST(Random, HalfOfTheBitsAreSet) {
  Bytes bytes(100'000);
  fill_random(bytes);
  std::int64_t ones = 0;
  for (const std::uint8_t byte : bytes) ones += std::popcount(byte);
  // The standard deviation is sqrt(800000) / 2 = 447; ten of them never happen.
  EXPECT_NEAR(static_cast<double>(ones), 400'000, 4'470);
}

TEST(Random, OfNothingIsNothing) {
  fill_random({});
}

}  // namespace
}  // namespace imo::crypto
