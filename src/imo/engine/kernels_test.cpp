// Every kernel against the scalar ones, and those against the definitions in model/operators.hpp.

#include "imo/engine/kernels.hpp"

#include "imo/engine/aligned.hpp"
#include "imo/model/operators.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace imo::engine {
namespace {

// Lengths around the width of a vector and of a block.
constexpr std::array<std::size_t, 15> kLengths{1,  2,  7,   8,   15,  16,   31,   32,
                                               64, 80, 172, 513, 528, 1000, 16384};
constexpr std::array<unsigned, 7> kShifts{1, 2, 13, 30, 40, 61, 62};

/// Values in [-limit, limit], with the limits themselves far more often than chance has them.
template <typename T>
std::vector<T> values(std::size_t count, std::int64_t limit, std::mt19937_64& random) {
  std::vector<T> made(count);
  for (T& value : made) {
    const std::uint64_t draw = random();
    const auto any =
        static_cast<std::int64_t>(draw % (2 * static_cast<std::uint64_t>(limit) + 1)) - limit;
    value = static_cast<T>(draw >> 62 == 0 ? (any < 0 ? -limit : limit) : any);
  }
  return made;
}

class Kernels : public ::testing::TestWithParam<const imo::engine::Kernels*> {
 protected:
  const imo::engine::Kernels& fast = *GetParam();
  const imo::engine::Kernels& slow = scalar_kernels();
  std::mt19937_64 random{7};
};

std::vector<std::int64_t> sums_of(const imo::engine::Kernels& kernels, const WeightRows& w,
                                  const InputRows& x) {
  std::vector<std::int64_t> sums(w.rows * x.count, 99);
  kernels.products(w, x, sums.data());
  return sums;
}

TEST_P(Kernels, ProductsAreTheDefinition) {
  for (const std::size_t columns : kLengths) {
    for (const std::size_t rows : {1U, 2U, 3U, 4U, 7U, 48U}) {
      for (const std::size_t inputs : {1U, 2U, 3U, 4U, 5U, 32U}) {
        if (columns * rows * inputs > 200'000) continue;
        const std::size_t stride = columns + random() % 5;
        const auto w = values<std::int8_t>(rows * columns, model::kWeightMax, random);
        const auto x = values<std::int16_t>(inputs * stride, model::kActivationMax, random);
        const auto sums = sums_of(fast, {w.data(), rows, columns}, {x.data(), stride, inputs});
        for (std::size_t t = 0; t < inputs; ++t) {
          for (std::size_t r = 0; r < rows; ++r) {
            ASSERT_EQ(sums[t * rows + r],
                      model::dot_product(std::span(w).subspan(r * columns, columns),
                                         std::span(x).subspan(t * stride, columns)))
                << rows << " x " << columns << ", " << inputs << " inputs";
          }
        }
      }
    }
  }
}

// All products of one sign and the greatest size: where a 32-bit sum would overflow first.
TEST_P(Kernels, TheLongestRowOfExtremesIsExact) {
  constexpr std::size_t kLength = 16384;
  for (const int weight : {-127, 127}) {
    for (const int input : {-32767, 32767}) {
      const std::vector<std::int8_t> w(4 * kLength, static_cast<std::int8_t>(weight));
      const std::vector<std::int16_t> x(5 * kLength, static_cast<std::int16_t>(input));
      const std::int64_t expected = std::int64_t{weight} * input * std::int64_t{kLength};
      for (const std::size_t inputs : {1U, 5U}) {
        for (const std::int64_t sum :
             sums_of(fast, {w.data(), 4, kLength}, {x.data(), kLength, inputs})) {
          ASSERT_EQ(sum, expected);
        }
      }
    }
  }
}

/// Grouped weights at odd addresses, as a mapped file may have them.
class Groups {
 public:
  Groups(std::size_t rows, std::size_t columns, bool has_offsets)
      : rows_(rows),
        columns_(columns),
        bits_(rows * columns / 2 + 1),
        scales_(rows * columns / model::kGroupColumns + 1),
        offsets_(has_offsets ? scales_.size() : 1) {}

  void fill(std::uint8_t bits, std::int8_t scale, std::int16_t offset) {
    std::fill(bits_.begin(), bits_.end(), bits);
    std::fill(scales_.begin(), scales_.end(), scale);
    std::fill(offsets_.begin(), offsets_.end(), offset);
  }

  // Extremes among them: of bits, of scales, and of offsets, which may go as far as weights do.
  void fill(std::mt19937_64& random) {
    for (std::uint8_t& pair : bits_) {
      constexpr std::array<std::uint8_t, 4> kEnds{0x00, 0x0F, 0xF0, 0xFF};
      pair = random() % 4 == 0 ? kEnds[random() % 4] : static_cast<std::uint8_t>(random());
    }
    scales_ = values<std::int8_t>(scales_.size(), model::kGroupScaleMax, random);
    for (std::size_t i = 0; i < offsets_.size(); ++i) {
      const int scale = scales_[i];
      const int least = -model::kGroupedWeightMax + std::max(8 * scale, -7 * scale);
      const int most = model::kGroupedWeightMax + std::min(8 * scale, -7 * scale);
      const int any = least + static_cast<int>(random() % static_cast<unsigned>(most - least + 1));
      const std::array<int, 4> choices{least, most, any, any};
      offsets_[i] = static_cast<std::int16_t>(choices[random() % 4]);
    }
  }

  [[nodiscard]] GroupedRows view() const {
    return {{std::span(bits_).subspan(1), std::span(scales_).subspan(1),
             std::span(offsets_).subspan(1)},
            rows_,
            columns_};
  }

  [[nodiscard]] std::int64_t weight(std::size_t row, std::size_t column) const {
    const model::GroupedWeights weights = view().weights;
    const std::size_t group = (row * columns_ + column) / 32;
    const std::uint8_t pair = weights.bits[group * 16 + column % 16];
    return model::grouped_weight(column % 32 < 16 ? pair & 15U : pair >> 4U, weights.scales[group],
                                 weights.offsets.empty() ? 0 : weights.offsets[group]);
  }

 private:
  std::size_t rows_;
  std::size_t columns_;
  std::vector<std::uint8_t> bits_;
  std::vector<std::int8_t> scales_;
  std::vector<std::int16_t> offsets_;
};

std::vector<std::int64_t> sums_of(const imo::engine::Kernels& kernels, const GroupedRows& w,
                                  const InputRows& x) {
  std::vector<std::int64_t> sums(w.rows * x.count, 99);
  kernels.grouped_products(w, x, sums.data());
  return sums;
}

void expect_definition(const Groups& groups, const std::vector<std::int64_t>& sums,
                       const InputRows& x) {
  const GroupedRows view = groups.view();
  for (std::size_t r = 0; r < view.rows; ++r) {
    for (std::size_t t = 0; t < x.count; ++t) {
      std::int64_t expected = 0;
      for (std::size_t j = 0; j < view.columns; ++j) {
        expected += groups.weight(r, j) * x.values[t * x.stride + j];
      }
      ASSERT_EQ(sums[t * view.rows + r], expected)
          << view.rows << " x " << view.columns << ", " << x.count << " inputs";
    }
  }
}

// Lengths of one group, around what a loop takes at once, and around a piece of each kernel.
TEST_P(Kernels, GroupedProductsAreTheDefinition) {
  for (const std::size_t columns :
       {32U, 64U, 96U, 128U, 160U, 224U, 480U, 512U, 544U, 992U, 1024U, 1056U, 1120U, 16384U}) {
    for (const std::size_t rows : {1U, 2U, 3U, 4U, 5U, 7U, 48U}) {
      for (const std::size_t inputs : {1U, 2U, 3U, 4U, 5U, 9U, 32U}) {
        if (columns * rows * inputs > 200'000) continue;
        for (const bool has_offsets : {false, true}) {
          const std::size_t stride = columns + random() % 5;
          Groups groups(rows, columns, has_offsets);
          groups.fill(random);
          const auto x = values<std::int16_t>(inputs * stride, model::kActivationMax, random);
          const InputRows input{x.data(), stride, inputs};
          expect_definition(groups, sums_of(fast, groups.view(), input), input);
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST_P(Kernels, TheLongestRowOfExtremeGroupsIsExact) {
  constexpr std::size_t kLength = 16384;
  struct Case {
    std::uint8_t bits;
    int scale;
    int offset;
    std::int64_t weight;
  };
  for (const Case& each :
       {Case{0x00, 127, 0, -1016}, Case{0x00, -127, 0, 1016}, Case{0xFF, 127, 0, 889},
        Case{0xFF, -127, 0, -889}, Case{0xFF, 127, 127, 1016}, Case{0x88, 127, 0, 0},
        Case{0x5A, 0, 1016, 1016}, Case{0xA5, 0, -1016, -1016}}) {
    for (const int input : {-32767, 32767}) {
      Groups groups(4, kLength, each.offset != 0);
      groups.fill(each.bits, static_cast<std::int8_t>(each.scale),
                  static_cast<std::int16_t>(each.offset));
      const std::vector<std::int16_t> x(5 * kLength, static_cast<std::int16_t>(input));
      for (const std::size_t inputs : {1U, 5U}) {
        for (const std::int64_t sum : sums_of(fast, groups.view(), {x.data(), kLength, inputs})) {
          ASSERT_EQ(sum, each.weight * input * std::int64_t{kLength});
        }
      }
    }
  }
}

TEST_P(Kernels, RequantiseIsTheDefinition) {
  for (const std::size_t rows : {1U, 4U, 8U, 13U, 48U}) {
    for (const unsigned shift : kShifts) {
      const auto sums = values<std::int64_t>(rows, model::kAccumulatorMax / 2, random);
      auto biases = values<std::int64_t>(rows, model::kAccumulatorMax / 2, random);
      if (random() % 2 == 0) biases.clear();
      auto multipliers = values<std::uint32_t>(rows, model::kRowMultiplierMax, random);
      for (std::uint32_t& m : multipliers)
        m &= static_cast<std::uint32_t>(model::kRowMultiplierMax);
      std::vector<std::int16_t> narrow(rows);
      std::vector<std::int32_t> wide(rows);
      fast.requantise_narrow(sums, biases, multipliers.data(), {shift, 15}, narrow.data());
      fast.requantise_wide(sums, biases, multipliers.data(), {shift, 31}, wide.data());
      for (std::size_t r = 0; r < rows; ++r) {
        const std::int64_t bias = biases.empty() ? 0 : biases[r];
        ASSERT_EQ(narrow[r], model::matmul_element(sums[r], bias, multipliers[r], shift, 15));
        ASSERT_EQ(wide[r], model::matmul_element(sums[r], bias, multipliers[r], shift, 31));
      }
    }
  }
}

TEST_P(Kernels, ScoresAreTheDefinition) {
  for (const std::size_t dimension : {1U, 8U, 13U, 48U, 64U, 80U, 128U, 512U}) {
    for (const std::size_t keys : {1U, 2U, 33U}) {
      const std::size_t stride = dimension + 3;
      const auto q = values<std::int16_t>(dimension, model::kActivationMax, random);
      const auto k = values<std::int16_t>(keys * stride, model::kActivationMax, random);
      std::vector<std::int32_t> out(keys);
      fast.scores(q.data(), {k.data(), stride, keys, dimension}, 1'048'575, {35, 23}, out.data());
      for (std::size_t t = 0; t < keys; ++t) {
        const std::int64_t sum =
            model::dot_product(std::span(q), std::span(k).subspan(t * stride, dimension));
        ASSERT_EQ(out[t], model::rescale(sum * 1'048'575, 35, 23));
      }
    }
  }
}

// The longest head with all products of one sign and the greatest size, or alternating so that
// pairs come out around 0: where the parts of a sum would leave their 32 bits first.
TEST_P(Kernels, ScoresOfExtremesAreExact) {
  constexpr std::size_t kDimension = 512;
  constexpr std::size_t kKeys = 7;
  for (const int query : {-32767, -1, 1, 32767}) {
    for (const int even : {-32767, -1, 32767}) {
      for (const int odd : {-32767, 1, 32767}) {
        const std::vector<std::int16_t> q(kDimension, static_cast<std::int16_t>(query));
        std::vector<std::int16_t> k(kKeys * kDimension, static_cast<std::int16_t>(even));
        for (std::size_t j = 1; j < k.size(); j += 2) k[j] = static_cast<std::int16_t>(odd);
        const std::int64_t sum = std::int64_t{query} * (even + odd) * std::int64_t{kDimension / 2};
        for (const unsigned shift : {1U, 36U, 61U, 62U}) {
          std::vector<std::int32_t> out(kKeys);
          fast.scores(q.data(), {k.data(), kDimension, kKeys, kDimension},
                      static_cast<std::uint32_t>(model::kScoreMultiplierMax), {shift, 23},
                      out.data());
          for (const std::int32_t score : out) {
            ASSERT_EQ(score, model::rescale(sum * model::kScoreMultiplierMax, shift, 23));
          }
        }
      }
    }
  }
}

TEST_P(Kernels, MixAddsExactProducts) {
  for (const std::size_t dimension : {1U, 8U, 13U, 48U, 64U, 80U, 512U}) {
    for (const std::size_t keys : {1U, 31U, 32U, 33U, 700U}) {
      const std::size_t stride = dimension + 3;
      const auto v = values<std::int16_t>(keys * stride, model::kActivationMax, random);
      auto e = values<std::int32_t>(keys, 1 << 20, random);
      for (std::int32_t& each : e) each = std::abs(each);
      std::vector<std::int64_t> out(dimension, 99);
      fast.mix(e.data(), {v.data(), stride, keys, dimension}, out.data());
      for (std::size_t j = 0; j < dimension; ++j) {
        std::int64_t expected = 0;
        for (std::size_t t = 0; t < keys; ++t) expected += std::int64_t{e[t]} * v[t * stride + j];
        ASSERT_EQ(out[j], expected);
      }
    }
  }
}

TEST_P(Kernels, SoftmaxPartsAreTheDefinition) {
  const auto table = values<std::int32_t>(model::kExpEntries, 1 << 20, random);
  for (const std::size_t keys : kLengths) {
    const auto z = values<std::int32_t>(keys, (1 << 23) - 1, random);
    const std::int32_t maximum = *std::max_element(z.begin(), z.end());
    ASSERT_EQ(fast.maximum(z), maximum);
    std::vector<std::int32_t> out(keys);
    fast.exps(z, maximum, table.data(), out.data());
    std::int64_t sum = 0;
    for (std::size_t t = 0; t < keys; ++t) {
      ASSERT_EQ(out[t], table[model::exp_index(maximum, z[t])]);
      sum += out[t];
    }
    ASSERT_EQ(fast.sum(out), sum);
  }
}

TEST_P(Kernels, NormPartsAreTheDefinition) {
  for (const std::size_t length : kLengths) {
    for (const unsigned shift : kShifts) {
      const auto x = values<std::int32_t>(length, 0x7FFFFFFF, random);
      std::vector<std::int32_t> narrowed(length);
      fast.narrow(x, {shift, 19}, narrowed.data());
      for (std::size_t i = 0; i < length; ++i) {
        ASSERT_EQ(narrowed[i], model::rescale(x[i], shift, 19));
      }
      const auto u = values<std::int32_t>(length, (1 << 19) - 1, random);
      ASSERT_EQ(fast.sum_squares(u), model::sum_squares(u, 0));
      const auto mixed = values<std::int64_t>(length, (1LL << 35) - 1, random);
      for (const std::int64_t r : {std::int64_t{0}, std::int64_t{1}, std::int64_t{987'654'321},
                                   (std::int64_t{1} << 40) - 1, std::int64_t{1} << 40}) {
        std::vector<std::int16_t> out(length);
        fast.scale_narrowed(u, r, {shift, 15}, out.data());
        for (std::size_t i = 0; i < length; ++i) {
          ASSERT_EQ(out[i], model::rescale(std::int64_t{u[i]} * r, shift, 15));
        }
        const std::int64_t small = r >> 16;
        fast.scale_mixed(mixed, small, {shift, 15}, out.data());
        for (std::size_t i = 0; i < length; ++i) {
          ASSERT_EQ(out[i], model::rescale(mixed[i] * small, shift, 15));
        }
      }
    }
  }
  // The widest mix, whose reciprocal is 2^44 / Z: 2^52 * 2^7.
  const std::vector<std::int64_t> widest{(1LL << 52) - 1,  -(1LL << 52) + 1, (1LL << 52) - 1, 0,
                                         -(1LL << 52) + 1, (1LL << 26),      -(1LL << 26),    1};
  std::vector<std::int16_t> out(8);
  fast.scale_mixed(widest, 127, {45, 15}, out.data());
  for (std::size_t i = 0; i < 8; ++i) ASSERT_EQ(out[i], model::rescale(widest[i] * 127, 45, 15));
}

TEST_P(Kernels, ElementwiseLoopsAreTheDefinition) {
  for (const std::size_t length : kLengths) {
    const auto x = values<std::int32_t>(length, 0x7FFFFFFF, random);
    const auto y = values<std::int32_t>(length, 0x7FFFFFFF, random);
    std::vector<std::int32_t> sums(length);
    fast.add(x, y.data(), sums.data());
    for (std::size_t i = 0; i < length; ++i) ASSERT_EQ(sums[i], model::add_element(x[i], y[i]));

    const auto a = values<std::int16_t>(length, model::kActivationMax, random);
    const auto b = values<std::int16_t>(length, model::kActivationMax, random);
    std::vector<std::int16_t> out(length);
    for (const unsigned shift : kShifts) {
      fast.multiply(a, b.data(), {shift, 15}, out.data());
      for (std::size_t i = 0; i < length; ++i) {
        ASSERT_EQ(out[i], model::rescale(std::int64_t{a[i]} * b[i], shift, 15));
      }
    }
    const auto turns = values<std::int16_t>(length, 1 << model::kRopeFraction, random);
    fast.rope_pairs({a.data(), length / 2 * 2}, turns.data(), out.data());
    for (std::size_t i = 0; i + 1 < length; i += 2) {
      ASSERT_EQ(out[i], model::rope_first(a[i], a[i + 1], turns[i], turns[i + 1]));
      ASSERT_EQ(out[i + 1], model::rope_second(a[i], a[i + 1], turns[i], turns[i + 1]));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(OfThisMachine, Kernels, ::testing::ValuesIn(available_kernels()),
                         [](const auto& instance) { return std::string(instance.param->name); });

TEST(KernelNames, AnUnknownOneIsRefusedNamingThoseThereAre) {
  const auto none = find_kernels("abacus");
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("scalar"), std::string::npos);
  EXPECT_EQ(*find_kernels("scalar"), &scalar_kernels());
}

}  // namespace
}  // namespace imo::engine
