/// Keccak trees over the rows of a matrix, with digests of 26 bytes, opened at many rows at once.
///
/// docs/proof.md, "Trees", is normative.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/large_vector.hpp"
#include "imo/base/result.hpp"
#include "imo/zkml/transcript.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace imo::zkml {

/// keccak256(row), cut to its first 26 bytes.
Digest tree_leaf(BytesView row);

/// keccak256(left ‖ right), cut to its first 26 bytes.
Digest tree_node(const Digest& left, const Digest& right);

/// Each node above two of `below`, half as many, on this thread.
void hash_pairs(std::span<const Digest> below, std::span<Digest> above);

/// The nodes over 2^height leaves that follow each other, level by level in one run of memory:
/// leaves first, the root last.
class Subtree {
 public:
  /// Nodes over 2^height leaves.
  static constexpr std::size_t nodes_over(unsigned height) {
    return (std::size_t{2} << height) - 1;
  }
  /// `nodes` has room for all (checked), and begins with the leaves.
  Subtree(LargeVector<Digest> nodes, ThreadPool& pool);
  /// A subtree made before; borrowed.
  explicit Subtree(std::span<const Digest> nodes);
  Subtree(Subtree&&) = default;
  Subtree& operator=(Subtree&&) = default;

  [[nodiscard]] unsigned height() const { return height_; }
  [[nodiscard]] std::span<const Digest> nodes() const { return nodes_; }
  [[nodiscard]] const Digest& root() const { return nodes_.back(); }
  /// Node `index` of a level; leaves are level 0.
  [[nodiscard]] const Digest& node(unsigned level, std::size_t index) const {
    return nodes_[nodes_over(height_) + 1 - (std::size_t{2} << (height_ - level)) + index];
  }

 private:
  LargeVector<Digest> owned_;
  std::span<const Digest> nodes_;
  unsigned height_;
};

/// Writes the siblings that open `known` nodes of a level (increasing) on this level and the next
/// ones, `levels` in all, where none of the known ones is a sibling itself; leaves the nodes above.
using NodeOf = std::function<const Digest&(unsigned level, std::uint32_t index)>;
void open_levels(std::vector<std::uint32_t>& known, unsigned levels, const NodeOf& node,
                 ProofWriter& proof);

/// A tree held whole, 52 bytes a leaf.
class Tree {
 public:
  /// Over `leaves`, whose number is a power of two (checked).
  Tree(LargeVector<Digest> leaves, ThreadPool& pool);
  /// Over subtrees of one height, a power of two of them (both checked).
  static Tree of_pieces(std::vector<Subtree> pieces, ThreadPool& pool);

  [[nodiscard]] const Digest& root() const { return top_.root(); }
  /// Writes the siblings that open the leaves at `positions` (increasing, in range; checked).
  void open(std::span<const std::uint32_t> positions, ProofWriter& proof) const;

 private:
  explicit Tree(std::vector<Subtree> pieces, Subtree top)
      : pieces_(std::move(pieces)), top_(std::move(top)) {}
  [[nodiscard]] unsigned height() const { return pieces_.front().height() + top_.height(); }
  [[nodiscard]] const Digest& node(unsigned level, std::size_t index) const;

  std::vector<Subtree> pieces_;
  Subtree top_;  ///< over the pieces' roots
};

/// Checks that `leaves` stand at `positions` (increasing, as many as leaves, below 2^height;
/// checked) under `root`, reading what Tree::open wrote.
Result<void> check_opening(const Digest& root, unsigned height,
                           std::span<const std::uint32_t> positions, std::vector<Digest> leaves,
                           ProofReader& proof);

}  // namespace imo::zkml
