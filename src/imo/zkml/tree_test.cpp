#include "imo/zkml/tree.hpp"

#include "imo/base/thread_pool.hpp"
#include "imo/crypto/keccak.hpp"

#include <algorithm>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace imo::zkml {
namespace {

constexpr std::string_view kProtocol = "imo.test.tree";

std::vector<Digest> some_leaves(std::size_t count, std::uint8_t seed = 0) {
  std::vector<Digest> leaves;
  for (std::size_t i = 0; i < count; ++i) {
    leaves.push_back(tree_leaf(Bytes{static_cast<std::uint8_t>(i), seed}));
  }
  return leaves;
}

/// The definition of the root, one pair at a time.
Digest slow_root(std::span<const Digest> leaves) {
  if (leaves.size() == 1) return leaves.front();
  const std::size_t half = leaves.size() / 2;
  const Digest left = slow_root(leaves.first(half));
  const Digest right = slow_root(leaves.last(half));
  Bytes both(left.bytes.begin(), left.bytes.end());
  append(both, right);
  const Hash32 hash = crypto::keccak256(both);
  Digest digest;
  std::copy_n(hash.bytes.begin(), 26, digest.bytes.begin());
  return digest;
}

Result<void> check(const Digest& root, unsigned height, std::span<const std::uint32_t> positions,
                   std::vector<Digest> leaves, BytesView proof) {
  ProofReader reader(kProtocol, {}, proof);
  IMO_TRY_VOID(check_opening(root, height, positions, std::move(leaves), reader));
  return reader.finish();
}

TEST(Tree, RootIsTheDefinition) {
  for (const std::size_t threads : {1U, 3U}) {
    ThreadPool pool(threads);
    for (unsigned height = 0; height <= 7; ++height) {
      const auto leaves = some_leaves(std::size_t{1} << height);
      EXPECT_EQ(Tree({leaves.begin(), leaves.end()}, pool).root(), slow_root(leaves)) << height;
    }
  }
}

/// Pieces of any height, made here or seen, make the tree that their leaves make.
TEST(Tree, PiecesAreTheWhole) {
  ThreadPool pool(2);
  const auto leaves = some_leaves(64);
  const Tree whole({leaves.begin(), leaves.end()}, pool);
  const std::vector<std::uint32_t> positions{0, 7, 8, 9, 33, 62};
  ProofWriter expected(kProtocol, {});
  whole.open(positions, expected);
  for (unsigned height = 0; height <= 6; ++height) {
    std::vector<Subtree> made;
    std::vector<Subtree> seen;
    for (std::size_t first = 0; first < leaves.size(); first += std::size_t{1} << height) {
      LargeVector<Digest> nodes(Subtree::nodes_over(height));
      std::copy_n(leaves.begin() + static_cast<std::ptrdiff_t>(first), std::size_t{1} << height,
                  nodes.begin());
      made.emplace_back(std::move(nodes), pool);
    }
    for (const Subtree& piece : made) seen.emplace_back(piece.nodes());
    const Tree of_seen = Tree::of_pieces(std::move(seen), pool);
    const Tree of_made = Tree::of_pieces(std::move(made), pool);
    for (const Tree* tree : {&of_seen, &of_made}) {
      EXPECT_EQ(tree->root(), whole.root());
      ProofWriter writer(kProtocol, {});
      tree->open(positions, writer);
      EXPECT_TRUE(std::ranges::equal(writer.proof(), expected.proof())) << height;
    }
  }
}

/// Every subset of the leaves of small trees: opened, and refused after any change.
TEST(Tree, EverySubsetOpensAndNothingElse) {
  ThreadPool pool(1);
  for (unsigned height = 0; height <= 3; ++height) {
    const std::uint32_t count = 1U << height;
    const auto leaves = some_leaves(count);
    const Tree tree({leaves.begin(), leaves.end()}, pool);
    for (std::uint32_t subset = 1; subset < 1U << count; ++subset) {
      std::vector<std::uint32_t> positions;
      std::vector<Digest> opened;
      for (std::uint32_t i = 0; i < count; ++i) {
        if ((subset >> i & 1U) == 0) continue;
        positions.push_back(i);
        opened.push_back(leaves[i]);
      }
      ProofWriter writer(kProtocol, {});
      tree.open(positions, writer);
      const Bytes proof = std::move(writer).take();
      ASSERT_TRUE(check(tree.root(), height, positions, opened, proof)) << subset;

      for (std::size_t i = 0; i < proof.size(); ++i) {
        Bytes changed = proof;
        changed[i] ^= 1;
        EXPECT_FALSE(check(tree.root(), height, positions, opened, changed));
      }
      for (std::size_t i = 0; i < opened.size(); ++i) {
        auto changed = opened;
        changed[i].bytes[25] ^= 1;
        EXPECT_FALSE(check(tree.root(), height, positions, changed, proof));
      }
      if (opened.size() > 1) {
        auto swapped = opened;
        std::swap(swapped.front(), swapped.back());
        EXPECT_FALSE(check(tree.root(), height, positions, swapped, proof));
      }
      if (!proof.empty()) {
        EXPECT_FALSE(check(tree.root(), height, positions, opened,
                           BytesView(proof).first(proof.size() - 1)));
      }
      Bytes longer = proof;
      longer.push_back(0);
      EXPECT_FALSE(check(tree.root(), height, positions, opened, longer));
      EXPECT_FALSE(check(slow_root(some_leaves(count, 1)), height, positions, opened, proof));
    }
  }
}

TEST(Tree, NoSiblingIsWrittenThatCanBeComputed) {
  ThreadPool pool(2);
  std::mt19937 random(1);
  const auto leaves = some_leaves(256);
  const Tree tree({leaves.begin(), leaves.end()}, pool);
  for (int round = 0; round < 20; ++round) {
    std::set<std::uint32_t> chosen;
    for (int i = 0; i < 20; ++i) chosen.insert(random() % 256);
    // A sibling is needed at each level where exactly one of a pair is above a chosen leaf.
    std::size_t needed = 0;
    std::set<std::uint32_t> level = chosen;
    for (int height = 0; height < 8; ++height) {
      std::set<std::uint32_t> above;
      for (const std::uint32_t position : level) {
        if (!level.contains(position ^ 1U)) ++needed;
        above.insert(position >> 1);
      }
      level = above;
    }
    ProofWriter writer(kProtocol, {});
    tree.open(std::vector<std::uint32_t>(chosen.begin(), chosen.end()), writer);
    EXPECT_EQ(writer.proof().size(), needed * Digest::kSize);
  }
}

}  // namespace
}  // namespace imo::zkml
