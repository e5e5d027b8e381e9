/// Binary Merkle trees over Keccak-256: commitments that a contract can open at one place.
///
///   leaf(data)        = keccak256(0x00 ‖ data)
///   node(left, right) = keccak256(0x01 ‖ left ‖ right)
///
/// The prefixes keep a node from being passed off as a leaf. Leaves keep their order. A tree over n
/// leaves has the height h with 2^(h-1) < n <= 2^h and is filled up on the right with *padding
/// leaves*: 32 zero bytes in place of a leaf's hash, which no known data hashes to. So n = 1 has
/// height 0 and its root is its leaf; n = 0 has height 0 and the padding leaf as its root.
///
/// A root says nothing about n. Whoever verifies must know n from elsewhere, as part of what is
/// committed together with the root; then height, and which indices exist, follow, and no proof can
/// choose its own length.
#pragma once

#include "imo/base/bytes.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace imo {
class ThreadPool;
}

namespace imo::crypto {

/// keccak256(0x00 ‖ data).
Hash32 merkle_leaf(BytesView data);

/// keccak256(0x01 ‖ left ‖ right).
Hash32 merkle_node(const Hash32& left, const Hash32& right);

/// The least h with count <= 2^h.
unsigned merkle_height(std::uint64_t count);

/// The leaves of `data` cut into pieces of `piece_size` bytes (not 0), the last one possibly
/// shorter; several at a time, and on every thread of `pool` if there is one.
std::vector<Hash32> merkle_leaves(BytesView data, std::size_t piece_size,
                                  ThreadPool* pool = nullptr);

/// The node over 2^height places without a leaf; `height` is at most 64.
const Hash32& merkle_padding(unsigned height);

/// The nodes above `nodes`, which stand at `height` from the left on: half as many, rounded up.
std::vector<Hash32> merkle_level_above(std::span<const Hash32> nodes, unsigned height,
                                       ThreadPool* pool = nullptr);

/// The root over `leaves`, keeping nothing else: what MerkleTree(leaves).root() is.
Hash32 merkle_root(std::span<const Hash32> leaves);

/// True when `leaf` is at `index` of the tree of `count` leaves with this `root`. `proof` is the
/// sibling at each height from the leaves up; it must have exactly merkle_height(count) entries.
bool merkle_verify(const Hash32& root, std::uint64_t count, std::uint64_t index, const Hash32& leaf,
                   std::span<const Hash32> proof);

/// A whole tree in memory, 64 bytes a leaf, for making proofs.
class MerkleTree {
 public:
  explicit MerkleTree(std::vector<Hash32> leaves);

  [[nodiscard]] const Hash32& root() const { return root_; }
  [[nodiscard]] std::uint64_t count() const { return levels_.front().size(); }
  [[nodiscard]] unsigned height() const { return static_cast<unsigned>(levels_.size() - 1); }
  [[nodiscard]] std::span<const Hash32> leaves() const { return levels_.front(); }
  /// The siblings of leaf `index` (below count) from the leaves up, for merkle_verify.
  [[nodiscard]] std::vector<Hash32> proof(std::uint64_t index) const;

 private:
  /// Level 0 holds the leaves, each next one the nodes above that have a real leaf under them.
  std::vector<std::vector<Hash32>> levels_;
  Hash32 root_;
};

/// The root of leaves that arrive one by one, in memory that grows with the height only.
class MerkleRootBuilder {
 public:
  void add(const Hash32& leaf);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// The root over all that was added; more may be added after.
  [[nodiscard]] Hash32 root() const;

 private:
  std::uint64_t count_ = 0;
  /// Left subtrees that wait for their right sibling: at height h exactly when bit h of count_
  /// is 1.
  std::vector<Hash32> waiting_;
};

}  // namespace imo::crypto
