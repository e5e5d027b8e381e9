// Matrix products of grouped weights: four bits times the scale of 32 columns, int16 activations,
// exact sums.
//
// As avx512_groups.cpp: a single input takes the weights of a group from registers, several read
// them from the first cache, where three rows at a time are laid down.

#include "imo/engine/avx2.hpp"
#include "imo/engine/grouped_loops.hpp"

namespace imo::engine::avx2 {
namespace {

constexpr std::size_t kGroup = model::kGroupColumns;
constexpr std::size_t kBytes = kGroup / 2;  // of a group's bits
constexpr std::size_t kLanes = 16;          // products of one vpmaddwd

// 12 accumulators, 3 vectors of weights and one product fill the 16 registers.
constexpr std::size_t kRows = 3;
constexpr std::size_t kInputs = 4;

// 64 * 1016 * 32767 < 2^31: each of the eight sums may take the products of 512 columns.
constexpr std::size_t kPiece = 512;

// How early memory is asked for a line.
constexpr std::size_t kAhead = 4096;

/// The weights of a group.
struct Group {
  __m256i low;
  __m256i high;
};

template <bool kHasOffsets>
[[gnu::always_inline]] inline Group unpack(const model::GroupedWeights& from, std::size_t index) {
  const __m128i bits = load_half(from.bits.data() + index * kBytes);
  const __m128i nibble = _mm_set1_epi8(15);
  const __m128i eight = _mm_set1_epi8(8);
  const __m128i low = _mm_sub_epi8(_mm_and_si128(bits, nibble), eight);
  const __m128i high = _mm_sub_epi8(_mm_and_si128(_mm_srli_epi16(bits, 4), nibble), eight);
  const __m256i scale = _mm256_set1_epi16(from.scales[index]);
  Group group{_mm256_mullo_epi16(_mm256_cvtepi8_epi16(low), scale),
              _mm256_mullo_epi16(_mm256_cvtepi8_epi16(high), scale)};
  if constexpr (kHasOffsets) {
    const __m256i offset = _mm256_set1_epi16(from.offsets[index]);
    group.low = _mm256_add_epi16(group.low, offset);
    group.high = _mm256_add_epi16(group.high, offset);
  }
  return group;
}

std::int64_t wide_sum(__m256i lanes) {
  const __m256i fours = _mm256_add_epi64(_mm256_cvtepi32_epi64(_mm256_castsi256_si128(lanes)),
                                         _mm256_cvtepi32_epi64(_mm256_extracti128_si256(lanes, 1)));
  const __m128i twos =
      _mm_add_epi64(_mm256_castsi256_si128(fours), _mm256_extracti128_si256(fours, 1));
  return _mm_cvtsi128_si64(twos) + _mm_extract_epi64(twos, 1);
}

// As in avx2_products.cpp.
void add_products(__m256i& acc, __m256i w, const std::int16_t* x) {
  __m256i product;
  asm("vpmaddwd %[x], %[w], %[product]\n\tvpaddd %[product], %[acc], %[acc]"
      : [acc] "+x"(acc), [product] "=&x"(product)
      : [w] "x"(w), [x] "m"(*reinterpret_cast<const __m256i_u*>(x)));
}

// `count` columns of one row, whose groups begin at `index`.
template <bool kHasOffsets>
std::int64_t piece_of_row(const model::GroupedWeights& w, std::size_t index, const std::int16_t* x,
                          std::size_t count) {
  __m256i acc[4] = {};
  std::size_t j = 0;
  for (; j + 2 * kGroup <= count; j += 2 * kGroup, index += 2) {
    _mm_prefetch(w.bits.data() + index * kBytes + kAhead, _MM_HINT_T0);
    const Group a = unpack<kHasOffsets>(w, index);
    const Group b = unpack<kHasOffsets>(w, index + 1);
    add_products(acc[0], a.low, x + j);
    add_products(acc[1], a.high, x + j + kLanes);
    add_products(acc[2], b.low, x + j + kGroup);
    add_products(acc[3], b.high, x + j + kGroup + kLanes);
  }
  if (j < count) {
    const Group a = unpack<kHasOffsets>(w, index);
    add_products(acc[0], a.low, x + j);
    add_products(acc[1], a.high, x + j + kLanes);
  }
  return wide_sum(
      _mm256_add_epi32(_mm256_add_epi32(acc[0], acc[1]), _mm256_add_epi32(acc[2], acc[3])));
}

// As in avx2_products.cpp: only unrolled to the end do the sums stay in registers.
template <std::size_t R, std::size_t T>
[[gnu::always_inline]] inline void add_columns(__m256i (&acc)[R][T], const std::int16_t* w,
                                               const std::int16_t* x, std::size_t stride) {
  __m256i weights[R];
#pragma GCC unroll 4
  for (std::size_t r = 0; r < R; ++r) weights[r] = load(w + r * kPiece);
#pragma GCC unroll 4
  for (std::size_t t = 0; t < T; ++t) {
#pragma GCC unroll 4
    for (std::size_t r = 0; r < R; ++r) add_products(acc[r][t], weights[r], x + t * stride);
  }
}

// Adds the products of `count` columns to sums[t * rows + r].
template <std::size_t R, std::size_t T>
void tile(const std::int16_t (*w)[kPiece], const std::int16_t* x, std::size_t stride,
          std::size_t count, std::int64_t* sums, std::size_t rows) {
  __m256i acc[R][T] = {};
  for (std::size_t j = 0; j < count; j += kLanes) add_columns<R, T>(acc, &w[0][j], x + j, stride);
#pragma GCC unroll 4
  for (std::size_t t = 0; t < T; ++t) {
#pragma GCC unroll 4
    for (std::size_t r = 0; r < R; ++r) sums[t * rows + r] += wide_sum(acc[r][t]);
  }
}

/// What grouped_loops.hpp asks of a kernel.
struct Kernel {
  static constexpr std::size_t kRows = avx2::kRows;
  static constexpr std::size_t kInputs = avx2::kInputs;
  static constexpr std::size_t kPiece = avx2::kPiece;

  template <bool kHasOffsets>
  static std::int64_t row(const model::GroupedWeights& w, std::size_t index, const std::int16_t* x,
                          std::size_t count) {
    return piece_of_row<kHasOffsets>(w, index, x, count);
  }

  template <bool kHasOffsets>
  static void lay_down(const model::GroupedWeights& w, std::size_t index, std::int16_t* to) {
    const Group group = unpack<kHasOffsets>(w, index);
    store(to, group.low);
    store(to + kLanes, group.high);
  }

  template <std::size_t R, std::size_t T>
  static void tile(const std::int16_t (*w)[kPiece], const std::int16_t* x, std::size_t stride,
                   std::size_t count, std::int64_t* sums, std::size_t rows) {
    avx2::tile<R, T>(w, x, stride, count, sums, rows);
  }
};

}  // namespace

void grouped_products(const GroupedRows& w, const InputRows& x, std::int64_t* sums) {
  GroupedLoops<Kernel>::products(w, x, sums);
}

}  // namespace imo::engine::avx2
