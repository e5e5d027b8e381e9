// Compiled for AVX-512F: see keccak_permutation.hpp for what this file may include.
#include "imo/crypto/keccak_avx512.hpp"

#include "imo/crypto/keccak_permutation.hpp"

#include <immintrin.h>

namespace imo::crypto {
namespace {

/// Eight words in one register, with the two instructions that AVX-512 has for Keccak: rotation,
/// which the compiler makes of the two shifts, and any function of three bits.
struct EightWords {
  __m512i words;
};

inline EightWords xor3(EightWords a, EightWords b, EightWords c) {
  return {_mm512_ternarylogic_epi64(a.words, b.words, c.words, 0x96)};
}

inline EightWords chi(EightWords a, EightWords b, EightWords c) {
  return {_mm512_ternarylogic_epi64(a.words, b.words, c.words, 0xD2)};
}

inline EightWords rotate_left(EightWords x, unsigned n) {
  using Words = unsigned long __attribute__((vector_size(64)));
  if (n == 0) return x;
  const Words words = reinterpret_cast<Words>(x.words);
  return {reinterpret_cast<__m512i>(words << n | words >> (64 - n))};
}

inline EightWords& operator^=(EightWords& a, unsigned long b) {
  a.words = _mm512_xor_si512(a.words, _mm512_set1_epi64(static_cast<long long>(b)));
  return a;
}

}  // namespace

void keccak_f1600_x8_avx512(unsigned long* states) {
  EightWords words[25];
  for (unsigned i = 0; i < 25; ++i) words[i].words = _mm512_load_si512(states + 8 * i);
  keccak_f1600(words);
  for (unsigned i = 0; i < 25; ++i) _mm512_store_si512(states + 8 * i, words[i].words);
}

}  // namespace imo::crypto
