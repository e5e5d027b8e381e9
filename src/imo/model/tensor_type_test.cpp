#include "imo/model/tensor_type.hpp"

#include "imo/model/architecture.hpp"
#include "imo/model/test_support.hpp"

#include <array>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace imo::model {
namespace {

TEST(Half, EveryHalfSurvivesSinglePrecision) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = half_to_float(half);
    if (std::isnan(value)) {
      EXPECT_TRUE((bits & 0x7C00) == 0x7C00 && (bits & 0x3FF) != 0);
      continue;
    }
    ASSERT_EQ(float_to_half(value), half) << bits;
  }
}

TEST(Half, KnownValues) {
  EXPECT_EQ(half_to_float(0x3C00), 1.0F);
  EXPECT_EQ(half_to_float(0xC000), -2.0F);
  EXPECT_EQ(half_to_float(0x7BFF), 65504.0F);
  EXPECT_EQ(half_to_float(0x0001), 0x1p-24F);
  EXPECT_EQ(half_to_float(0x03FF), 1023 * 0x1p-24F);
  EXPECT_TRUE(std::isinf(half_to_float(0xFC00)));
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(float_to_half(1.0F + 0x1p-11F), 0x3C00);      // halfway: to even
  EXPECT_EQ(float_to_half(1.0F + 3 * 0x1p-11F), 0x3C02);  // halfway: to even, upwards
  EXPECT_EQ(float_to_half(1.0F + 0x1p-11F + 0x1p-20F), 0x3C01);
  EXPECT_EQ(float_to_half(0x1p-25F), 0x0000);  // half the least subnormal
  EXPECT_EQ(float_to_half(0x1.8p-25F), 0x0001);
  EXPECT_EQ(float_to_half(65519.0F), 0x7BFF);
  EXPECT_EQ(float_to_half(65520.0F), 0x7C00);
  EXPECT_EQ(float_to_half(1e9F), 0x7C00);
}

TEST(TensorType, OnlyTheFormatsOfTheDesign) {
  for (const std::uint32_t type : {0U, 1U, 2U, 8U, 12U, 14U, 30U}) {
    EXPECT_TRUE(tensor_type_traits(type).has_value()) << type;
  }
  for (const std::uint32_t type : {3U, 6U, 9U, 10U, 11U, 13U, 15U, 24U, 31U, 1000U, 0xFFFFFFFFU}) {
    EXPECT_FALSE(tensor_type_traits(type).has_value()) << type;
  }
}

TEST(Dequantize, Plain) {
  std::vector<float> out(2);
  dequantize_row(TensorType::kF32, Bytes{0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC1}, out);
  EXPECT_EQ(out, (std::vector<float>{1.0F, -10.0F}));
  dequantize_row(TensorType::kF16, Bytes{0x00, 0x3C, 0x00, 0xC0}, out);
  EXPECT_EQ(out, (std::vector<float>{1.0F, -2.0F}));
  dequantize_row(TensorType::kBF16, Bytes{0x80, 0x3F, 0x20, 0xC1}, out);
  EXPECT_EQ(out, (std::vector<float>{1.0F, -10.0F}));
}

TEST(Dequantize, Q8_0) {
  Bytes row = {0x00, 0x38};  // 0.5
  for (int i = 0; i < 32; ++i) row.push_back(static_cast<std::uint8_t>(i * 8 - 128));
  std::vector<float> out(32);
  dequantize_row(TensorType::kQ8_0, row, out);
  for (int i = 0; i < 32; ++i) {
    EXPECT_EQ(out[static_cast<std::size_t>(i)], 0.5F * static_cast<float>(i * 8 - 128));
  }
}

TEST(Dequantize, Q4_0) {
  Bytes row = {0x00, 0x40};  // 2.0
  for (std::uint8_t i = 0; i < 16; ++i)
    row.push_back(static_cast<std::uint8_t>(i | ((15 - i) << 4)));
  std::vector<float> out(32);
  dequantize_row(TensorType::kQ4_0, row, out);
  for (std::size_t i = 0; i < 16; ++i) {
    EXPECT_EQ(out[i], 2.0F * (static_cast<float>(i) - 8.0F));
    EXPECT_EQ(out[i + 16], 2.0F * (7.0F - static_cast<float>(i)));
  }
}

// The packing of the K formats, written down from the other side: from numbers to bits.
TEST(Dequantize, Q4_K) {
  std::mt19937 random(4);
  std::array<std::uint32_t, 8> scales{};
  std::array<std::uint32_t, 8> minima{};
  std::array<std::uint32_t, 256> quants{};
  for (auto& s : scales) s = testing::below(random, 64);
  for (auto& m : minima) m = testing::below(random, 64);
  for (auto& q : quants) q = testing::below(random, 16);
  Bytes row(144, 0);
  row[1] = 0x38;  // d = 0.5
  row[3] = 0x34;  // dmin = 0.25
  const auto set = [&](std::size_t at, std::uint32_t bits) {
    row[at] = static_cast<std::uint8_t>(row[at] | bits);
  };
  for (std::size_t j = 0; j < 4; ++j) {
    set(4 + j, scales[j] | ((scales[j + 4] >> 4) << 6));
    set(8 + j, minima[j] | ((minima[j + 4] >> 4) << 6));
    set(12 + j, (scales[j + 4] & 15) | ((minima[j + 4] & 15) << 4));
  }
  for (std::size_t i = 0; i < 256; ++i) {
    const std::size_t sub = i / 32;
    set(16 + sub / 2 * 32 + i % 32, quants[i] << (sub % 2 * 4));
  }
  std::vector<float> out(256);
  dequantize_row(TensorType::kQ4_K, row, out);
  for (std::size_t i = 0; i < 256; ++i) {
    const auto scale = static_cast<float>(scales[i / 32]);
    const auto min = static_cast<float>(minima[i / 32]);
    ASSERT_EQ(out[i], 0.5F * scale * static_cast<float>(quants[i]) - 0.25F * min) << i;
  }
}

TEST(Dequantize, Q6_K) {
  std::mt19937 random(6);
  std::array<int, 16> scales{};
  std::array<std::uint32_t, 256> quants{};
  for (auto& s : scales) s = static_cast<int>(testing::below(random, 256)) - 128;
  for (auto& q : quants) q = testing::below(random, 64);
  Bytes row(210, 0);
  row[209] = 0x38;  // d = 0.5
  for (std::size_t i = 0; i < 16; ++i) row[192 + i] = static_cast<std::uint8_t>(scales[i]);
  for (std::size_t i = 0; i < 256; ++i) {
    const std::size_t half = i / 128;
    const std::size_t quarter = i % 128 / 32;
    const std::size_t low = 64 * half + 32 * (quarter % 2) + i % 32;
    const std::size_t high = 128 + 32 * half + i % 32;
    row[low] = static_cast<std::uint8_t>(row[low] | ((quants[i] & 15) << (quarter / 2 * 4)));
    row[high] = static_cast<std::uint8_t>(row[high] | ((quants[i] >> 4) << (2 * quarter)));
  }
  std::vector<float> out(256);
  dequantize_row(TensorType::kQ6_K, row, out);
  for (std::size_t i = 0; i < 256; ++i) {
    const auto scale = static_cast<float>(scales[i / 16]);
    ASSERT_EQ(out[i], 0.5F * scale * (static_cast<float>(quants[i]) - 32.0F)) << i;
  }
}

// Against files that llama-quantize wrote from one another.
TEST(Dequantize, QuantisedFilesAreCloseToTheirOriginal) {
  const auto original_path = testing::shared_file("models/stories260K/stories260K-pad192-f32.gguf");
  IMO_NEED_SHARED(original_path);
  const auto original = ModelSource::open(original_path);
  ASSERT_TRUE(original.has_value()) << original.error().message;
  for (const auto& [kind, step] : {std::pair{"Q8_0", 1.0F / 127}, std::pair{"Q4_0", 1.0F / 7}}) {
    const auto quantised = ModelSource::open(testing::shared_file(
        std::string("models/stories260K/stories260K-pad192-") + kind + ".gguf"));
    ASSERT_TRUE(quantised.has_value()) << quantised.error().message;
    const auto a = read_tensor(*original->tensors().layers[2].gate);
    const auto b = read_tensor(*quantised->tensors().layers[2].gate);
    ASSERT_TRUE(a && b);
    for (std::size_t block = 0; block < a->size(); block += 32) {
      float greatest = 0;
      for (std::size_t i = block; i < block + 32; ++i) {
        greatest = std::max(greatest, std::abs((*a)[i]));
      }
      for (std::size_t i = block; i < block + 32; ++i) {
        ASSERT_NEAR((*a)[i], (*b)[i], greatest * step * 1.01F) << kind << " " << i;
      }
    }
  }
}

}  // namespace
}  // namespace imo::model
