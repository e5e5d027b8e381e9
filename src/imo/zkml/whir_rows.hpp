/// What the prover and the verifier of WHIR do alike with rows of words. Internal to zkml.
#pragma once

#include "imo/zkml/word_tree.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace imo::zkml {

/// sum_c weights[c] row[c].
template <typename Element>
Fp3 fold_row(Row<Element> row, std::span<const Fp3> weights) {
  Fp3 sum;
  for (std::size_t c = 0; c < row.size(); ++c) sum += weights[c] * row[c];
  return sum;
}

/// The positions that are asked for: drawn, sorted, without repetitions.
std::vector<std::uint32_t> draw_positions(const WhirCode& code, std::size_t queries,
                                          Transcript& transcript);

}  // namespace imo::zkml
