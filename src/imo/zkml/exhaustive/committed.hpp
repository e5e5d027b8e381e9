/// Commitments that cannot lie: what is left for a proof system to get wrong.
#pragma once

#include "imo/zkml/exhaustive/game.hpp"
#include "imo/zkml/whir.hpp"

#include <span>

namespace imo::zkml {

/// What an opening shows of a vector.
inline bool holds(const Claim& claim, std::span<const Fp3> vector) {
  const std::size_t size = std::size_t{1} << claim.low.size();
  Fp3 sum;
  for (std::size_t i = 0; i < claim.scales.size(); ++i) {
    const std::span<const Fp3> block = vector.subspan((claim.first_block + i) * size, size);
    sum += claim.scales[i] * multilinear(block, claim.low);
  }
  return sum == claim.value;
}

}  // namespace imo::zkml
