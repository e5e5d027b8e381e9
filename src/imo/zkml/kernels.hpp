/// Which of the prover's inner loops this machine runs, and elements as the words they are of.
#pragma once

#include "imo/zkml/field.hpp"
#include "imo/zkml/field_kernels.hpp"

#include <span>

namespace imo::zkml {

/// All versions that this machine has, the fastest first; the last is the scalar one.
std::span<const FieldKernels* const> available_field_kernels();

/// The fastest.
const FieldKernels& field_kernels();

static_assert(sizeof(Fp) == sizeof(std::uint64_t) && sizeof(Fp3) == 3 * sizeof(Fp));

inline std::uint64_t* words_of(Fp* elements) {
  return reinterpret_cast<std::uint64_t*>(elements);
}
inline std::uint64_t* words_of(Fp3* elements) {
  return reinterpret_cast<std::uint64_t*>(elements);
}
inline const std::uint64_t* words_of(const Fp* elements) {
  return reinterpret_cast<const std::uint64_t*>(elements);
}
inline const std::uint64_t* words_of(const Fp3* elements) {
  return reinterpret_cast<const std::uint64_t*>(elements);
}

}  // namespace imo::zkml
