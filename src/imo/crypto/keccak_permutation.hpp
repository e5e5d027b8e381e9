/// Keccak-f[1600] over any word type that behaves as 64 bits in every lane: `std::uint64_t` for one
/// state, a vector of four or eight for as many states at once. Internal to crypto.
///
/// This header is compiled again with -mavx2 and for AVX-512, so it must not bring in anything that
/// the linker could share with code for other machines: no library headers, and internal linkage
/// only.
#pragma once

namespace imo::crypto {

// Rotation and new place of lane i = x + 5y: FIPS 202, 3.2.2 (rho) and 3.2.3 (pi), where
// B[y, 2x + 3y] = rotl(A[x, y]).
static constexpr unsigned kRotation[25] = {0,  1,  62, 28, 27, 36, 44, 6,  55, 20, 3,  10, 43,
                                           25, 39, 41, 45, 15, 21, 8,  18, 2,  61, 56, 14};
static constexpr unsigned kPlace[25] = {0,  10, 20, 5, 15, 16, 1,  11, 21, 6, 7,  17, 2,
                                        12, 22, 23, 8, 18, 3,  13, 14, 24, 9, 19, 4};
// FIPS 202, 3.2.5 (iota).
static constexpr unsigned long kRoundConstant[24] = {
    0x0000000000000001UL, 0x0000000000008082UL, 0x800000000000808aUL, 0x8000000080008000UL,
    0x000000000000808bUL, 0x0000000080000001UL, 0x8000000080008081UL, 0x8000000000008009UL,
    0x000000000000008aUL, 0x0000000000000088UL, 0x0000000080008009UL, 0x000000008000000aUL,
    0x000000008000808bUL, 0x800000000000008bUL, 0x8000000000008089UL, 0x8000000000008003UL,
    0x8000000000008002UL, 0x8000000000000080UL, 0x000000000000800aUL, 0x800000008000000aUL,
    0x8000000080008081UL, 0x8000000000008080UL, 0x0000000080000001UL, 0x8000000080008008UL};

template <typename Word>
static inline Word rotate_left(Word x, unsigned n) {
  return n == 0 ? x : (x << n) | (x >> (64 - n));
}

/// a ^ (~b & c)
template <typename Word>
static inline Word chi(Word a, Word b, Word c) {
  return a ^ (~b & c);
}

template <typename Word>
static inline Word xor3(Word a, Word b, Word c) {
  return a ^ b ^ c;
}

// Unrolled so that every rotation and index is a constant and lanes live in registers.
template <typename Word>
static inline void keccak_f1600(Word* a) {
  for (unsigned round = 0; round < 24; ++round) {
    Word column[5];
#pragma GCC unroll 5
    for (unsigned x = 0; x < 5; ++x) {  // NOLINT(modernize-loop-convert): unrolled by index
      column[x] = xor3(xor3(a[x], a[x + 5], a[x + 10]), a[x + 15], a[x + 20]);
    }
    Word moved[25];
#pragma GCC unroll 5
    for (unsigned x = 0; x < 5; ++x) {
      const Word before = column[(x + 4) % 5];
      const Word after = rotate_left(column[(x + 1) % 5], 1);
#pragma GCC unroll 5
      for (unsigned i = x; i < 25; i += 5) {
        moved[kPlace[i]] = rotate_left(xor3(a[i], before, after), kRotation[i]);
      }
    }
#pragma GCC unroll 5
    for (unsigned y = 0; y < 25; y += 5) {
#pragma GCC unroll 5
      for (unsigned x = 0; x < 5; ++x) {
        a[y + x] = chi(moved[y + x], moved[y + (x + 1) % 5], moved[y + (x + 2) % 5]);
      }
    }
    a[0] ^= kRoundConstant[round];
  }
}

}  // namespace imo::crypto
