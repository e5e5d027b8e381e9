#include "imo/engine/kernels.hpp"

#include "imo/model/operators.hpp"

#include <array>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace imo::engine {
namespace {

constexpr std::array<std::size_t, 14> kLengths{1,  2,  7,   8,   15,  31,   32,
                                               64, 80, 172, 255, 256, 1000, 16384};

// Any bytes: also -128 and -32768, which no verified program holds.
template <typename T>
std::vector<T> any_values(std::size_t count, std::mt19937& random) {
  std::vector<T> values(count);
  for (T& value : values) value = static_cast<T>(random());
  return values;
}

TEST(Kernels, DotIsTheDefinition) {
  std::mt19937 random(1);
  for (const std::size_t length : kLengths) {
    for (int round = 0; round < 20; ++round) {
      const auto w = any_values<std::int8_t>(length, random);
      const auto x = any_values<std::int16_t>(length, random);
      ASSERT_EQ(dot(w.data(), x.data(), length), model::dot_product(std::span(w), std::span(x)));
      const auto y = any_values<std::int16_t>(length, random);
      ASSERT_EQ(dot(x.data(), y.data(), length), model::dot_product(std::span(x), std::span(y)));
    }
  }
}

TEST(Kernels, DotFourIsFourDots) {
  std::mt19937 random(2);
  for (const std::size_t length : kLengths) {
    const std::size_t stride = length + random() % 5;
    const auto w = any_values<std::int8_t>(length, random);
    const auto x = any_values<std::int16_t>(4 * stride, random);
    std::array<std::int64_t, 4> sums{};
    dot_four(w.data(), x.data(), stride, length, sums.data());
    for (std::size_t i = 0; i < 4; ++i) {
      ASSERT_EQ(sums[i], dot(w.data(), x.data() + i * stride, length));
    }
  }
}

// All products of one sign and the greatest size: where a 32-bit sum would overflow first.
TEST(Kernels, TheLongestRowOfExtremesIsExact) {
  constexpr std::size_t kLength = 16384;
  for (const int w : {-128, -127, 127}) {
    for (const int x : {-32768, -32767, 32767}) {
      const std::vector<std::int8_t> weights(kLength, static_cast<std::int8_t>(w));
      const std::vector<std::int16_t> inputs(4 * kLength, static_cast<std::int16_t>(x));
      const std::int64_t expected = std::int64_t{w} * x * std::int64_t{kLength};
      EXPECT_EQ(dot(weights.data(), inputs.data(), kLength), expected);
      std::array<std::int64_t, 4> sums{};
      dot_four(weights.data(), inputs.data(), kLength, kLength, sums.data());
      EXPECT_EQ(sums, (std::array{expected, expected, expected, expected}));
    }
  }
  const std::vector<std::int16_t> lowest(512, -32768);
  EXPECT_EQ(dot(lowest.data(), lowest.data(), 512), std::int64_t{512} << 30);
}

TEST(Kernels, MixHeadAddsExactProducts) {
  std::mt19937 random(3);
  for (const std::size_t head : {1U, 8U, 13U, 64U, 80U, 512U}) {
    for (const std::size_t keys : {1U, 31U, 32U, 33U, 700U}) {
      const std::size_t stride = head + 3;
      auto v = any_values<std::int16_t>(keys * stride, random);
      std::vector<std::int32_t> e(keys);
      for (std::int32_t& each : e) each = static_cast<std::int32_t>(random() % ((1U << 20) + 1));
      if (head == 8) {  // the extremes
        std::fill(e.begin(), e.end(), 1 << 20);
        std::fill(v.begin(), v.end(), std::int16_t{-32768});
      }
      std::vector<std::int64_t> sums(head, 99);
      mix_head(e.data(), v.data(), stride, keys, head, sums.data());
      for (std::size_t j = 0; j < head; ++j) {
        std::int64_t expected = 0;
        for (std::size_t t = 0; t < keys; ++t) expected += std::int64_t{e[t]} * v[t * stride + j];
        ASSERT_EQ(sums[j], expected);
      }
    }
  }
}

}  // namespace
}  // namespace imo::engine
