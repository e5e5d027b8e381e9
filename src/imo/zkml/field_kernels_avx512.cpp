// Compiled for AVX-512F and IFMA: includes nothing whose inline functions other files compile
// without them.
#include "imo/zkml/field_loops.hpp"

#include <immintrin.h>

namespace imo::zkml {
namespace {

/// Sums of products are kept in three parts, of weight 1, 2^52 and 2^104: IFMA multiplies 52 bits
/// and adds a half of the product in one instruction, so a word is its low 52 bits, which the
/// instruction picks by itself, and the 12 above.
struct EightLanes {
  static constexpr std::size_t kLanes = 8;
  using Value = __m512i;
  struct Split {
    __m512i low;
    __m512i high;
  };
  struct Sum {
    __m512i at0 = _mm512_setzero_si512();
    __m512i at52 = _mm512_setzero_si512();
    __m512i at104 = _mm512_setzero_si512();
  };

  static Value load(const Word* place) { return _mm512_loadu_si512(place); }
  static void store(Word* place, Value value) { _mm512_storeu_si512(place, value); }
  static Value every(Word word) { return _mm512_set1_epi64(static_cast<long long>(word)); }
  static Value strided(const Word* place, std::size_t stride) {
    const __m512i step = _mm512_set1_epi64(static_cast<long long>(stride));
    const __m512i index = _mm512_mul_epu32(step, _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0));
    return _mm512_i64gather_epi64(index, place, 8);
  }
  static void unzip(Value a, Value b, Value& even, Value& odd) {
    even = _mm512_permutex2var_epi64(a, _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0), b);
    odd = _mm512_permutex2var_epi64(a, _mm512_set_epi64(15, 13, 11, 9, 7, 5, 3, 1), b);
  }
  static void zip(Value even, Value odd, Value& a, Value& b) {
    a = _mm512_permutex2var_epi64(even, _mm512_set_epi64(11, 3, 10, 2, 9, 1, 8, 0), odd);
    b = _mm512_permutex2var_epi64(even, _mm512_set_epi64(15, 7, 14, 6, 13, 5, 12, 4), odd);
  }
  /// Of 24 words those at 0, 3, .., at 1, 4, .., and at 2, 5, ..
  static void load3(const Word* place, Value* out) {
    const __m512i a = load(place);
    const __m512i b = load(place + 8);
    const __m512i c = load(place + 16);
    const __m512i ab0 = _mm512_permutex2var_epi64(a, _mm512_set_epi64(0, 0, 15, 12, 9, 6, 3, 0), b);
    const __m512i ab1 = _mm512_permutex2var_epi64(a, _mm512_set_epi64(0, 0, 0, 13, 10, 7, 4, 1), b);
    const __m512i ab2 = _mm512_permutex2var_epi64(a, _mm512_set_epi64(0, 0, 0, 14, 11, 8, 5, 2), b);
    out[0] = _mm512_permutex2var_epi64(ab0, _mm512_set_epi64(13, 10, 5, 4, 3, 2, 1, 0), c);
    out[1] = _mm512_permutex2var_epi64(ab1, _mm512_set_epi64(14, 11, 8, 4, 3, 2, 1, 0), c);
    out[2] = _mm512_permutex2var_epi64(ab2, _mm512_set_epi64(15, 12, 9, 4, 3, 2, 1, 0), c);
  }
  static void store3(Word* place, const Value* in) {
    const __m512i a01 =
        _mm512_permutex2var_epi64(in[0], _mm512_set_epi64(10, 2, 0, 9, 1, 0, 8, 0), in[1]);
    const __m512i b01 =
        _mm512_permutex2var_epi64(in[0], _mm512_set_epi64(5, 0, 12, 4, 0, 11, 3, 0), in[1]);
    const __m512i c01 =
        _mm512_permutex2var_epi64(in[0], _mm512_set_epi64(0, 15, 7, 0, 14, 6, 0, 13), in[1]);
    store(place, _mm512_permutex2var_epi64(a01, _mm512_set_epi64(7, 6, 9, 4, 3, 8, 1, 0), in[2]));
    store(place + 8,
          _mm512_permutex2var_epi64(b01, _mm512_set_epi64(7, 12, 5, 4, 11, 2, 1, 10), in[2]));
    store(place + 16,
          _mm512_permutex2var_epi64(c01, _mm512_set_epi64(15, 6, 5, 14, 3, 2, 13, 0), in[2]));
  }

  static Value sub(Value a, Value b) {
    const __m512i difference = _mm512_sub_epi64(a, b);
    return _mm512_mask_add_epi64(difference, _mm512_cmplt_epu64_mask(a, b), difference,
                                 every(kModulusWord));
  }
  static Value add(Value a, Value b) { return sub(a, _mm512_sub_epi64(every(kModulusWord), b)); }
  static Value canonical(Value a) {
    return _mm512_min_epu64(a, _mm512_sub_epi64(a, every(kModulusWord)));
  }
  /// low + 2^64 high - less; see Fp::reduce in field.hpp. `less` is under 2^44.
  static Value reduce(Value low, Value high, Value less) {
    const __m512i epsilon = every(kEpsilonWord);
    const __m512i top = _mm512_add_epi64(_mm512_srli_epi64(high, 32), less);
    const __m512i middle = _mm512_mul_epu32(high, epsilon);
    __m512i difference = _mm512_sub_epi64(low, top);
    difference =
        _mm512_mask_sub_epi64(difference, _mm512_cmplt_epu64_mask(low, top), difference, epsilon);
    __m512i sum = _mm512_add_epi64(difference, middle);
    sum = _mm512_mask_add_epi64(sum, _mm512_cmplt_epu64_mask(sum, middle), sum, epsilon);
    return canonical(sum);
  }
  /// As value(), but the lowest part of one product has 52 bits, so nothing is carried.
  static Value mul(Value a, Value b) {
    Sum sum;
    multiply_add(sum, split(a), split(b));
    return reduce(_mm512_or_si512(sum.at0, _mm512_slli_epi64(sum.at52, 52)),
                  _mm512_srli_epi64(sum.at52, 12), _mm512_slli_epi64(sum.at104, 8));
  }
  static Split split(Value a) { return {a, _mm512_srli_epi64(a, 52)}; }
  static void multiply_add(Sum& sum, Split a, Split b) {
    sum.at0 = _mm512_madd52lo_epu64(sum.at0, a.low, b.low);
    sum.at52 = _mm512_madd52hi_epu64(sum.at52, a.low, b.low);
    sum.at52 = _mm512_madd52lo_epu64(sum.at52, a.low, b.high);
    sum.at52 = _mm512_madd52lo_epu64(sum.at52, a.high, b.low);
    sum.at104 = _mm512_madd52hi_epu64(sum.at104, a.low, b.high);
    sum.at104 = _mm512_madd52hi_epu64(sum.at104, a.high, b.low);
    sum.at104 = _mm512_madd52lo_epu64(sum.at104, a.high, b.high);
  }
  /// A product adds less than 3 * 2^52 to the middle part, and less than 2^25 to the highest:
  /// kMostProducts of them stay in 64 bits, and 2^104 = -2^8 mod p.
  static Value value(const Sum& sum) {
    const __m512i low = _mm512_add_epi64(sum.at0, _mm512_slli_epi64(sum.at52, 52));
    __m512i high = _mm512_srli_epi64(sum.at52, 12);
    high = _mm512_mask_add_epi64(high, _mm512_cmplt_epu64_mask(low, sum.at0), high, every(1));
    return reduce(low, high, _mm512_slli_epi64(sum.at104, 8));
  }
};
static_assert(kMostProducts <= 1365, "3 * 2^52 products stay under 2^64");

}  // namespace

const FieldKernels& avx512_field_kernels() {
  static constexpr FieldKernels kKernels = kernels_over<EightLanes>("avx512");
  return kKernels;
}

}  // namespace imo::zkml
