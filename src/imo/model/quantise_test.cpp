#include "imo/model/quantise.hpp"

#include "imo/base/thread_pool.hpp"

#include <cmath>
#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::model {
namespace {

using ::testing::HasSubstr;

std::vector<float> random_values(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> values(count);
  for (float& value : values) {
    value = std::ldexp(static_cast<float>(static_cast<int>(random() % 20001) - 10000), -13);
  }
  return values;
}

QuantisedMatrix quantise_values(std::span<const float> values, std::uint32_t rows,
                                std::uint32_t columns, const Columns& about,
                                ThreadPool* pool = nullptr) {
  const auto read = [&](std::uint32_t row, std::span<float> /*scratch*/) {
    return values.subspan(std::size_t{row} * columns, columns);
  };
  return quantise_rows(read, rows, columns, about, pool);
}

TEST(Quantise, FractionLeavesTheHeadroomAsked) {
  for (const double largest : {1e-9, 0.1, 0.5, 0.999, 1.0, 3.7, 16.0, 1000.0}) {
    const int fraction = fraction_for(largest, 15, 1);
    EXPECT_LT(std::ldexp(largest, fraction), 1 << 14);
    EXPECT_TRUE(fraction == 40 || std::ldexp(largest, fraction) >= 1 << 13) << largest;
  }
  EXPECT_EQ(fraction_for(0, 15, 1), 40);
  EXPECT_EQ(fraction_for(1e300, 15, 1), -40);
}

TEST(Quantise, ErrorIsNoWorseThanPlainRounding) {
  constexpr std::uint32_t kRows = 7;
  constexpr std::uint32_t kColumns = 45;
  const auto values = random_values(std::size_t{kRows} * kColumns, 1);
  const QuantisedMatrix matrix = quantise_values(values, kRows, kColumns, {});
  for (std::size_t i = 0; i < kRows; ++i) {
    double largest = 0;
    double chosen = 0;
    double plain = 0;
    for (std::size_t j = 0; j < kColumns; ++j) {
      largest = std::max(largest, std::fabs(double{values[i * kColumns + j]}));
    }
    for (std::size_t j = 0; j < kColumns; ++j) {
      const double w = values[i * kColumns + j];
      const int q = matrix.weights[i * kColumns + j];
      ASSERT_LE(std::abs(q), 127);
      chosen += std::pow(w - q * matrix.scales[i], 2);
      plain += std::pow(w - std::round(w * 127 / largest) * largest / 127, 2);
      ASSERT_LE(std::fabs(w - q * matrix.scales[i]), 0.5000001 * matrix.scales[i]);
    }
    EXPECT_LE(chosen, plain * 1.0000001);
  }
  EXPECT_GT(matrix.relative_error, 0);
  EXPECT_LT(matrix.relative_error, 0.01);
}

TEST(Quantise, PowerMovesTheErrorToColumnsThatDoNotMatter) {
  constexpr std::uint32_t kColumns = 16;
  double with = 0;
  double without = 0;
  for (unsigned seed = 0; seed < 50; ++seed) {
    const auto values = random_values(kColumns, seed);
    std::vector<double> power(kColumns, 1e-6);
    power[3] = power[11] = 1;
    const auto error = [&](const QuantisedMatrix& matrix) {
      double sum = 0;
      for (const std::size_t j : {3U, 11U}) {
        sum += std::pow(values[j] - matrix.weights[j] * matrix.scales[0], 2);
      }
      return sum;
    };
    with += error(quantise_values(values, 1, kColumns, {{}, power}));
    without += error(quantise_values(values, 1, kColumns, {}));
  }
  EXPECT_LT(with, without / 2);
}

TEST(Quantise, GainsMultiplyColumns) {
  const std::vector<float> values{1, 2, 3, -4};
  const std::vector<float> gains{2, 0.5F};
  const QuantisedMatrix matrix = quantise_values(values, 2, 2, {gains, {}});
  EXPECT_NEAR(matrix.weights[0] * matrix.scales[0], 2, 0.02);
  EXPECT_NEAR(matrix.weights[1] * matrix.scales[0], 1, 0.02);
  EXPECT_NEAR(matrix.weights[2] * matrix.scales[1], 6, 0.05);
  EXPECT_NEAR(matrix.weights[3] * matrix.scales[1], -2, 0.05);
}

TEST(Quantise, ARowOfZerosHasNoScale) {
  const std::vector<float> values(8);
  const QuantisedMatrix matrix = quantise_values(values, 2, 4, {});
  EXPECT_EQ(matrix.scales[0], 0);
  EXPECT_THAT(matrix.weights, ::testing::Each(0));
  EXPECT_EQ(matrix.relative_error, 0);
}

// The slow twin: the scales one by one, from the definition.
TEST(Quantise, TakesTheBestOfThirtyOneScales) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    const std::uint32_t columns = 1 + seed % 37;
    auto values = random_values(columns, seed);
    if (seed % 5 == 0) values[0] *= 1000;  // most steps are far too wide for the others
    std::vector<double> power(columns);
    for (std::size_t j = 0; j < columns; ++j) power[j] = double((seed + j) % 7) / 3;
    const std::span<const double> weights = seed % 2 == 0 ? std::span<const double>() : power;
    double largest = 0;
    for (const float value : values) largest = std::max(largest, std::fabs(double{value}));
    double best = 0;
    double least = std::numeric_limits<double>::infinity();
    for (int i = 0; i < 31; ++i) {
      const double scale = largest / (127 - 0.5 * i);
      double error = 0;
      for (std::size_t j = 0; j < columns; ++j) {
        const double q = std::clamp(std::floor(values[j] / scale + 0.5), -127.0, 127.0);
        const double off = values[j] - q * scale;
        error += (weights.empty() ? 1.0 : weights[j]) * off * off;
      }
      if (error >= least) continue;
      least = error;
      best = scale;
    }
    EXPECT_EQ(quantise_values(values, 1, columns, {{}, weights}).scales[0], best) << seed;
  }
}

TEST(Quantise, ThreadsChangeNothing) {
  constexpr std::uint32_t kRows = 37;
  constexpr std::uint32_t kColumns = 45;
  const auto values = random_values(std::size_t{kRows} * kColumns, 5);
  const QuantisedMatrix alone = quantise_values(values, kRows, kColumns, {});
  for (const std::size_t threads : {2U, 3U, 50U}) {
    ThreadPool pool(threads);
    const QuantisedMatrix together = quantise_values(values, kRows, kColumns, {}, &pool);
    EXPECT_EQ(together.weights, alone.weights);
    EXPECT_EQ(together.scales, alone.scales);
    EXPECT_EQ(together.relative_error, alone.relative_error);
  }
}

TEST(Quantise, MultipliersKeepTheirBits) {
  const std::vector<double> factors{0.7, 1e-3, 0.0, 0.013};
  const auto result = make_multipliers(factors, 24, "m");
  ASSERT_TRUE(result);
  EXPECT_GE(result->values[0], 1U << 23);
  for (std::size_t i = 0; i < factors.size(); ++i) {
    EXPECT_LT(result->values[i], 1U << 24);
    EXPECT_NEAR(std::ldexp(result->values[i], -result->shift), factors[i],
                std::ldexp(0.5, -result->shift));
  }
}

TEST(Quantise, FactorsOutOfReachAreRefusedByName) {
  const double huge = 1e30;
  const auto too_large = make_multipliers({&huge, 1}, 24, "tensor 'x'");
  ASSERT_FALSE(too_large);
  EXPECT_THAT(too_large.error().message, HasSubstr("tensor 'x'"));
  const double tiny = 1e-30;
  EXPECT_FALSE(make_multipliers({&tiny, 1}, 24, "tensor 'x'"));
  const double infinite = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(make_multipliers({&infinite, 1}, 24, "tensor 'x'"));
}

}  // namespace
}  // namespace imo::model
