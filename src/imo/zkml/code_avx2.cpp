// Compiled with -mavx2: includes nothing whose inline functions other files compile without it.
#include "imo/zkml/code_avx2.hpp"

#include <immintrin.h>

namespace imo::zkml {
namespace {

using Words = __m256i;

Words every(std::uint64_t word) {
  return _mm256_set1_epi64x(static_cast<std::int64_t>(word));
}

const std::uint64_t kP = 0xffff'ffff'0000'0001;
const std::uint64_t kEpsilonWord = 0xffff'ffff;
const std::uint64_t kSignWord = std::uint64_t{1} << 63;

/// a < b as unsigned numbers: AVX2 compares signed ones only, and turning both top bits maps one
/// order to the other.
Words less(Words a, Words b) {
  const Words sign = every(kSignWord);
  return _mm256_cmpgt_epi64(_mm256_xor_si256(b, sign), _mm256_xor_si256(a, sign));
}

Words sub(Words a, Words b) {
  const Words back = _mm256_and_si256(every(kP), less(a, b));
  return _mm256_add_epi64(_mm256_sub_epi64(a, b), back);
}

Words add(Words a, Words b) {
  return sub(a, _mm256_sub_epi64(every(kP), b));
}

/// The reduction of field.hpp on products made of four products of halves.
Words mul(Words a, Words b) {
  const Words epsilon = every(kEpsilonWord);
  const Words a_high = _mm256_srli_epi64(a, 32);
  const Words b_high = _mm256_srli_epi64(b, 32);
  const Words low_low = _mm256_mul_epu32(a, b);
  const Words high_low = _mm256_mul_epu32(a_high, b);
  const Words low_high = _mm256_mul_epu32(a, b_high);
  const Words high_high = _mm256_mul_epu32(a_high, b_high);
  // (2^32 - 1)^2 + 2 (2^32 - 1) < 2^64: neither sum carries out.
  const Words first = _mm256_add_epi64(high_low, _mm256_srli_epi64(low_low, 32));
  const Words second = _mm256_add_epi64(low_high, _mm256_and_si256(first, epsilon));
  const Words low =
      _mm256_or_si256(_mm256_and_si256(low_low, epsilon), _mm256_slli_epi64(second, 32));
  const Words high = _mm256_add_epi64(
      high_high, _mm256_add_epi64(_mm256_srli_epi64(first, 32), _mm256_srli_epi64(second, 32)));

  const Words top = _mm256_srli_epi64(high, 32);
  const Words middle = _mm256_mul_epu32(high, epsilon);
  const Words borrowed = _mm256_and_si256(epsilon, less(low, top));
  const Words difference = _mm256_sub_epi64(_mm256_sub_epi64(low, top), borrowed);
  const Words sum = _mm256_add_epi64(difference, middle);
  const Words carried = _mm256_and_si256(epsilon, less(sum, middle));
  const Words result = _mm256_add_epi64(sum, carried);
  // Subtracts p when the result is not below it: -p = epsilon mod 2^64.
  const Words over = _mm256_andnot_si256(less(result, every(kP)), epsilon);
  return _mm256_add_epi64(result, over);
}

Words load(const std::uint64_t* place) {
  return _mm256_loadu_si256(reinterpret_cast<const Words*>(place));
}

void store(std::uint64_t* place, Words words) {
  _mm256_storeu_si256(reinterpret_cast<Words*>(place), words);
}

}  // namespace

void butterflies_avx2(std::uint64_t* rows, std::size_t half, std::size_t words,
                      const std::uint64_t* twiddles) {
  for (std::size_t j = 0; j < half; ++j) {
    const Words twiddle = every(twiddles[j]);
    std::uint64_t* low = rows + j * words;
    std::uint64_t* high = low + half * words;
    for (std::size_t i = 0; i < words; i += 4) {
      const Words a = load(low + i);
      const Words b = load(high + i);
      store(low + i, add(a, b));
      store(high + i, mul(sub(a, b), twiddle));
    }
  }
}

void scale_avx2(std::uint64_t* target, const std::uint64_t* source, std::size_t words,
                std::uint64_t factor) {
  for (std::size_t i = 0; i < words; i += 4) {
    store(target + i, mul(load(source + i), every(factor)));
  }
}

}  // namespace imo::zkml
