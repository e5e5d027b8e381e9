/// The eight-lane permutation; call it only on a machine with AVX-512F and BW. Internal to crypto.
#pragma once

#include <cstddef>

namespace imo::crypto {

/// Permutes eight Keccak states of 25 words, interleaved: word i of state k is `states[8 * i + k]`.
/// `states` is aligned to 64 bytes.
void keccak_f1600_x8_avx512(unsigned long* states);

/// Word i of state k is xored with word i of row k, its bytes the other way round, for the first
/// `count` words of eight rows, `stride` words from one to the next.
void absorb_rows_x8_avx512(const unsigned long* rows, std::size_t stride, std::size_t count,
                           unsigned long* states);

}  // namespace imo::crypto
