/// The inner loops of the code for machines with AVX2; call them only there. Internal to zkml.
///
/// Words are canonical elements of F_p, before and after; the results are those of field.hpp, bit
/// for bit. Plain types only: this is compiled with other flags than what calls it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace imo::zkml {

/// One level of the transform: for each j below `half`, rows j and half + j of `words` words each
/// (a multiple of 4) become their sum, and their difference times twiddles[j].
void butterflies_avx2(std::uint64_t* rows, std::size_t half, std::size_t words,
                      const std::uint64_t* twiddles);

/// target[i] = source[i] * factor for i below `words`, a multiple of 4.
void scale_avx2(std::uint64_t* target, const std::uint64_t* source, std::size_t words,
                std::uint64_t factor);

}  // namespace imo::zkml
