// Compiled with -mavx2: includes nothing whose inline functions other files compile without it.
#include "imo/zkml/field_loops.hpp"

#include <immintrin.h>

namespace imo::zkml {
namespace {

using Words = __m256i;

Words every_lane(Word word) {
  return _mm256_set1_epi64x(static_cast<std::int64_t>(word));
}

/// a < b as unsigned numbers: AVX2 compares signed ones only, and turning both top bits maps one
/// order to the other.
Words less(Words a, Words b) {
  const Words sign = every_lane(Word{1} << 63);
  return _mm256_cmpgt_epi64(_mm256_xor_si256(b, sign), _mm256_xor_si256(a, sign));
}

Words sub(Words a, Words b) {
  const Words back = _mm256_and_si256(every_lane(kModulusWord), less(a, b));
  return _mm256_add_epi64(_mm256_sub_epi64(a, b), back);
}

Words add(Words a, Words b) {
  return sub(a, _mm256_sub_epi64(every_lane(kModulusWord), b));
}

/// The reduction of field.hpp on products made of four products of halves.
Words mul(Words a, Words b) {
  const Words epsilon = every_lane(kEpsilonWord);
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
  const Words over = _mm256_andnot_si256(less(result, every_lane(kModulusWord)), epsilon);
  return _mm256_add_epi64(result, over);
}

/// What butterflies and scaling need. Sums of products are as fast one lane at a time: without a
/// wide multiplication four lanes take as many instructions as a processor starts for one.
struct FourLanes {
  static constexpr std::size_t kLanes = 4;

  static Words load(const Word* place) {
    return _mm256_loadu_si256(reinterpret_cast<const Words*>(place));
  }
  static void store(Word* place, Words words) {
    _mm256_storeu_si256(reinterpret_cast<Words*>(place), words);
  }
  static Words every(Word word) { return every_lane(word); }
  static Words add(Words a, Words b) { return zkml::add(a, b); }
  static Words sub(Words a, Words b) { return zkml::sub(a, b); }
  static Words mul(Words a, Words b) { return zkml::mul(a, b); }
};

constexpr FieldKernels make_kernels() {
  FieldKernels kernels = kernels_over<OneLane>("avx2");
  kernels.butterflies = butterflies_loop<FourLanes>;
  kernels.scale = scale_loop<FourLanes>;
  return kernels;
}

}  // namespace

const FieldKernels& avx2_field_kernels() {
  static constexpr FieldKernels kKernels = make_kernels();
  return kKernels;
}

}  // namespace imo::zkml
