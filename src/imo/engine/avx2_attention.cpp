// Attention: scores of a query against keys, values mixed by their weights.

#include "imo/engine/avx2.hpp"
#include "imo/model/operators.hpp"

#include <algorithm>

namespace imo::engine::avx2 {
namespace {

constexpr std::size_t kLanes = 16;

std::int64_t horizontal_sum(__m256i lanes) {
  alignas(32) std::int32_t eight[8];
  store(eight, lanes);
  std::int64_t sum = 0;
  for (const std::int32_t lane : eight) sum += lane;
  return sum;
}

// A pair of products is within 2^31, so pairs are added as (high, low) = (pair >> 16, pair &
// 65535): 32 pairs, for the longest head, keep both within 2^21.
std::int64_t dot(const std::int16_t* a, const std::int16_t* b, std::size_t count) {
  __m256i high = _mm256_setzero_si256();
  __m256i low = _mm256_setzero_si256();
  const __m256i mask = _mm256_set1_epi32(0xFFFF);
  std::size_t j = 0;
  for (; j + kLanes <= count; j += kLanes) {
    const __m256i pair = _mm256_madd_epi16(load(a + j), load(b + j));
    high = _mm256_add_epi32(high, _mm256_srai_epi32(pair, 16));
    low = _mm256_add_epi32(low, _mm256_and_si256(pair, mask));
  }
  std::int64_t sum = horizontal_sum(high) * 65536 + horizontal_sum(low);
  for (; j < count; ++j) sum += std::int32_t{a[j]} * b[j];
  return sum;
}

// e = 2^10 high + low, both at most 2^10 and so int16: 32 keys of products within 2^25 fit 32 bits.
constexpr std::size_t kKeys = 32;

struct SplitPair {
  __m256i high;
  __m256i low;
};

// The weights of two neighbouring keys, in every lane; a key behind the last has the weight 0.
SplitPair split_pair(const std::int32_t* e, bool has_second) {
  const std::int32_t first = e[0];
  const std::int32_t second = has_second ? e[1] : 0;
  return {_mm256_set1_epi32(((second >> 10) << 16) | (first >> 10)),
          _mm256_set1_epi32(((second & 1023) << 16) | (first & 1023))};
}

void add_to(std::int64_t* out, __m256i high, __m256i low) {
  const auto widen_add = [out](std::size_t at, __m128i h, __m128i l) {
    const __m256i sum =
        _mm256_add_epi64(_mm256_slli_epi64(_mm256_cvtepi32_epi64(h), 10), _mm256_cvtepi32_epi64(l));
    store(out + at, _mm256_add_epi64(load(out + at), sum));
  };
  widen_add(0, _mm256_castsi256_si128(high), _mm256_castsi256_si128(low));
  widen_add(4, _mm256_extracti128_si256(high, 1), _mm256_extracti128_si256(low, 1));
}

// 16 elements of the head, over the keys [first, end).
void mix_lanes(const std::int32_t* e, const HeadRows& v, std::size_t j, std::size_t first,
               std::size_t end, std::int64_t* out) {
  __m256i high[2] = {};
  __m256i low[2] = {};
  for (std::size_t t = first; t < end; t += 2) {
    const bool has_second = t + 1 < end;
    const __m256i row = load(v.values + t * v.stride + j);
    const __m256i next = has_second ? load(v.values + (t + 1) * v.stride + j) : row;
    const SplitPair weights = split_pair(e + t, has_second);
    const __m256i pairs[2] = {_mm256_unpacklo_epi16(row, next), _mm256_unpackhi_epi16(row, next)};
    for (std::size_t half = 0; half < 2; ++half) {
      high[half] = _mm256_add_epi32(high[half], _mm256_madd_epi16(pairs[half], weights.high));
      low[half] = _mm256_add_epi32(low[half], _mm256_madd_epi16(pairs[half], weights.low));
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
  for (std::size_t t = 0; t < k.count; ++t) {
    const std::int64_t sum = dot(q, k.values + t * k.stride, k.dimension);
    out[t] =
        static_cast<std::int32_t>(model::rescale(sum * multiplier, rescale.shift, rescale.bits));
  }
}

void mix(const std::int32_t* e, const HeadRows& v, std::int64_t* out) {
  std::fill_n(out, v.dimension, 0);
  const std::size_t whole = v.dimension / kLanes * kLanes;
  for (std::size_t first = 0; first < v.count; first += kKeys) {
    const std::size_t end = std::min(first + kKeys, v.count);
    for (std::size_t j = 0; j < whole; j += kLanes) mix_lanes(e, v, j, first, end, out + j);
    for (std::size_t t = first; t < end; ++t) {
      const std::int16_t* row = v.values + t * v.stride;
      for (std::size_t j = whole; j < v.dimension; ++j) out[j] += std::int64_t{e[t]} * row[j];
    }
  }
}

}  // namespace imo::engine::avx2
