// Matrix products of grouped weights: four bits times the scale of 32 columns, int16 activations,
// exact sums.
//
// The weights of a group are made once, as 32 numbers of 16 bits in one register. A single input
// takes them from there; for several, four rows are laid down in the first cache and read by all.

#include "imo/engine/avx2.hpp"
#include "imo/engine/avx512.hpp"
#include "imo/engine/grouped_loops.hpp"

namespace imo::engine::avx512 {
namespace {

constexpr std::size_t kGroup = model::kGroupColumns;
constexpr std::size_t kBytes = kGroup / 2;  // of a group's bits
constexpr std::size_t kRows = 4;
constexpr std::size_t kInputs = 4;

// 64 * 1016 * 32767 < 2^31: each of the sixteen sums may take the products of 1024 columns.
constexpr std::size_t kPiece = 1024;

// How early memory is asked for a line.
constexpr std::size_t kAhead = 4096;

/// The weights of two groups.
struct Two {
  __m512i first;
  __m512i second;
};

// From the group at `index` on, of which the next one follows.
template <bool kHasOffsets>
[[gnu::always_inline]] inline Two unpack(const model::GroupedWeights& from, std::size_t index) {
  const __m256i bits = avx2::load(from.bits.data() + index * kBytes);
  const __m256i nibble = _mm256_set1_epi8(15);
  const __m256i eight = _mm256_set1_epi8(8);
  const __m256i low = _mm256_sub_epi8(_mm256_and_si256(bits, nibble), eight);
  const __m256i high = _mm256_sub_epi8(_mm256_and_si256(_mm256_srli_epi16(bits, 4), nibble), eight);
  const std::int8_t* scales = from.scales.data() + index;
  Two two;
  two.first = _mm512_mullo_epi16(
      _mm512_cvtepi8_epi16(_mm256_inserti128_si256(low, _mm256_castsi256_si128(high), 1)),
      _mm512_set1_epi16(scales[0]));
  two.second = _mm512_mullo_epi16(_mm512_cvtepi8_epi16(_mm256_permute2x128_si256(low, high, 0x31)),
                                  _mm512_set1_epi16(scales[1]));
  if constexpr (kHasOffsets) {
    const std::int16_t* offsets = from.offsets.data() + index;
    two.first = _mm512_add_epi16(two.first, _mm512_set1_epi16(offsets[0]));
    two.second = _mm512_add_epi16(two.second, _mm512_set1_epi16(offsets[1]));
  }
  return two;
}

template <bool kHasOffsets>
[[gnu::always_inline]] inline __m512i unpack_one(const model::GroupedWeights& from,
                                                 std::size_t index) {
  const __m128i bits = avx2::load_half(from.bits.data() + index * kBytes);
  const __m128i nibble = _mm_set1_epi8(15);
  const __m128i high = _mm_and_si128(_mm_srli_epi16(bits, 4), nibble);
  const __m256i both =
      _mm256_sub_epi8(_mm256_set_m128i(high, _mm_and_si128(bits, nibble)), _mm256_set1_epi8(8));
  const __m512i weights =
      _mm512_mullo_epi16(_mm512_cvtepi8_epi16(both), _mm512_set1_epi16(from.scales[index]));
  if constexpr (!kHasOffsets) return weights;
  return _mm512_add_epi16(weights, _mm512_set1_epi16(from.offsets[index]));
}

// As in avx512_products.cpp.
void add_products(__m512i& acc, __m512i w, __m512i x) {
  asm("vpdpwssd %[x], %[w], %[acc]" : [acc] "+v"(acc) : [w] "v"(w), [x] "v"(x));
}

__m512i input_at(const std::int16_t* x) {
  return _mm512_loadu_si512(x);
}

std::int64_t wide_sum(__m512i lanes) {
  return _mm512_reduce_add_epi64(
      _mm512_add_epi64(_mm512_cvtepi32_epi64(_mm512_castsi512_si256(lanes)),
                       _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(lanes, 1))));
}

// `count` columns of one row, whose groups begin at `index`.
template <bool kHasOffsets>
std::int64_t piece_of_row(const model::GroupedWeights& w, std::size_t index, const std::int16_t* x,
                          std::size_t count) {
  __m512i acc[4] = {};
  std::size_t j = 0;
  for (; j + 4 * kGroup <= count; j += 4 * kGroup, index += 4) {
    _mm_prefetch(w.bits.data() + index * kBytes + kAhead, _MM_HINT_T0);
    const Two a = unpack<kHasOffsets>(w, index);
    const Two b = unpack<kHasOffsets>(w, index + 2);
    add_products(acc[0], a.first, input_at(x + j));
    add_products(acc[1], a.second, input_at(x + j + kGroup));
    add_products(acc[2], b.first, input_at(x + j + 2 * kGroup));
    add_products(acc[3], b.second, input_at(x + j + 3 * kGroup));
  }
  for (; j < count; j += kGroup, ++index) {
    add_products(acc[0], unpack_one<kHasOffsets>(w, index), input_at(x + j));
  }
  const __m512i halves[2] = {_mm512_add_epi32(acc[0], acc[1]), _mm512_add_epi32(acc[2], acc[3])};
  return wide_sum(_mm512_add_epi32(halves[0], halves[1]));
}

// The wide sums of four vectors' lanes.
__m256i four_wide_sums(__m512i a, __m512i b, __m512i c, __m512i d) {
  const auto widened = [](__m512i lanes) {
    return _mm512_add_epi64(_mm512_cvtepi32_epi64(_mm512_castsi512_si256(lanes)),
                            _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(lanes, 1)));
  };
  const auto pairs = [&](__m512i p, __m512i q) {
    const __m512i first = widened(p);
    const __m512i second = widened(q);
    return _mm512_add_epi64(_mm512_unpacklo_epi64(first, second),
                            _mm512_unpackhi_epi64(first, second));
  };
  const __m512i ab = pairs(a, b);
  const __m512i cd = pairs(c, d);
  // Twice {a, b}, then twice {c, d}.
  const __m512i halves =
      _mm512_add_epi64(_mm512_shuffle_i64x2(ab, cd, 0x44), _mm512_shuffle_i64x2(ab, cd, 0xEE));
  const __m256i low = _mm512_castsi512_si256(halves);
  const __m256i high = _mm512_extracti64x4_epi64(halves, 1);
  return _mm256_add_epi64(_mm256_permute2x128_si256(low, high, 0x20),
                          _mm256_permute2x128_si256(low, high, 0x31));
}

// As in avx512_products.cpp: only unrolled to the end do the sums stay in registers.
template <std::size_t R, std::size_t T>
[[gnu::always_inline]] inline void add_columns(__m512i (&acc)[R][T], const std::int16_t* w,
                                               const std::int16_t* x, std::size_t stride) {
  __m512i inputs[T];
#pragma GCC unroll 4
  for (std::size_t t = 0; t < T; ++t) inputs[t] = input_at(x + t * stride);
#pragma GCC unroll 4
  for (std::size_t r = 0; r < R; ++r) {
    const __m512i weights = _mm512_load_si512(w + r * kPiece);
#pragma GCC unroll 4
    for (std::size_t t = 0; t < T; ++t) add_products(acc[r][t], weights, inputs[t]);
  }
}

// Adds the products of `count` columns to sums[t * rows + r].
template <std::size_t R, std::size_t T>
void tile(const std::int16_t (*w)[kPiece], const std::int16_t* x, std::size_t stride,
          std::size_t count, std::int64_t* sums, std::size_t rows) {
  __m512i acc[R][T] = {};
  for (std::size_t j = 0; j < count; j += kGroup) add_columns<R, T>(acc, &w[0][j], x + j, stride);
#pragma GCC unroll 4
  for (std::size_t t = 0; t < T; ++t) {
    std::int64_t* out = sums + t * rows;
    if constexpr (R == 4) {
      const __m256i more = four_wide_sums(acc[0][t], acc[1][t], acc[2][t], acc[3][t]);
      avx2::store(out, _mm256_add_epi64(avx2::load(out), more));
    } else {
      static_assert(R == 1);
      *out += wide_sum(acc[0][t]);
    }
  }
}

/// What grouped_loops.hpp asks of a kernel.
struct Kernel {
  static constexpr std::size_t kRows = avx512::kRows;
  static constexpr std::size_t kInputs = avx512::kInputs;
  static constexpr std::size_t kPiece = avx512::kPiece;

  template <bool kHasOffsets>
  static std::int64_t row(const model::GroupedWeights& w, std::size_t index, const std::int16_t* x,
                          std::size_t count) {
    return piece_of_row<kHasOffsets>(w, index, x, count);
  }

  template <bool kHasOffsets>
  static void lay_down(const model::GroupedWeights& w, std::size_t index, std::int16_t* to) {
    _mm512_store_si512(to, unpack_one<kHasOffsets>(w, index));
  }

  template <std::size_t R, std::size_t T>
  static void tile(const std::int16_t (*w)[kPiece], const std::int16_t* x, std::size_t stride,
                   std::size_t count, std::int64_t* sums, std::size_t rows) {
    avx512::tile<R, T>(w, x, stride, count, sums, rows);
  }
};

}  // namespace

void grouped_products(const GroupedRows& w, const InputRows& x, std::int64_t* sums) {
  GroupedLoops<Kernel>::products(w, x, sums);
}

}  // namespace imo::engine::avx512
