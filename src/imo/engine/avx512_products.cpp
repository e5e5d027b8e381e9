// Matrix products of several inputs: int8 weights, int16 activations, exact sums.
//
// One `vpdpwssd` makes 32 products and adds them, pair by pair, to 16 sums of 32 bits, which wrap
// and do not saturate. As with AVX2 (avx2_products.cpp), a tile keeps its sums in registers; there
// are 32 of them here, so that four rows meet four inputs.

#include "imo/engine/avx2.hpp"
#include "imo/engine/avx512.hpp"

#include <algorithm>

namespace imo::engine::avx512 {
namespace {

constexpr std::size_t kLanes = 32;  // products of one vpdpwssd
constexpr std::size_t kRows = 4;
constexpr std::size_t kInputs = 4;

// 512 * 127 * 32767 < 2^31, so four of the sixteen sums over 2048 columns may be added in 32 bits.
// 32 inputs of that length take 128 KiB, and stay in the second cache.
constexpr std::size_t kPiece = 2048;

// The sums of four vectors' lanes.
__m256i four_sums(__m512i a, __m512i b, __m512i c, __m512i d) {
  const auto pairs = [](__m512i p, __m512i q) {
    return _mm512_add_epi32(_mm512_unpacklo_epi32(p, q), _mm512_unpackhi_epi32(p, q));
  };
  const __m512i ab = pairs(a, b);
  const __m512i cd = pairs(c, d);
  // Four times {a, b, c, d}, each of four lanes.
  const __m512i fours =
      _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
  const __m512i twos = _mm512_add_epi64(_mm512_cvtepi32_epi64(_mm512_castsi512_si256(fours)),
                                        _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(fours, 1)));
  return _mm256_add_epi64(_mm512_castsi512_si256(twos), _mm512_extracti64x4_epi64(twos, 1));
}

template <std::size_t R, std::size_t T>
using Sums = __m512i[R][T];

// acc += w * x, 32 products. In assembly because g++ 12 copies the sums of the intrinsic to other
// registers and back, some through memory.
void add_products(__m512i& acc, __m512i w, __m512i x) {
  asm("vpdpwssd %[x], %[w], %[acc]" : [acc] "+v"(acc) : [w] "v"(w), [x] "v"(x));
}

// Adds the products of the columns that `mask` has.
template <std::size_t R, std::size_t T>
[[gnu::always_inline]] inline void add_columns(Sums<R, T>& acc, const std::int8_t* w,
                                               std::size_t columns, const std::int16_t* x,
                                               std::size_t stride, __mmask32 mask) {
  __m512i inputs[T];
#pragma GCC unroll 4
  for (std::size_t t = 0; t < T; ++t) inputs[t] = _mm512_maskz_loadu_epi16(mask, x + t * stride);
#pragma GCC unroll 4
  for (std::size_t r = 0; r < R; ++r) {
    const __m512i wide = _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(mask, w + r * columns));
#pragma GCC unroll 4
    for (std::size_t t = 0; t < T; ++t) {
      add_products(acc[r][t], wide, inputs[t]);
    }
  }
}

// Adds the products of `count` columns, at most kPiece, to sums[t * rows + r].
template <std::size_t R, std::size_t T>
void tile(const std::int8_t* w, std::size_t columns, const std::int16_t* x, std::size_t stride,
          std::size_t count, std::int64_t* sums, std::size_t rows) {
  constexpr __mmask32 kAll = ~__mmask32{0};
  Sums<R, T> acc = {};
  std::size_t j = 0;
  for (; j + kLanes <= count; j += kLanes) {
    add_columns<R, T>(acc, w + j, columns, x + j, stride, kAll);
  }
  if (j != count) {
    add_columns<R, T>(acc, w + j, columns, x + j, stride, (__mmask32{1} << (count - j)) - 1);
  }
#pragma GCC unroll 4
  for (std::size_t t = 0; t < T; ++t) {
    if constexpr (R == 4) {
      std::int64_t* out = sums + t * rows;
      avx2::store(out, _mm256_add_epi64(avx2::load(out),
                                        four_sums(acc[0][t], acc[1][t], acc[2][t], acc[3][t])));
    } else {
      static_assert(R == 1);
      const __m512i none = _mm512_setzero_si512();
      sums[t * rows] += _mm256_extract_epi64(four_sums(acc[0][t], none, none, none), 0);
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
  from += t * x.stride;
  sums += t * rows;
  switch (x.count - t) {
    case 3:
      return tile<R, 3>(w, columns, from, x.stride, count, sums, rows);
    case 2:
      return tile<R, 2>(w, columns, from, x.stride, count, sums, rows);
    case 1:
      return tile<R, 1>(w, columns, from, x.stride, count, sums, rows);
    default:
      return;
  }
}

}  // namespace

std::uint64_t product_burst(std::uint64_t rounds) {
  constexpr std::uint64_t kAtOnce = 16;  // sums on their way, more than the latency needs
  __m512i acc[kAtOnce] = {};
  const __m512i one = _mm512_set1_epi16(1);
  for (std::uint64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (auto& sum : acc) {
      asm volatile("vpdpwssd %[w], %[w], %[sum]" : [sum] "+v"(sum) : [w] "v"(one));
    }
  }
  return rounds * kAtOnce * kLanes;
}

void products(const WeightRows& w, const InputRows& x, std::int64_t* sums) {
  // A single input waits for memory, whatever multiplies.
  if (x.count == 1) return avx2::products(w, x, sums);
  std::fill_n(sums, w.rows * x.count, 0);
  for (std::size_t first = 0; first < w.columns; first += kPiece) {
    const std::size_t count = std::min(kPiece, w.columns - first);
    const std::int8_t* from = w.weights + first;
    std::size_t r = 0;
    for (; r + kRows <= w.rows; r += kRows) {
      const std::int8_t* rows = from + r * w.columns;
      avx2::prefetch_rows(rows + kRows * w.columns, kRows, w.columns, count);
      inputs_of_rows<kRows>(rows, w.columns, x, first, count, sums + r, w.rows);
    }
    for (; r < w.rows; ++r) {
      inputs_of_rows<1>(from + r * w.columns, w.columns, x, first, count, sums + r, w.rows);
    }
  }
}

}  // namespace imo::engine::avx512
