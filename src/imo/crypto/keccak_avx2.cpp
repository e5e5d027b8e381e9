// Compiled with -mavx2: see keccak_permutation.hpp for what this file may include.
#include "imo/crypto/keccak_avx2.hpp"

#include "imo/crypto/keccak_permutation.hpp"

namespace imo::crypto {

using FourWords __attribute__((vector_size(32), may_alias)) = unsigned long;

void keccak_f1600_x4_avx2(unsigned long* states) {
  keccak_f1600(reinterpret_cast<FourWords*>(states));
}

}  // namespace imo::crypto
