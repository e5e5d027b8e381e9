#include "imo/engine/kernels.hpp"
#include "imo/model/operators.hpp"

#include <algorithm>
#include <array>

namespace imo::engine {
namespace {

// 256 * 2^7 * 2^15 = 2^30: an int32 holds that many products whatever their values, so a block is
// summed in 32 bits, which a compiler can vectorise, and only its sum is widened.
constexpr std::size_t kBlock = 256;

std::int64_t dot(const std::int8_t* w, const std::int16_t* x, std::size_t count) {
  std::int64_t total = 0;
  for (std::size_t first = 0; first < count; first += kBlock) {
    const std::size_t end = std::min(first + kBlock, count);
    std::int32_t sum = 0;
    for (std::size_t j = first; j < end; ++j) {
      // Widening w to int16 first lets the compiler see a product of two int16 vectors.
      sum += static_cast<std::int32_t>(static_cast<std::int16_t>(w[j])) * x[j];
    }
    total += sum;
  }
  return total;
}

// The weights of group `index`.
void unpack_group(const model::GroupedWeights& from, std::size_t index, std::int16_t* to) {
  constexpr std::size_t kHalf = model::kGroupColumns / 2;
  const std::uint8_t* bits = from.bits.data() + index * kHalf;
  const std::int32_t scale = from.scales[index];
  const std::int32_t offset = from.offsets.empty() ? 0 : from.offsets[index];
  for (std::size_t j = 0; j < kHalf; ++j) {
    to[j] = static_cast<std::int16_t>(model::grouped_weight(bits[j] & 15U, scale, offset));
    to[j + kHalf] = static_cast<std::int16_t>(model::grouped_weight(bits[j] >> 4U, scale, offset));
  }
}

void products(const WeightRows& w, const InputRows& x, std::int64_t* sums) {
  for (std::size_t r = 0; r < w.rows; ++r) {
    for (std::size_t t = 0; t < x.count; ++t) {
      sums[t * w.rows + r] = dot(w.weights + r * w.columns, x.values + t * x.stride, w.columns);
    }
  }
}

// 32 * 1016 * 32767 < 2^31: the products of a group fit an int32 whatever their values.
void grouped_products(const GroupedRows& w, const InputRows& x, std::int64_t* sums) {
  constexpr std::size_t kGroup = model::kGroupColumns;
  const std::size_t groups = w.columns / kGroup;
  std::fill_n(sums, w.rows * x.count, 0);
  std::array<std::int16_t, kGroup> weights;
  for (std::size_t i = 0; i < w.rows * groups; ++i) {
    unpack_group(w.weights, i, weights.data());
    const std::size_t first = i % groups * kGroup;
    for (std::size_t t = 0; t < x.count; ++t) {
      const std::int16_t* input = x.values + t * x.stride + first;
      std::int32_t sum = 0;
      for (std::size_t j = 0; j < kGroup; ++j) sum += std::int32_t{weights[j]} * input[j];
      sums[t * w.rows + i / groups] += sum;
    }
  }
}

std::uint64_t product_burst(std::uint64_t rounds) {
  constexpr std::array<std::int8_t, 64> kWeights{1, 2, 3};
  constexpr std::array<std::int16_t, 64> kInputs{4, 5, 6};
  volatile std::int64_t sum = 0;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    sum = sum + dot(kWeights.data(), kInputs.data(), kWeights.size());
  }
  return rounds * kWeights.size();
}

template <typename T>
void requantise(std::span<const std::int64_t> sums, std::span<const std::int64_t> biases,
                const std::uint32_t* multipliers, Rescale rescale, T* out) {
  for (std::size_t r = 0; r < sums.size(); ++r) {
    out[r] = static_cast<T>(model::matmul_element(sums[r], biases.empty() ? 0 : biases[r],
                                                  multipliers[r], rescale.shift, rescale.bits));
  }
}

void scores(const std::int16_t* q, const HeadRows& k, std::uint32_t multiplier, Rescale rescale,
            std::int32_t* out) {
  for (std::size_t t = 0; t < k.count; ++t) {
    const std::int16_t* key = k.values + t * k.stride;
    std::int64_t sum = 0;
    for (std::size_t j = 0; j < k.dimension; ++j) sum += std::int32_t{q[j]} * key[j];
    out[t] =
        static_cast<std::int32_t>(model::rescale(sum * multiplier, rescale.shift, rescale.bits));
  }
}

void exps(std::span<const std::int32_t> z, std::int32_t maximum, const std::int32_t* table,
          std::int32_t* out) {
  for (std::size_t t = 0; t < z.size(); ++t) out[t] = table[model::exp_index(maximum, z[t])];
}

std::int32_t maximum(std::span<const std::int32_t> z) {
  return *std::max_element(z.begin(), z.end());
}

std::int64_t sum(std::span<const std::int32_t> e) {
  std::int64_t total = 0;
  for (const std::int32_t value : e) total += value;
  return total;
}

void mix(const std::int32_t* e, const HeadRows& v, std::int64_t* out) {
  std::fill_n(out, v.dimension, 0);
  for (std::size_t t = 0; t < v.count; ++t) {
    const std::int16_t* row = v.values + t * v.stride;
    for (std::size_t j = 0; j < v.dimension; ++j) out[j] += std::int64_t{e[t]} * row[j];
  }
}

void narrow(std::span<const std::int32_t> x, Rescale rescale, std::int32_t* out) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    out[i] = static_cast<std::int32_t>(model::rescale(x[i], rescale.shift, rescale.bits));
  }
}

std::int64_t sum_squares(std::span<const std::int32_t> u) {
  return model::sum_squares(u, 0);
}

template <typename T>
void scale(std::span<const T> x, std::int64_t r, Rescale rescale, std::int16_t* out) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    out[i] = static_cast<std::int16_t>(
        model::rescale(std::int64_t{x[i]} * r, rescale.shift, rescale.bits));
  }
}

void add(std::span<const std::int32_t> x, const std::int32_t* y, std::int32_t* out) {
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = model::add_element(x[i], y[i]);
}

void multiply(std::span<const std::int16_t> x, const std::int16_t* y, Rescale rescale,
              std::int16_t* out) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    out[i] = static_cast<std::int16_t>(
        model::rescale(std::int64_t{x[i]} * y[i], rescale.shift, rescale.bits));
  }
}

void rope_pairs(std::span<const std::int16_t> x, const std::int16_t* turns, std::int16_t* out) {
  for (std::size_t i = 0; i + 1 < x.size(); i += 2) {
    out[i] = model::rope_first(x[i], x[i + 1], turns[i], turns[i + 1]);
    out[i + 1] = model::rope_second(x[i], x[i + 1], turns[i], turns[i + 1]);
  }
}

}  // namespace

const Kernels& scalar_kernels() {
  static const Kernels kernels{
      .name = "scalar",
      .products = products,
      .grouped_products = grouped_products,
      .product_burst = product_burst,
      .requantise_narrow = requantise<std::int16_t>,
      .requantise_wide = requantise<std::int32_t>,
      .scores = scores,
      .exps = exps,
      .maximum = maximum,
      .sum = sum,
      .mix = mix,
      .narrow = narrow,
      .sum_squares = sum_squares,
      .scale_narrowed = scale<std::int32_t>,
      .scale_mixed = scale<std::int64_t>,
      .add = add,
      .multiply = multiply,
      .rope_pairs = rope_pairs,
  };
  return kernels;
}

}  // namespace imo::engine
