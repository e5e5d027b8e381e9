#include "imo/model/quantise.hpp"

#include <cmath>
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
  const QuantisedMatrix matrix = quantise_rows(values, kRows, kColumns, {});
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
    with += error(quantise_rows(values, 1, kColumns, {{}, power}));
    without += error(quantise_rows(values, 1, kColumns, {}));
  }
  EXPECT_LT(with, without / 2);
}

TEST(Quantise, GainsMultiplyColumns) {
  const std::vector<float> values{1, 2, 3, -4};
  const std::vector<float> gains{2, 0.5F};
  const QuantisedMatrix matrix = quantise_rows(values, 2, 2, {gains, {}});
  EXPECT_NEAR(matrix.weights[0] * matrix.scales[0], 2, 0.02);
  EXPECT_NEAR(matrix.weights[1] * matrix.scales[0], 1, 0.02);
  EXPECT_NEAR(matrix.weights[2] * matrix.scales[1], 6, 0.05);
  EXPECT_NEAR(matrix.weights[3] * matrix.scales[1], -2, 0.05);
}

TEST(Quantise, ARowOfZerosHasNoScale) {
  const std::vector<float> values(8);
  const QuantisedMatrix matrix = quantise_rows(values, 2, 4, {});
  EXPECT_EQ(matrix.scales[0], 0);
  EXPECT_THAT(matrix.weights, ::testing::Each(0));
  EXPECT_EQ(matrix.relative_error, 0);
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
