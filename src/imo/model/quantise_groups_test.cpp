#include "imo/model/quantise_groups.hpp"

#include "imo/base/thread_pool.hpp"
#include "imo/model/test_support.hpp"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

namespace imo::model {
namespace {

constexpr std::size_t kGroup = kGroupColumns;

/// Weight (i, j) as a whole number of its row's scale.
std::int32_t weight(const GroupedMatrix& matrix, std::size_t i, std::size_t j) {
  const std::size_t group = (i * matrix.columns + j) / kGroup;
  const std::uint8_t pair = matrix.bits[group * 16 + j % 16];
  return grouped_weight(j % kGroup < 16 ? pair & 15U : pair >> 4U, matrix.scales[group],
                        matrix.offsets.empty() ? 0 : matrix.offsets[group]);
}

SourceTensor tensor_of(TensorType type, BytesView bytes, std::uint64_t columns,
                       std::uint64_t rows) {
  return {
      .name = "w", .type = type, .dimensions = {columns, rows, 1, 1}, .rank = 2, .bytes = bytes};
}

GroupedMatrix quantise_values(std::span<const float> values, std::uint32_t columns,
                              std::span<const double> power = {}, ThreadPool* pool = nullptr) {
  const auto read = [&](std::uint32_t row, std::span<float> /*scratch*/) {
    return values.subspan(std::size_t{row} * columns, columns);
  };
  return quantise_groups(read, static_cast<std::uint32_t>(values.size() / columns), columns, power,
                         pool);
}

std::vector<float> random_values(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// The four bits of every number are the file's, and every scale is the file's to half a unit.
TEST(ImportGroups, Q4_0IsNotRoundedAgain) {
  constexpr std::size_t kRows = 9;
  constexpr std::size_t kColumns = 96;
  constexpr std::size_t kBlock = 18;
  std::mt19937 random(3);
  Bytes bytes = testing::random_blocks(TensorType::kQ4_0, kRows * kColumns / kGroup, random);
  bytes[0] = bytes[1] = 0;  // a scale of zero
  const GroupedMatrix matrix = import_groups(tensor_of(TensorType::kQ4_0, bytes, kColumns, kRows));
  ASSERT_EQ(matrix.scales.size(), kRows * kColumns / kGroup);
  EXPECT_TRUE(matrix.offsets.empty());
  for (std::size_t k = 0; k < matrix.scales.size(); ++k) {
    for (std::size_t i = 0; i < 16; ++i) {
      ASSERT_EQ(matrix.bits[16 * k + i], bytes[kBlock * k + 2 + i]) << k;
    }
    const double scale =
        half_to_float(static_cast<std::uint16_t>(bytes[kBlock * k] | bytes[kBlock * k + 1] << 8));
    const double unit = matrix.row_scales[k / 3];
    ASSERT_NEAR(matrix.scales[k] * unit, scale, unit * 0.5000001);
  }
  for (std::size_t i = 0; i < kRows; ++i) {
    int greatest = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      greatest = std::max(greatest, std::abs(int{matrix.scales[3 * i + k]}));
    }
    EXPECT_EQ(greatest, 127) << "the greatest scale of a row has all the steps";
  }
  EXPECT_LT(matrix.relative_error, 0.005);
}

// Scales that are whole steps of the greatest: nothing at all is lost.
TEST(ImportGroups, WholeStepsAreExact) {
  constexpr std::size_t kGroups = 4;
  std::mt19937 random(4);
  Bytes bytes = testing::random_blocks(TensorType::kQ4_0, kGroups, random);
  constexpr std::array<int, kGroups> kSteps{127, -3, 64, -126};
  for (std::size_t k = 0; k < kGroups; ++k) {
    const std::uint16_t half = float_to_half(static_cast<float>(kSteps[k]) / 1024);
    bytes[18 * k] = static_cast<std::uint8_t>(half);
    bytes[18 * k + 1] = static_cast<std::uint8_t>(half >> 8);
  }
  const SourceTensor source = tensor_of(TensorType::kQ4_0, bytes, kGroups * kGroup, 1);
  const GroupedMatrix matrix = import_groups(source);
  std::vector<float> values(kGroups * kGroup);
  ASSERT_TRUE(read_row(source, 0, values));
  for (std::size_t k = 0; k < kGroups; ++k) EXPECT_EQ(matrix.scales[k], kSteps[k]);
  for (std::size_t j = 0; j < values.size(); ++j) {
    ASSERT_EQ(weight(matrix, 0, j) * matrix.row_scales[0], values[j]);
  }
  EXPECT_EQ(matrix.relative_error, 0);
}

TEST(ImportGroups, Q4_KIsNotRoundedAgain) {
  constexpr std::size_t kRows = 5;
  constexpr std::size_t kColumns = 512;
  std::mt19937 random(5);
  const Bytes bytes = testing::random_blocks(TensorType::kQ4_K, kRows * kColumns / 256, random);
  const SourceTensor source = tensor_of(TensorType::kQ4_K, bytes, kColumns, kRows);
  const GroupedMatrix matrix = import_groups(source);
  ASSERT_EQ(matrix.offsets.size(), kRows * kColumns / kGroup);
  std::vector<float> values(kColumns);
  for (std::size_t i = 0; i < kRows; ++i) {
    ASSERT_TRUE(read_row(source, i, values));
    const double unit = matrix.row_scales[i];
    for (std::size_t j = 0; j < kColumns; ++j) {
      // The file's bits: 32 bytes hold the numbers of two groups, one in each half.
      const std::size_t block = (i * kColumns + j) / 256 * 144;
      const std::size_t group = j % 256 / kGroup;
      const unsigned quant =
          (bytes[block + 16 + 32 * (group / 2) + j % kGroup] >> (4 * (group % 2))) & 15;
      const std::size_t at = (i * kColumns + j) / kGroup;
      const std::uint8_t pair = matrix.bits[16 * at + j % 16];
      ASSERT_EQ(j % kGroup < 16 ? pair & 15U : pair >> 4U, quant) << i << " " << j;
      // Half a unit of the scale, eight times at most, and half a unit of the offset.
      ASSERT_NEAR(weight(matrix, i, j) * unit, values[j], unit * 4.51) << i << " " << j;
    }
  }
  EXPECT_LT(matrix.relative_error, 0.005);
}

// Whatever a file says, each of the sixteen weights of a group is in range and so is each sum.
TEST(ImportGroups, EverythingStaysInRange) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    std::mt19937 random(seed);
    const TensorType type = seed % 2 == 0 ? TensorType::kQ4_0 : TensorType::kQ4_K;
    const std::size_t columns = seed % 4 < 2 ? 512 : 16384;
    const std::size_t in_block = type == TensorType::kQ4_0 ? 32 : 256;
    Bytes bytes = testing::random_blocks(type, 2 * columns / in_block, random);
    const std::size_t size = bytes.size() / (2 * columns / in_block);
    // Magnitudes from the least to the greatest that halves have, and zeros.
    for (std::size_t at = 1; at < bytes.size(); at += size) {
      bytes[at] = static_cast<std::uint8_t>(random() % 31 << 2U | random() % 4);
      if (random() % 8 == 0) bytes[at] = bytes[at - 1] = 0;
    }
    const GroupedMatrix matrix = import_groups(tensor_of(type, bytes, columns, 2));
    for (std::size_t i = 0; i < 2; ++i) {
      std::int64_t norm = 0;
      for (std::size_t j = 0; j < columns; ++j) norm += std::abs(weight(matrix, i, j));
      ASSERT_LE(norm * kActivationMax, kAccumulatorMax) << seed;
    }
    for (std::size_t k = 0; k < matrix.scales.size(); ++k) {
      const int offset = matrix.offsets.empty() ? 0 : matrix.offsets[k];
      ASSERT_GE(matrix.scales[k], -kGroupScaleMax);
      for (const unsigned bits : {0U, 15U}) {
        ASSERT_LE(std::abs(grouped_weight(bits, matrix.scales[k], offset)), kGroupedWeightMax);
      }
    }
  }
}

TEST(QuantiseGroups, ErrorIsNoWorseThanPlainRounding) {
  constexpr std::uint32_t kColumns = 160;
  const auto values = random_values(std::size_t{7} * kColumns, 1);
  const GroupedMatrix matrix = quantise_values(values, kColumns);
  EXPECT_TRUE(matrix.offsets.empty());
  double chosen = 0;
  double plain = 0;
  double norm = 0;
  for (std::size_t first = 0; first < values.size(); first += kGroup) {
    float extreme = 0;
    for (std::size_t j = 0; j < kGroup; ++j) {
      if (std::fabs(values[first + j]) > std::fabs(extreme)) extreme = values[first + j];
    }
    const double scale = extreme / -8;
    for (std::size_t j = 0; j < kGroup; ++j) {
      const double w = values[first + j];
      const std::size_t row = (first + j) / kColumns;
      const double made = weight(matrix, row, (first + j) % kColumns) * matrix.row_scales[row];
      chosen += std::pow(w - made, 2);
      plain += std::pow(w - scale * std::clamp(std::floor(w / scale + 0.5), -8.0, 7.0), 2);
      norm += w * w;
    }
  }
  EXPECT_LT(chosen, plain);
  EXPECT_NEAR(matrix.relative_error, std::sqrt(chosen / norm), 1e-12);
  EXPECT_LT(matrix.relative_error, 0.1);
}

TEST(QuantiseGroups, PowerMovesTheErrorToColumnsThatDoNotMatter) {
  double with = 0;
  double without = 0;
  std::vector<double> power(kGroup, 1e-6);
  power[3] = power[20] = 1;
  for (unsigned seed = 0; seed < 50; ++seed) {
    const auto values = random_values(kGroup, seed);
    const auto error = [&](const GroupedMatrix& matrix) {
      double sum = 0;
      for (const std::size_t j : {3U, 20U}) {
        sum += std::pow(values[j] - weight(matrix, 0, j) * matrix.row_scales[0], 2);
      }
      return sum;
    };
    with += error(quantise_values(values, kGroup, power));
    without += error(quantise_values(values, kGroup));
  }
  EXPECT_LT(with, without * 0.7);
}

TEST(QuantiseGroups, ZerosStayZeros) {
  std::vector<float> values(3 * 64);
  values[64 + 5] = 1;  // one group of one row
  const GroupedMatrix matrix = quantise_values(values, 64);
  EXPECT_EQ(matrix.row_scales[0], 0);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 64; ++j) {
      EXPECT_EQ(weight(matrix, i, j) != 0, i == 1 && j == 5);
    }
  }
  EXPECT_EQ(quantise_values(std::vector<float>(64), 64).relative_error, 0);
}

// Sums of the longest row of equal numbers would leave their range at the finest unit.
TEST(QuantiseGroups, LongRowsGetACoarserUnit) {
  const std::vector<float> values(16384, -1.0F);
  const GroupedMatrix matrix = quantise_values(values, 16384);
  std::int64_t norm = 0;
  for (std::size_t j = 0; j < values.size(); ++j) norm += std::abs(weight(matrix, 0, j));
  EXPECT_LE(norm * kActivationMax, kAccumulatorMax);
  EXPECT_GT(norm * kActivationMax, kAccumulatorMax / 2) << "no coarser than it has to be";
  EXPECT_LT(matrix.relative_error, 0.05);
}

TEST(QuantiseGroups, ThreadsChangeNothing) {
  const auto values = random_values(std::size_t{37} * 96, 5);
  std::mt19937 random(6);
  const Bytes bytes = testing::random_blocks(TensorType::kQ4_K, 37, random);
  const SourceTensor source = tensor_of(TensorType::kQ4_K, bytes, 256, 37);
  const GroupedMatrix made = quantise_values(values, 96);
  const GroupedMatrix imported = import_groups(source);
  const auto expect_same = [](const GroupedMatrix& a, const GroupedMatrix& b) {
    EXPECT_EQ(a.bits, b.bits);
    EXPECT_EQ(a.scales, b.scales);
    EXPECT_EQ(a.offsets, b.offsets);
    EXPECT_EQ(a.row_scales, b.row_scales);
    EXPECT_EQ(a.relative_error, b.relative_error);
  };
  for (const std::size_t threads : {2U, 3U, 50U}) {
    ThreadPool pool(threads);
    expect_same(quantise_values(values, 96, {}, &pool), made);
    expect_same(import_groups(source, &pool), imported);
  }
}

}  // namespace
}  // namespace imo::model
