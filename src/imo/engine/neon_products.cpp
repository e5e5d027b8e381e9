// Matrix products: int8 weights, int16 activations, exact sums.
//
// One `smlal` makes 4 products and adds them to 4 sums of 32 bits. A tile keeps its sums in
// registers, of which there are 32, so that four rows meet four inputs.

#include "imo/engine/neon.hpp"

#include <algorithm>

#include <arm_neon.h>

namespace imo::engine::neon {
namespace {

constexpr std::size_t kLanes = 8;  // columns that a step takes
constexpr std::size_t kRows = 4;
constexpr std::size_t kInputs = 4;

// 512 * 127 * 32767 < 2^31: each of the four sums may take the products of 2048 columns.
constexpr std::size_t kPiece = 2048;

// Adds the products of `count` columns, at most kPiece, to sums[t * rows + r].
template <std::size_t R, std::size_t T>
void tile(const std::int8_t* w, std::size_t columns, const std::int16_t* x, std::size_t stride,
          std::size_t count, std::int64_t* sums, std::size_t rows) {
  int32x4_t acc[R][T] = {};
  std::size_t j = 0;
  for (; j + kLanes <= count; j += kLanes) {
    int16x8_t inputs[T];
#pragma GCC unroll 4
    for (std::size_t t = 0; t < T; ++t) inputs[t] = vld1q_s16(x + t * stride + j);
#pragma GCC unroll 4
    for (std::size_t r = 0; r < R; ++r) {
      const int16x8_t wide = vmovl_s8(vld1_s8(w + r * columns + j));
#pragma GCC unroll 4
      for (std::size_t t = 0; t < T; ++t) {
        acc[r][t] = vmlal_s16(acc[r][t], vget_low_s16(wide), vget_low_s16(inputs[t]));
        acc[r][t] = vmlal_high_s16(acc[r][t], wide, inputs[t]);
      }
    }
  }
#pragma GCC unroll 4
  for (std::size_t t = 0; t < T; ++t) {
#pragma GCC unroll 4
    for (std::size_t r = 0; r < R; ++r) {
      std::int64_t sum = vaddlvq_s32(acc[r][t]);
      for (std::size_t i = j; i < count; ++i) {
        sum += std::int32_t{w[r * columns + i]} * x[t * stride + i];
      }
      sums[t * rows + r] += sum;
    }
  }
}

template <std::size_t R>
void inputs_of_rows(const std::int8_t* w, std::size_t columns, const InputRows& x,
                    std::size_t first, std::size_t count, std::int64_t* sums, std::size_t rows) {
  const std::int16_t* from = x.values + first;
  std::size_t t = 0;
  for (; t + kInputs <= x.count; t += kInputs) {
    tile<R, kInputs>(w, columns, from + t * x.stride, x.stride, count, sums + t * rows, rows);
  }
  for (; t < x.count; ++t) {
    tile<R, 1>(w, columns, from + t * x.stride, x.stride, count, sums + t * rows, rows);
  }
}

}  // namespace

std::uint64_t product_burst(std::uint64_t rounds) {
  constexpr std::uint64_t kAtOnce = 16;  // sums on their way, more than the latency needs
  int32x4_t acc[kAtOnce] = {};
  const int16x4_t one = vdup_n_s16(1);
  for (std::uint64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (auto& sum : acc) {
      asm volatile("smlal %[sum].4s, %[w].4h, %[w].4h" : [sum] "+w"(sum) : [w] "w"(one));
    }
  }
  return rounds * kAtOnce * 4;
}

void products(const WeightRows& w, const InputRows& x, std::int64_t* sums) {
  std::fill_n(sums, w.rows * x.count, 0);
  for (std::size_t first = 0; first < w.columns; first += kPiece) {
    const std::size_t count = std::min(kPiece, w.columns - first);
    const std::int8_t* from = w.weights + first;
    std::size_t r = 0;
    for (; r + kRows <= w.rows; r += kRows) {
      inputs_of_rows<kRows>(from + r * w.columns, w.columns, x, first, count, sums + r, w.rows);
    }
    for (; r < w.rows; ++r) {
      inputs_of_rows<1>(from + r * w.columns, w.columns, x, first, count, sums + r, w.rows);
    }
  }
}

}  // namespace imo::engine::neon
