/// What the AVX2 kernels share. Included only by files that are compiled for AVX2.
#pragma once

#include "imo/engine/kernels.hpp"

#include <immintrin.h>

namespace imo::engine::avx2 {

template <typename T>
__m256i load(const T* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

template <typename T>
__m128i load_half(const T* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

template <typename T>
void store(T* to, __m256i value) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), value);
}

template <typename T>
void store_half(T* to, __m128i value) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), value);
}

/// Rescales four int64 at a time: |x| < 2^60, 1 <= shift <= 61.
class WideRescale {
 public:
  explicit WideRescale(Rescale rescale)
      : shift_(_mm_cvtsi32_si128(static_cast<int>(rescale.shift))),
        lift_(_mm256_set1_epi64x(kLift + (std::int64_t{1} << (rescale.shift - 1)))),
        drop_(_mm256_set1_epi64x(kLift >> rescale.shift)),
        limit_(_mm256_set1_epi64x((std::int64_t{1} << rescale.bits) - 1)),
        lowest_(_mm256_set1_epi64x(-((std::int64_t{1} << rescale.bits) - 1))) {}

  /// Whether the lift is a multiple of 2^shift, which operator() needs.
  static bool supports(Rescale rescale) { return rescale.shift <= kMaxShift; }

  [[nodiscard]] __m256i operator()(__m256i x) const {
    // AVX2 shifts 64 bits logically only, so x is lifted above 0 by a multiple of 2^shift.
    const __m256i lifted = _mm256_srl_epi64(_mm256_add_epi64(x, lift_), shift_);
    const __m256i y = _mm256_sub_epi64(lifted, drop_);
    const __m256i below = _mm256_blendv_epi8(y, limit_, _mm256_cmpgt_epi64(y, limit_));
    return _mm256_blendv_epi8(below, lowest_, _mm256_cmpgt_epi64(lowest_, below));
  }

 private:
  static constexpr unsigned kMaxShift = 61;
  static constexpr std::int64_t kLift = std::int64_t{1} << kMaxShift;

  __m128i shift_;
  __m256i lift_;
  __m256i drop_;
  __m256i limit_;
  __m256i lowest_;
};

/// The low halves of four int64.
inline __m128i low_halves(__m256i x) {
  const __m256i order = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
  return _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(x, order));
}

/// Asks memory for `count` columns of each of `rows` rows: few inputs are done with rows sooner
/// than the processor has begun to fetch the next. To ask for what lies behind a matrix does no
/// harm.
inline void prefetch_rows(const std::int8_t* from, std::size_t rows, std::size_t columns,
                          std::size_t count) {
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t j = 0; j < count; j += 64) {
      _mm_prefetch(from + r * columns + j, _MM_HINT_T0);
    }
  }
}

std::uint64_t product_burst(std::uint64_t rounds);
void products(const WeightRows& w, const InputRows& x, std::int64_t* sums);
void grouped_products(const GroupedRows& w, const InputRows& x, std::int64_t* sums);
void scores(const std::int16_t* q, const HeadRows& k, std::uint32_t multiplier, Rescale rescale,
            std::int32_t* out);
void mix(const std::int32_t* e, const HeadRows& v, std::int64_t* out);

}  // namespace imo::engine::avx2
