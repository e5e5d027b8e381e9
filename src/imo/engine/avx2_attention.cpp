// Attention: scores of a query against keys, values mixed by their weights.

#include "imo/engine/avx2.hpp"
#include "imo/model/operators.hpp"

#include <algorithm>

namespace imo::engine::avx2 {
namespace {

constexpr std::size_t kLanes = 16;

// The sums of four vectors' lanes, as int64.
__m256i four_sums(const __m256i* of) {
  const __m256i halves =
      _mm256_hadd_epi32(_mm256_hadd_epi32(of[0], of[1]), _mm256_hadd_epi32(of[2], of[3]));
  return _mm256_cvtepi32_epi64(
      _mm_add_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1)));
}

constexpr std::size_t kScoredKeys = 4;

struct KeyRows {
  const std::int16_t* at[kScoredKeys];
};

// multiplier * (q . k) for four keys. A pair of products is within 2^31, so a lane keeps the sum of
// its pairs modulo 2^32 and that of pair >> 16; what is left of the first without 2^16 times the
// second is the sum of pair mod 2^16 itself. Of 32 pairs, for the longest head, the eight lanes'
// sums are within 2^23 and 2^24.
__m256i scaled_dots(const std::int16_t* q, const KeyRows& k, std::size_t dimension,
                    std::uint32_t multiplier) {
  __m256i whole[kScoredKeys] = {};
  __m256i high[kScoredKeys] = {};
  std::size_t j = 0;
  for (; j + kLanes <= dimension; j += kLanes) {
    const __m256i query = load(q + j);
#pragma GCC unroll 4
    for (std::size_t i = 0; i < kScoredKeys; ++i) {
      const __m256i pair = _mm256_madd_epi16(query, load(k.at[i] + j));
      whole[i] = _mm256_add_epi32(whole[i], pair);
      high[i] = _mm256_add_epi32(high[i], _mm256_srai_epi32(pair, 16));
    }
  }
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kScoredKeys; ++i) {
    whole[i] = _mm256_sub_epi32(whole[i], _mm256_slli_epi32(high[i], 16));
  }
  const __m256i factor = _mm256_set1_epi64x(multiplier);
  const __m256i sums =
      _mm256_add_epi64(_mm256_slli_epi64(_mm256_mul_epi32(four_sums(high), factor), 16),
                       _mm256_mul_epi32(four_sums(whole), factor));
  if (j == dimension) return sums;
  alignas(32) std::int64_t rest[kScoredKeys] = {};
  for (; j < dimension; ++j) {
    for (std::size_t i = 0; i < kScoredKeys; ++i) rest[i] += std::int32_t{q[j]} * k.at[i][j];
  }
  for (std::int64_t& sum : rest) sum *= multiplier;
  return _mm256_add_epi64(sums, load(rest));
}

// e = 2^10 high + low, both at most 2^10 and so int16: 32 keys of products within 2^25 fit 32 bits.
constexpr std::size_t kKeys = 32;

// The weights of two neighbouring keys, first in the low 16 bits; behind the last key they are 0.
struct SplitPairs {
  SplitPairs(const std::int32_t* e, std::size_t count) {
    for (std::size_t t = 0; t < count; t += 2) {
      const std::int32_t first = e[t];
      const std::int32_t second = t + 1 < count ? e[t + 1] : 0;
      high[t / 2] = ((second >> 10) << 16) | (first >> 10);
      low[t / 2] = ((second & 1023) << 16) | (first & 1023);
    }
  }

  std::int32_t high[kKeys / 2];
  std::int32_t low[kKeys / 2];
};

void add_to(std::int64_t* out, __m256i high, __m256i low) {
  const auto widen_add = [out](std::size_t at, __m128i h, __m128i l) {
    const __m256i sum =
        _mm256_add_epi64(_mm256_slli_epi64(_mm256_cvtepi32_epi64(h), 10), _mm256_cvtepi32_epi64(l));
    store(out + at, _mm256_add_epi64(load(out + at), sum));
  };
  widen_add(0, _mm256_castsi256_si128(high), _mm256_castsi256_si128(low));
  widen_add(4, _mm256_extracti128_si256(high, 1), _mm256_extracti128_si256(low, 1));
}

// 16 elements of the head, over at most kKeys keys.
void mix_lanes(const SplitPairs& weights, const std::int16_t* values, std::size_t stride,
               std::size_t count, std::int64_t* out) {
  __m256i high[2] = {};
  __m256i low[2] = {};
  for (std::size_t t = 0; t < count; t += 2) {
    const __m256i row = load(values + t * stride);
    const __m256i next = t + 1 < count ? load(values + (t + 1) * stride) : row;
    const __m256i above = _mm256_set1_epi32(weights.high[t / 2]);
    const __m256i below = _mm256_set1_epi32(weights.low[t / 2]);
    const __m256i pairs[2] = {_mm256_unpacklo_epi16(row, next), _mm256_unpackhi_epi16(row, next)};
    for (std::size_t half = 0; half < 2; ++half) {
      high[half] = _mm256_add_epi32(high[half], _mm256_madd_epi16(pairs[half], above));
      low[half] = _mm256_add_epi32(low[half], _mm256_madd_epi16(pairs[half], below));
    }
  }
  // unpack works within halves of 128 bits: elements 0-3 and 8-11, then 4-7 and 12-15.
  add_to(out, _mm256_permute2x128_si256(high[0], high[1], 0x20),
         _mm256_permute2x128_si256(low[0], low[1], 0x20));
  add_to(out + 8, _mm256_permute2x128_si256(high[0], high[1], 0x31),
         _mm256_permute2x128_si256(low[0], low[1], 0x31));
}

}  // namespace

void scores(const std::int16_t* q, const HeadRows& k, std::uint32_t multiplier, Rescale rescale,
            std::int32_t* out) {
  const bool is_fast = WideRescale::supports(rescale);
  const WideRescale rescaled(is_fast ? rescale : Rescale{});
  for (std::size_t t = 0; t < k.count; t += kScoredKeys) {
    KeyRows keys{};  // behind the last one the last again
    for (std::size_t i = 0; i < kScoredKeys; ++i) {
      keys.at[i] = k.values + std::min(t + i, k.count - 1) * k.stride;
    }
    const __m256i dots = scaled_dots(q, keys, k.dimension, multiplier);
    const std::size_t left = k.count - t;
    if (is_fast && left >= kScoredKeys) {
      store_half(out + t, low_halves(rescaled(dots)));
      continue;
    }
    alignas(32) std::int64_t four[kScoredKeys];
    store(four, dots);
    for (std::size_t i = 0; i < std::min(left, kScoredKeys); ++i) {
      out[t + i] = static_cast<std::int32_t>(model::rescale(four[i], rescale.shift, rescale.bits));
    }
  }
}

void mix(const std::int32_t* e, const HeadRows& v, std::int64_t* out) {
  std::fill_n(out, v.dimension, 0);
  const std::size_t whole = v.dimension / kLanes * kLanes;
  for (std::size_t first = 0; first < v.count; first += kKeys) {
    const std::size_t count = std::min(kKeys, v.count - first);
    const std::int16_t* values = v.values + first * v.stride;
    const SplitPairs weights(e + first, count);
    for (std::size_t j = 0; j < whole; j += kLanes) {
      mix_lanes(weights, values + j, v.stride, count, out + j);
    }
    for (std::size_t t = 0; t < count; ++t) {
      for (std::size_t j = whole; j < v.dimension; ++j) {
        out[j] += std::int64_t{e[first + t]} * values[t * v.stride + j];
      }
    }
  }
}

}  // namespace imo::engine::avx2
