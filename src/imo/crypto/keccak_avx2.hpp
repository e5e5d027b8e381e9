/// The four-lane permutation; call it only on a machine with AVX2. Internal to crypto.
#pragma once

namespace imo::crypto {

/// Permutes four Keccak states of 25 words, interleaved: word i of state k is `states[4 * i + k]`.
/// `states` is aligned to 32 bytes.
void keccak_f1600_x4_avx2(unsigned long* states);

}  // namespace imo::crypto
