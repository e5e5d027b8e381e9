#include "imo/zkml/whir_rows.hpp"

#include <algorithm>

namespace imo::zkml {

std::vector<std::uint32_t> draw_positions(const WhirCode& code, std::size_t queries,
                                          Transcript& transcript) {
  std::vector<std::uint32_t> positions = transcript.challenge_indices(queries, code.log_rows());
  std::ranges::sort(positions);
  const auto repeated = std::ranges::unique(positions);
  positions.erase(repeated.begin(), repeated.end());
  return positions;
}

}  // namespace imo::zkml
