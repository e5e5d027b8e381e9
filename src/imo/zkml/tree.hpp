/// Keccak trees over the rows of a matrix, with digests of 26 bytes, opened at many rows at once.
///
/// docs/proof.md, "Trees", is normative.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/large_vector.hpp"
#include "imo/base/result.hpp"
#include "imo/zkml/transcript.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace imo::zkml {

/// keccak256(row), cut to its first 26 bytes.
Digest tree_leaf(BytesView row);

/// keccak256(left ‖ right), cut to its first 26 bytes.
Digest tree_node(const Digest& left, const Digest& right);

/// A tree held whole, 52 bytes a leaf.
class Tree {
 public:
  /// Over `leaves`, whose number is a power of two (checked).
  Tree(LargeVector<Digest> leaves, ThreadPool& pool);

  [[nodiscard]] const Digest& root() const { return levels_.back().front(); }
  /// Writes the siblings that open the leaves at `positions` (increasing, in range; checked).
  void open(std::span<const std::uint32_t> positions, ProofWriter& proof) const;

 private:
  std::vector<LargeVector<Digest>> levels_;  ///< leaves first
};

/// Checks that `leaves` stand at `positions` (increasing, as many as leaves, below 2^height;
/// checked) under `root`, reading what Tree::open wrote.
Result<void> check_opening(const Digest& root, unsigned height,
                           std::span<const std::uint32_t> positions, std::vector<Digest> leaves,
                           ProofReader& proof);

}  // namespace imo::zkml
