/// The eight-lane permutation; call it only on a machine with AVX-512F. Internal to crypto.
#pragma once

namespace imo::crypto {

/// Permutes eight Keccak states of 25 words, interleaved: word i of state k is `states[8 * i + k]`.
/// `states` is aligned to 64 bytes.
void keccak_f1600_x8_avx512(unsigned long* states);

}  // namespace imo::crypto
