/// Merging of neighbouring symbols, best first: the core of both kinds of tokenizer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace imo::model {

/// A token id, or a number above all ids for a character that is no token itself.
using Symbol = std::uint32_t;

/// left + right -> result. Smaller priorities merge first.
struct MergeRule {
  Symbol left;
  Symbol right;
  Symbol result;
  std::uint32_t priority;
};

/// Rules, found by their pair. Immutable; any number of threads may use one.
class MergeTable {
 public:
  MergeTable() = default;

  /// Of two rules for one pair the one with the smaller priority counts.
  explicit MergeTable(std::vector<MergeRule> rules);

  /// Null when the pair does not merge.
  [[nodiscard]] const MergeRule* find(Symbol left, Symbol right) const;

  /// Merges `symbols` until no pair of neighbours has a rule: always the pair with the smallest
  /// priority, the leftmost of equals. O(n log n) for n symbols.
  [[nodiscard]] std::vector<Symbol> apply(std::span<const Symbol> symbols) const;

 private:
  std::vector<MergeRule> rules_;         ///< ordered by left, then right
  std::vector<std::uint32_t> first_of_;  ///< per left: index of its first rule
};

}  // namespace imo::model
