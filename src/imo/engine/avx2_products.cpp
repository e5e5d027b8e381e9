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

// How early memory is asked for a line; 8 to 64 KiB measured alike, 4 KiB a tenth slower.
constexpr std::size_t kAhead = 8192;

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

// acc += w * x, 16 products, of weights that are used once.
void add_one(__m256i& acc, const std::int8_t* w, const std::int16_t* x) {
  acc = _mm256_add_epi32(acc, _mm256_madd_epi16(_mm256_cvtepi8_epi16(load_half(w)), load(x)));
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

// The products of one row with one input, four sums to be added: what decoding a single sequence
// does. It reads every weight of a model for one product, so memory is all it waits for, and memory
// is fastest for one stream: four rows side by side reached four fifths of this, two three fifths.
// The stream goes on from row to row, and each line is asked for kAhead bytes early; to ask for
// what lies behind the matrix does no harm.
__m256i row_of_one(const std::int8_t* w, const std::int16_t* x, std::size_t whole) {
  __m256i sums = _mm256_setzero_si256();
  for (std::size_t first = 0; first < whole; first += kBlock) {
    const std::size_t end = std::min(first + kBlock, whole);
    __m256i acc[4] = {};
    std::size_t j = first;
    for (; j + 4 * kLanes <= end; j += 4 * kLanes) {
      _mm_prefetch(w + j + kAhead, _MM_HINT_T0);
#pragma GCC unroll 4
      for (std::size_t k = 0; k < 4; ++k) add_one(acc[k], w + j + k * kLanes, x + j + k * kLanes);
    }
    for (; j < end; j += kLanes) add_one(acc[0], w + j, x + j);
    const __m256i lanes =
        _mm256_add_epi32(_mm256_add_epi32(acc[0], acc[1]), _mm256_add_epi32(acc[2], acc[3]));
    sums = _mm256_add_epi64(
        sums, _mm256_add_epi64(_mm256_cvtepi32_epi64(_mm256_castsi256_si128(lanes)),
                               _mm256_cvtepi32_epi64(_mm256_extracti128_si256(lanes, 1))));
  }
  return sums;
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

void one_input(const WeightRows& w, const std::int16_t* x, std::size_t whole, std::int64_t* sums) {
  for (std::size_t r = 0; r < w.rows; ++r) {
    alignas(32) std::int64_t four[4];
    store(four, row_of_one(w.weights + r * w.columns, x, whole));
    sums[r] = four[0] + four[1] + four[2] + four[3];
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
  const std::size_t whole = w.columns / kLanes * kLanes;
  if (x.count == 1) {
    one_input(w, x.values, whole, sums);
  } else {
    std::fill_n(sums, w.rows * x.count, 0);
    many_inputs(w, x, whole, sums);
  }
  if (whole != w.columns) remaining_columns(w, x, whole, sums);
}

}  // namespace imo::engine::avx2
