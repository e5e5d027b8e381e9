// Each definition against an independent way of saying the same thing, in wider integers.

#include "imo/model/operators.hpp"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace imo::model {
namespace {

__extension__ using Wide = __int128;

// floor(a / b) for b > 0: C++ divides towards zero.
Wide floor_divide(Wide a, Wide b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

Wide wide_clamp(Wide x, unsigned bits) {
  const Wide limit = (Wide{1} << bits) - 1;
  return std::min(std::max(x, -limit), limit);
}

// The nearest integer to x / 2^s, halves upwards, then the clamp.
Wide slow_rescale(Wide x, unsigned shift, unsigned bits) {
  return wide_clamp(floor_divide(2 * x + (Wide{1} << shift), Wide{2} << shift), bits);
}

std::vector<std::int64_t> interesting_values() {
  std::vector<std::int64_t> values;
  for (unsigned bit = 0; bit < 60; ++bit) {
    for (const std::int64_t off : {-1, 0, 1}) {
      const std::int64_t value = (std::int64_t{1} << bit) + off;
      values.push_back(value);
      values.push_back(-value);
    }
  }
  std::mt19937_64 random(1);
  for (int i = 0; i < 500; ++i) {
    const auto value = static_cast<std::int64_t>(random() >> (5 + random() % 59));
    values.push_back(value);
    values.push_back(-value);
  }
  return values;
}

TEST(Operators, RescaleRoundsHalfUpAndClamps) {
  for (const std::int64_t x : interesting_values()) {
    for (unsigned shift = 1; shift <= kMaxShift; ++shift) {
      for (const unsigned bits : {kActivationBits, kNarrowBits, kScoreBits, kResidualBits}) {
        ASSERT_EQ(rescale(x, shift, bits), static_cast<std::int64_t>(slow_rescale(x, shift, bits)))
            << x << " >> " << shift << " to " << bits;
      }
    }
  }
  EXPECT_EQ(rescale(3, 1, 15), 2);    // 1.5 goes up
  EXPECT_EQ(rescale(-3, 1, 15), -1);  // -1.5 goes up
  EXPECT_EQ(rescale(-1, 1, 15), 0);
  EXPECT_EQ(rescale(1 << 20, 1, 15), 32767);
  EXPECT_EQ(rescale(-(1 << 20), 1, 15), -32767);
}

TEST(Operators, TheLargestProductsOfEachOperatorStayUnder2To60) {
  constexpr std::int64_t kLimit = std::int64_t{1} << 60;
  EXPECT_LT(Wide{kAccumulatorMax} * kRowMultiplierMax, Wide{kLimit});
  EXPECT_LE(Wide{kMaxColumns} * kWeightMax * kActivationMax, Wide{kAccumulatorMax});
  EXPECT_LT(Wide{kMaxHeadDimension} * kActivationMax * kActivationMax * kScoreMultiplierMax,
            Wide{kLimit});
  EXPECT_LT(((Wide{1} << kNarrowBits) - 1) * (Wide{1} << kNormReciprocal), Wide{kLimit});
  EXPECT_LT(Wide{kMaxColumns} * ((Wide{1} << kNarrowBits) - 1) * ((Wide{1} << kNarrowBits) - 1) +
                kEpsilonMax,
            Wide{1} << 53);
  // A mix is at most 32767 times its row's sum, and the reciprocal at most 2^44 over that sum.
  EXPECT_LE(Wide{kActivationMax} * (Wide{1} << kSoftmaxReciprocal), Wide{1} << 59);
  EXPECT_LT(Wide{kMaxContext} * kActivationMax * (Wide{1} << kExpFraction), Wide{1} << 52);
  // Adding the half before the shift must not leave 64 bits either.
  EXPECT_LT(Wide{kLimit} + (Wide{1} << (kMaxShift - 1)),
            Wide{std::numeric_limits<std::int64_t>::max()});
}

TEST(Operators, FloorRootIsTheInequality) {
  std::vector<std::int64_t> values = interesting_values();
  for (std::int64_t t = 1; t < (1 << 26); t = t * 3 + 1) {
    values.insert(values.end(), {t * t - 1, t * t, t * t + 1});
  }
  for (const std::int64_t v : values) {
    const Wide t = floor_root(v);
    if (v <= 0) {
      ASSERT_EQ(t, 0);
      continue;
    }
    ASSERT_LE(t * t, Wide{v});
    ASSERT_GT((t + 1) * (t + 1), Wide{v}) << v;
  }
}

TEST(Operators, FloorReciprocalIsTheInequality) {
  for (const unsigned exponent : {kNormReciprocal, kSoftmaxReciprocal}) {
    for (const std::int64_t z : interesting_values()) {
      const Wide r = floor_reciprocal(z, exponent);
      if (z <= 0) {
        ASSERT_EQ(r, 0);
        continue;
      }
      ASSERT_LE(r * z, Wide{1} << exponent);
      ASSERT_GT((r + 1) * z, Wide{1} << exponent);
    }
  }
}

TEST(Operators, NormIsNeverLongerThanOne) {
  // |u| r / 2^40 <= 1 whatever the row, because the root is at least every |u|.
  std::mt19937 random(2);
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::int32_t> row(1 + random() % 40);
    const auto bits = static_cast<unsigned>(1 + random() % kNarrowBits);
    for (std::int32_t& u : row) {
      u = static_cast<std::int32_t>(random() % (1U << bits)) * (random() % 2 == 0 ? 1 : -1);
    }
    const std::int64_t r = floor_reciprocal(floor_root(sum_squares(row, 1)), kNormReciprocal);
    long double squares = 1;
    for (const std::int32_t u : row) squares += static_cast<long double>(u) * u;
    for (const std::int32_t u : row) {
      ASSERT_LE(std::abs(std::int64_t{u}) * r, std::int64_t{1} << kNormReciprocal);
      const long double exact = u / std::sqrt(squares);
      const long double error = std::ldexp(static_cast<long double>(u * r), -40) - exact;
      // floor of the root: up to 1/root relative; floor of the reciprocal: root / 2^40.
      ASSERT_LE(std::fabs(error), 1.01L / std::floor(std::sqrt(squares)) + 1e-9L);
    }
  }
}

TEST(Operators, RopeTurnsWithinHalfAUnitAndTheTable) {
  std::mt19937 random(3);
  for (int i = 0; i < 100000; ++i) {
    const auto x0 = static_cast<std::int16_t>(static_cast<int>(random() % 65535) - 32767);
    const auto x1 = static_cast<std::int16_t>(static_cast<int>(random() % 65535) - 32767);
    const auto c = static_cast<std::int16_t>(static_cast<int>(random() % 32769) - 16384);
    const auto s = static_cast<std::int16_t>(static_cast<int>(random() % 32769) - 16384);
    ASSERT_EQ(rope_first(x0, x1, c, s), slow_rescale(Wide{x0} * c - Wide{x1} * s, 14, 15));
    ASSERT_EQ(rope_second(x0, x1, c, s), slow_rescale(Wide{x0} * s + Wide{x1} * c, 14, 15));
  }
  EXPECT_EQ(rope_first(-32767, 32767, 16384, 0), -32767) << "position 0 changes nothing";
  EXPECT_EQ(rope_second(-32767, 32767, 16384, 0), 32767);
}

TEST(Operators, ExpIndexSaturatesAtTheTablesEnd) {
  EXPECT_EQ(exp_index(5, 5), 0U);
  EXPECT_EQ(exp_index(5, 4), 1U);
  EXPECT_EQ(exp_index(65535, 0), 65535U);
  EXPECT_EQ(exp_index(65536, 0), 65535U);
  EXPECT_EQ(exp_index((1 << 23) - 1, -(1 << 23) + 1), 65535U);
  EXPECT_EQ(activation_index(-32768), 0U);
  EXPECT_EQ(activation_index(32767), 65535U);
}

TEST(Operators, AddSaturates) {
  constexpr std::int32_t kMax = std::numeric_limits<std::int32_t>::max();
  EXPECT_EQ(add_element(kMax, 1), kMax);
  EXPECT_EQ(add_element(-kMax, -1), -kMax);
  EXPECT_EQ(add_element(kMax, -kMax), 0);
  EXPECT_EQ(add_element(-5, 3), -2);
}

TEST(Operators, BetterTakesTheLowestIdAmongTheGreatest) {
  std::mt19937 random(4);
  for (int round = 0; round < 2000; ++round) {
    std::vector<Candidate> all;
    for (std::int32_t id = 0; id < 20; ++id) {
      all.push_back({static_cast<std::int32_t>(random() % 3) - 1, id});
    }
    std::shuffle(all.begin(), all.end(), random);
    Candidate best = all.front();
    for (const Candidate& each : all) best = better(best, each);
    for (const Candidate& each : all) {
      ASSERT_TRUE(best.value > each.value || (best.value == each.value && best.id <= each.id));
    }
  }
}

}  // namespace
}  // namespace imo::model
