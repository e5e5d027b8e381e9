// Matrix products: int8 weights, int16 activations, exact sums.
//
// One `vpmaddwd` makes 16 products, and the processors this is for start one a cycle: that is the
// limit. A tile keeps kRows x kInputs accumulators in registers, so that a widened piece of weights
// serves several inputs and a piece of input several rows, and the loads stay off the critical
// path.

#include "imo/engine/avx2.hpp"

#include <algorithm>

namespace imo::engine::avx2 {
namespace {

constexpr std::size_t kLanes = 16;  // products of one vpmaddwd

// 512 * 127 * 32767 < 2^31, so four of the eight sums over 1024 columns may be added in 32 bits.
constexpr std::size_t kBlock = 1024;

// How early memory is asked for a line; 4 to 8 KiB measured alike.
constexpr std::size_t kAhead = 4096;

// Rows are cut into even pieces, whole vectors of at most kBlock columns each: a short last one
// would cost as much as a long one for its sums.
std::size_t piece_of(std::size_t whole) {
  const std::size_t pieces = std::max<std::size_t>((whole + kBlock - 1) / kBlock, 1);
  return (whole / kLanes + pieces - 1) / pieces * kLanes;
}

// 12 accumulators, 3 vectors of weights and one product fill the 16 registers.
constexpr std::size_t kRows = 3;
constexpr std::size_t kInputs = 4;

// The sums of four vectors' lanes.
__m256i four_sums(__m256i a, __m256i b, __m256i c, __m256i d) {
  const auto pairs = [](__m256i p, __m256i q) {
    return _mm256_add_epi32(_mm256_unpacklo_epi32(p, q), _mm256_unpackhi_epi32(p, q));
  };
  const __m256i ab = pairs(a, b);
  const __m256i cd = pairs(c, d);
  // Twice {a, b, c, d}, each of four lanes.
  const __m256i fours =
      _mm256_add_epi32(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd));
  return _mm256_add_epi64(_mm256_cvtepi32_epi64(_mm256_castsi256_si128(fours)),
                          _mm256_cvtepi32_epi64(_mm256_extracti128_si256(fours, 1)));
}

std::int64_t horizontal_sum(__m256i lanes) {
  const __m256i none = _mm256_setzero_si256();
  return _mm256_extract_epi64(four_sums(lanes, none, none, none), 0);
}

// acc += w * x, 16 products. In assembly because g++ 12 orders the intrinsics so that half of the
// accumulators go through memory; this way a tile needs its 16 registers and no more.
void add_products(__m256i& acc, __m256i w, const std::int16_t* x) {
  __m256i product;
  asm("vpmaddwd %[x], %[w], %[product]\n\tvpaddd %[product], %[acc], %[acc]"
      : [acc] "+x"(acc), [product] "=&x"(product)
      : [w] "x"(w), [x] "m"(*reinterpret_cast<const __m256i_u*>(x)));
}

// Adds the products of `count` columns (a multiple of kLanes, at most kBlock).
template <std::size_t R, std::size_t T>
void tile(const std::int8_t* w, std::size_t columns, const std::int16_t* x, std::size_t stride,
          std::size_t count, std::int64_t* sums, std::size_t rows) {
  __m256i acc[R][T] = {};
  for (std::size_t j = 0; j < count; j += kLanes) {
    __m256i wide[R];
#pragma GCC unroll 4
    for (std::size_t r = 0; r < R; ++r) {
      wide[r] = _mm256_cvtepi8_epi16(load_half(w + r * columns + j));
    }
#pragma GCC unroll 4
    for (std::size_t t = 0; t < T; ++t) {
#pragma GCC unroll 4
      for (std::size_t r = 0; r < R; ++r) {
        add_products(acc[r][t], wide[r], x + t * stride + j);
      }
    }
  }
#pragma GCC unroll 4
  for (std::size_t r = 0; r < R; ++r) {
    if constexpr (T == 4) {
      alignas(32) std::int64_t four[4];
      store(four, four_sums(acc[r][0], acc[r][1], acc[r][2], acc[r][3]));
#pragma GCC unroll 4
      for (std::size_t t = 0; t < T; ++t) sums[t * rows + r] += four[t];
    } else {
#pragma GCC unroll 4
      for (std::size_t t = 0; t < T; ++t) sums[t * rows + r] += horizontal_sum(acc[r][t]);
    }
  }
}

// Four rows of one input: what decoding a single sequence does. It reads every weight of a model
// for one product, and the processor's own prefetching does not follow four short rows at once: it
// left three quarters of the memory's rate unused. The four rows are one piece of 4 * columns
// bytes, so each step asks for one line of the pieces to come: the last row begins 3 * columns
// bytes on. To ask for what lies behind the matrix does no harm.
void column_of_four(const std::int8_t* w, std::size_t columns, const std::int16_t* x,
                    std::size_t count, const std::int8_t* line, std::int64_t* sums) {
  const std::int8_t* ahead = line + 3 * columns + kAhead;
  __m256i acc[4] = {};
  for (std::size_t j = 0; j < count; j += kLanes) {
    _mm_prefetch(ahead + 4 * j, _MM_HINT_T0);
    const __m256i input = load(x + j);
#pragma GCC unroll 4
    for (std::size_t r = 0; r < 4; ++r) {
      const __m256i wide = _mm256_cvtepi8_epi16(load_half(w + r * columns + j));
      acc[r] = _mm256_add_epi32(acc[r], _mm256_madd_epi16(wide, input));
    }
  }
  store(sums, _mm256_add_epi64(load(sums), four_sums(acc[0], acc[1], acc[2], acc[3])));
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

// The columns behind the last whole vector.
void remaining_columns(const WeightRows& w, const InputRows& x, std::size_t first,
                       std::int64_t* sums) {
  for (std::size_t t = 0; t < x.count; ++t) {
    for (std::size_t r = 0; r < w.rows; ++r) {
      std::int64_t sum = 0;
      for (std::size_t j = first; j < w.columns; ++j) {
        sum += std::int32_t{w.weights[r * w.columns + j]} * x.values[t * x.stride + j];
      }
      sums[t * w.rows + r] += sum;
    }
  }
}

void one_input(const WeightRows& w, const InputRows& x, std::size_t whole, std::int64_t* sums) {
  const std::size_t piece = piece_of(whole);
  std::size_t r = 0;
  for (; r + 4 <= w.rows; r += 4) {
    const std::int8_t* rows = w.weights + r * w.columns;
    for (std::size_t first = 0; first < whole; first += piece) {
      column_of_four(rows + first, w.columns, x.values + first, std::min(piece, whole - first),
                     rows + 4 * first, sums + r);
    }
  }
  for (; r < w.rows; ++r) {
    for (std::size_t first = 0; first < whole; first += piece) {
      inputs_of_rows<1>(w.weights + r * w.columns + first, w.columns, x, first,
                        std::min(piece, whole - first), sums + r, w.rows);
    }
  }
}

void many_inputs(const WeightRows& w, const InputRows& x, std::size_t whole, std::int64_t* sums) {
  const std::size_t piece = piece_of(whole);
  for (std::size_t first = 0; first < whole; first += piece) {
    const std::size_t count = std::min(piece, whole - first);
    const std::int8_t* from = w.weights + first;
    std::size_t r = 0;
    for (; r + kRows <= w.rows; r += kRows) {
      const std::int8_t* rows = from + r * w.columns;
      prefetch_rows(rows + kRows * w.columns, kRows, w.columns, count);
      inputs_of_rows<kRows>(rows, w.columns, x, first, count, sums + r, w.rows);
    }
    for (; r < w.rows; ++r) {
      inputs_of_rows<1>(from + r * w.columns, w.columns, x, first, count, sums + r, w.rows);
    }
  }
}

}  // namespace

std::uint64_t product_burst(std::uint64_t rounds) {
  constexpr std::uint64_t kAtOnce = 12;  // sums on their way, more than the latency needs
  __m256i acc[kAtOnce] = {};
  const __m256i one = _mm256_set1_epi16(1);
  for (std::uint64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (auto& sum : acc) {
      __m256i product;
      asm volatile("vpmaddwd %[w], %[w], %[product]\n\tvpaddd %[product], %[sum], %[sum]"
                   : [sum] "+x"(sum), [product] "=&x"(product)
                   : [w] "x"(one));
    }
  }
  return rounds * kAtOnce * kLanes;
}

void products(const WeightRows& w, const InputRows& x, std::int64_t* sums) {
  std::fill_n(sums, w.rows * x.count, 0);
  const std::size_t whole = w.columns / kLanes * kLanes;
  if (x.count == 1) {
    one_input(w, x, whole, sums);
  } else {
    many_inputs(w, x, whole, sums);
  }
  if (whole != w.columns) remaining_columns(w, x, whole, sums);
}

}  // namespace imo::engine::avx2
