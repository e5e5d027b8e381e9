#include "imo/zkml/tree.hpp"

#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/crypto/keccak.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace imo::zkml {
namespace {

Digest cut(const Hash32& hash) {
  Digest digest;
  std::copy_n(hash.bytes.begin(), Digest::kSize, digest.bytes.begin());
  return digest;
}

using Pair = std::array<std::uint8_t, 2 * Digest::kSize>;

Pair joined(const Digest& left, const Digest& right) {
  Pair both{};
  std::ranges::copy(left.bytes, both.begin());
  std::ranges::copy(right.bytes, both.begin() + Digest::kSize);
  return both;
}

/// Nodes 2i and 2i + 1 of a level, which lie beside each other as they are hashed.
BytesView pair_at(std::span<const Digest> level, std::size_t i) {
  static_assert(sizeof(Digest) == Digest::kSize);
  return {reinterpret_cast<const std::uint8_t*>(&level[2 * i]), 2 * Digest::kSize};
}

void hash_level(std::span<const Digest> below, std::span<Digest> above, ThreadPool& pool) {
  pool.parallel_ranges(above.size(), [&](std::size_t begin, std::size_t end) {
    hash_pairs(below.subspan(2 * begin, 2 * (end - begin)), above.subspan(begin, end - begin));
  });
}

std::vector<Subtree> one_piece(LargeVector<Digest> leaves, ThreadPool& pool) {
  LargeVector<Digest> nodes(2 * leaves.size() - 1);
  std::ranges::copy(leaves, nodes.begin());
  std::vector<Subtree> pieces;
  pieces.emplace_back(std::move(nodes), pool);
  return pieces;
}

Subtree over_roots(std::span<const Subtree> pieces, ThreadPool& pool) {
  IMO_CHECK(std::has_single_bit(pieces.size()), "a tree has a power of two of pieces");
  LargeVector<Digest> nodes(2 * pieces.size() - 1);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    IMO_CHECK(pieces[i].height() == pieces[0].height(), "pieces of different heights");
    nodes[i] = pieces[i].root();
  }
  return {std::move(nodes), pool};
}

unsigned height_of(std::size_t nodes) {
  IMO_CHECK(std::has_single_bit(nodes + 1) && nodes > 0, "a tree has a power of two of leaves");
  return static_cast<unsigned>(std::countr_zero(nodes + 1)) - 1;
}

void check_positions(std::span<const std::uint32_t> positions, std::uint64_t count) {
  IMO_CHECK(!positions.empty() && positions.back() < count, "positions outside of the tree");
  IMO_CHECK(std::ranges::is_sorted(positions, std::ranges::less_equal{}),
            "positions must increase");
}

}  // namespace

Digest tree_leaf(BytesView row) {
  return cut(crypto::keccak256(row));
}

Digest tree_node(const Digest& left, const Digest& right) {
  return cut(crypto::keccak256(joined(left, right)));
}

void hash_pairs(std::span<const Digest> below, std::span<Digest> above) {
  std::array<BytesView, crypto::kHashesAtOnce> pairs;
  std::array<Hash32, crypto::kHashesAtOnce> hashes;
  for (std::size_t i = 0; i < above.size(); i += pairs.size()) {
    const std::size_t count = std::min(pairs.size(), above.size() - i);
    for (std::size_t j = 0; j < count; ++j) pairs[j] = pair_at(below, i + j);
    crypto::keccak256_many(std::span(pairs).first(count), std::span(hashes).first(count));
    for (std::size_t j = 0; j < count; ++j) above[i + j] = cut(hashes[j]);
  }
}

Subtree::Subtree(LargeVector<Digest> nodes, ThreadPool& pool)
    : owned_(std::move(nodes)), nodes_(owned_), height_(height_of(owned_.size())) {
  std::span<Digest> below(owned_.data(), (owned_.size() + 1) / 2);
  while (below.size() > 1) {
    const std::span<Digest> above(below.data() + below.size(), below.size() / 2);
    hash_level(below, above, pool);
    below = above;
  }
}

Subtree::Subtree(std::span<const Digest> nodes) : nodes_(nodes), height_(height_of(nodes.size())) {}

void open_levels(std::vector<std::uint32_t>& known, unsigned levels, const NodeOf& node,
                 ProofWriter& proof) {
  for (unsigned level = 0; level < levels; ++level) {
    std::size_t above = 0;
    for (std::size_t i = 0; i < known.size(); ++i) {
      const std::uint32_t position = known[i];
      if (i + 1 < known.size() && known[i + 1] == (position ^ 1U)) {
        ++i;
      } else {
        proof.write(node(level, position ^ 1U));
      }
      known[above++] = position >> 1;
    }
    known.resize(above);
  }
}

Tree::Tree(LargeVector<Digest> leaves, ThreadPool& pool)
    : Tree(of_pieces(one_piece(std::move(leaves), pool), pool)) {}

Tree Tree::of_pieces(std::vector<Subtree> pieces, ThreadPool& pool) {
  Subtree top = over_roots(pieces, pool);
  return Tree(std::move(pieces), std::move(top));
}

const Digest& Tree::node(unsigned level, std::size_t index) const {
  const unsigned below = pieces_.front().height();
  if (level > below) return top_.node(level - below, index);
  const unsigned in_piece = below - level;
  return pieces_[index >> in_piece].node(level, index & ((std::size_t{1} << in_piece) - 1));
}

void Tree::open(std::span<const std::uint32_t> positions, ProofWriter& proof) const {
  check_positions(positions, std::uint64_t{1} << height());
  std::vector<std::uint32_t> known(positions.begin(), positions.end());
  open_levels(
      known, height(),
      [&](unsigned level, std::uint32_t index) -> const Digest& { return node(level, index); },
      proof);
}

Result<void> check_opening(const Digest& root, unsigned height,
                           std::span<const std::uint32_t> positions, std::vector<Digest> leaves,
                           ProofReader& proof) {
  check_positions(positions, std::uint64_t{1} << height);
  IMO_CHECK(leaves.size() == positions.size(), "a leaf for each position");
  std::vector<std::uint32_t> known(positions.begin(), positions.end());
  for (unsigned level = 0; level < height; ++level) {
    std::size_t above = 0;
    for (std::size_t i = 0; i < known.size(); ++i) {
      const std::uint32_t position = known[i];
      const Digest digest = leaves[i];
      Digest sibling;
      // Positions increase, so the next one can be the sibling only of an even one.
      if (i + 1 < known.size() && known[i + 1] == (position ^ 1U)) {
        sibling = leaves[++i];
      } else {
        IMO_TRY(sibling, proof.read_digest());
      }
      leaves[above] =
          (position & 1U) != 0 ? tree_node(sibling, digest) : tree_node(digest, sibling);
      known[above++] = position >> 1;
    }
    known.resize(above);
  }
  if (leaves.front() != root) {
    return proof.refused("opened rows do not lead to the committed root");
  }
  return {};
}

}  // namespace imo::zkml
