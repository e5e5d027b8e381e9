// Compiled for AVX-512F and BW: see keccak_permutation.hpp for what this file may include.
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

/// Eight rows of eight words turned round: word i of row k becomes word k of row i.
inline void turn_round(__m512i (&rows)[8]) {
  __m512i pairs[8];
  for (unsigned i = 0; i < 8; i += 2) {
    pairs[i] = _mm512_unpacklo_epi64(rows[i], rows[i + 1]);
    pairs[i + 1] = _mm512_unpackhi_epi64(rows[i], rows[i + 1]);
  }
  // Parts of two words: 0x88 takes the even ones of both, 0xDD the odd ones.
  __m512i fours[8];
  for (unsigned i = 0; i < 8; i += 4) {
    for (unsigned odd = 0; odd < 2; ++odd) {
      fours[i + odd] = _mm512_shuffle_i64x2(pairs[i + odd], pairs[i + odd + 2], 0x88);
      fours[i + odd + 2] = _mm512_shuffle_i64x2(pairs[i + odd], pairs[i + odd + 2], 0xDD);
    }
  }
  for (unsigned i = 0; i < 4; ++i) {
    rows[i] = _mm512_shuffle_i64x2(fours[i], fours[i + 4], 0x88);
    rows[i + 4] = _mm512_shuffle_i64x2(fours[i], fours[i + 4], 0xDD);
  }
}

}  // namespace

void keccak_f1600_x8_avx512(unsigned long* states) {
  EightWords words[25];
  for (unsigned i = 0; i < 25; ++i) words[i].words = _mm512_load_si512(states + 8 * i);
  keccak_f1600(words);
  for (unsigned i = 0; i < 25; ++i) _mm512_store_si512(states + 8 * i, words[i].words);
}

void absorb_rows_x8_avx512(const unsigned long* rows, std::size_t stride, std::size_t count,
                           unsigned long* states) {
  const __m512i order =
      _mm512_broadcast_i32x4(_mm_set_epi8(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  for (std::size_t from = 0; from < count; from += 8) {
    const std::size_t size = count - from < 8 ? count - from : 8;
    const auto mask = static_cast<__mmask8>((1U << size) - 1);
    __m512i words[8];
    for (unsigned k = 0; k < 8; ++k) {
      words[k] = _mm512_maskz_loadu_epi64(mask, rows + k * stride + from);
    }
    turn_round(words);
    for (unsigned i = 0; i < 8; ++i) {
      if (i >= size) break;
      unsigned long* const state = states + 8 * (from + i);
      _mm512_store_si512(
          state, _mm512_xor_si512(_mm512_load_si512(state), _mm512_shuffle_epi8(words[i], order)));
    }
  }
}

}  // namespace imo::crypto
