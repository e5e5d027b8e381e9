#include "imo/crypto/merkle.hpp"

#include "imo/base/thread_pool.hpp"
#include "imo/crypto/keccak.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace imo::crypto {
namespace {

Hash32 hash_with_prefix(std::uint8_t prefix, BytesView rest) {
  Bytes message{prefix};
  append(message, rest);
  return keccak256(message);
}

Hash32 node(const Hash32& left, const Hash32& right) {
  Bytes both;
  append(both, left);
  append(both, right);
  return hash_with_prefix(0x01, both);
}

/// Leaves 0, 1, 2, ... as a tree would hold them.
std::vector<Hash32> some_leaves(std::size_t count) {
  std::vector<Hash32> leaves;
  for (std::size_t i = 0; i < count; ++i) {
    leaves.push_back(merkle_leaf(Bytes{static_cast<std::uint8_t>(i), 0x77}));
  }
  return leaves;
}

/// The definition, word for word: fill up to a power of two, then pair up.
Hash32 root_by_definition(std::vector<Hash32> level) {
  std::size_t width = 1;
  while (width < level.size()) width *= 2;
  level.resize(width);
  while (level.size() > 1) {
    std::vector<Hash32> above;
    for (std::size_t i = 0; i < level.size(); i += 2) above.push_back(node(level[i], level[i + 1]));
    level = above;
  }
  return level[0];
}

TEST(Merkle, LeavesAndNodesHavePrefixes) {
  const Bytes data{1, 2, 3};
  EXPECT_EQ(merkle_leaf(data), hash_with_prefix(0x00, data));
  EXPECT_EQ(merkle_leaf({}), hash_with_prefix(0x00, {}));
  const auto leaves = some_leaves(2);
  EXPECT_EQ(merkle_node(leaves[0], leaves[1]), node(leaves[0], leaves[1]));
}

TEST(Merkle, SmallTreesSpelledOut) {
  const auto l = some_leaves(3);
  const Hash32 padding;
  EXPECT_EQ(merkle_root({}), padding);
  EXPECT_EQ(merkle_root(std::span(l).first(1)), l[0]);
  EXPECT_EQ(merkle_root(std::span(l).first(2)), node(l[0], l[1]));
  EXPECT_EQ(merkle_root(l), node(node(l[0], l[1]), node(l[2], padding)));
}

TEST(Merkle, HeightIsTheLeastThatFits) {
  EXPECT_EQ(merkle_height(0), 0U);
  EXPECT_EQ(merkle_height(1), 0U);
  EXPECT_EQ(merkle_height(2), 1U);
  EXPECT_EQ(merkle_height(3), 2U);
  EXPECT_EQ(merkle_height(4), 2U);
  EXPECT_EQ(merkle_height(5), 3U);
  EXPECT_EQ(merkle_height((1ULL << 63) + 1), 64U);
}

TEST(Merkle, ThreeWaysToTheSameRoot) {
  MerkleRootBuilder builder;
  for (std::size_t count = 0; count <= 70; ++count) {
    const auto leaves = some_leaves(count);
    const Hash32 root = root_by_definition(leaves);
    EXPECT_EQ(merkle_root(leaves), root) << count;
    EXPECT_EQ(MerkleTree(leaves).root(), root) << count;
    EXPECT_EQ(builder.root(), root) << count;
    EXPECT_EQ(builder.count(), count);
    builder.add(some_leaves(count + 1).back());
  }
}

TEST(Merkle, EveryLeafHasItsProof) {
  for (std::size_t count = 1; count <= 33; ++count) {
    const MerkleTree tree(some_leaves(count));
    EXPECT_EQ(tree.count(), count);
    EXPECT_EQ(tree.height(), merkle_height(count));
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_TRUE(merkle_verify(tree.root(), count, i, tree.leaves()[i], tree.proof(i)));
    }
  }
}

class MerkleProof : public testing::Test {
 protected:
  static constexpr std::uint64_t kCount = 11;
  static constexpr std::uint64_t kIndex = 9;

  MerkleTree tree_{some_leaves(kCount)};
  Hash32 leaf_ = tree_.leaves()[kIndex];
  std::vector<Hash32> proof_ = tree_.proof(kIndex);
};

TEST_F(MerkleProof, FailsWhenAnyByteChanges) {
  const auto flipped = [](Hash32 hash, std::size_t byte) {
    hash.bytes[byte] ^= 0x10;
    return hash;
  };
  for (std::size_t byte = 0; byte < 32; ++byte) {
    EXPECT_FALSE(merkle_verify(flipped(tree_.root(), byte), kCount, kIndex, leaf_, proof_));
    EXPECT_FALSE(merkle_verify(tree_.root(), kCount, kIndex, flipped(leaf_, byte), proof_));
    for (std::size_t h = 0; h < proof_.size(); ++h) {
      auto wrong = proof_;
      wrong[h] = flipped(wrong[h], byte);
      EXPECT_FALSE(merkle_verify(tree_.root(), kCount, kIndex, leaf_, wrong));
    }
  }
}

TEST_F(MerkleProof, HoldsAtItsIndexOnly) {
  for (std::uint64_t index = 0; index < 64; ++index) {
    EXPECT_EQ(merkle_verify(tree_.root(), kCount, index, leaf_, proof_), index == kIndex) << index;
  }
}

TEST_F(MerkleProof, HasTheLengthOfTheTree) {
  auto longer = proof_;
  longer.emplace_back();
  EXPECT_FALSE(merkle_verify(tree_.root(), kCount, kIndex, leaf_, longer));
  EXPECT_FALSE(merkle_verify(tree_.root(), kCount, kIndex, leaf_, std::span(proof_).first(3)));
  // An inner node is not a leaf of a smaller tree, nor is the root one of a tree of one leaf with
  // another count.
  const Hash32 inner = merkle_node(proof_[0], leaf_);
  EXPECT_FALSE(
      merkle_verify(tree_.root(), kCount, kIndex / 2, inner, std::span(proof_).subspan(1)));
  EXPECT_FALSE(merkle_verify(tree_.root(), kCount, 0, tree_.root(), {}));
}

// Padding is in the tree, but no leaf: what lies beyond the count has no proof.
TEST_F(MerkleProof, PaddingCannotBeOpened) {
  const auto last = tree_.proof(kCount - 1);
  EXPECT_EQ(last[0], Hash32());
  auto of_padding = last;
  of_padding[0] = tree_.leaves()[kCount - 1];
  EXPECT_TRUE(merkle_verify(tree_.root(), kCount + 1, kCount, Hash32(), of_padding));
  EXPECT_FALSE(merkle_verify(tree_.root(), kCount, kCount, Hash32(), of_padding));
  EXPECT_FALSE(merkle_verify(Hash32(), 0, 0, Hash32(), {}));
}

TEST(MerkleDeathTest, ThereIsNoProofOfWhatIsNotThere) {
  const MerkleTree tree(some_leaves(3));
  EXPECT_DEATH(static_cast<void>(tree.proof(3)), "does not have");
}

TEST(MerkleLeaves, LastPieceIsShorter) {
  const Bytes data{1, 2, 3, 4, 5};
  EXPECT_EQ(merkle_leaves(data, 2),
            (std::vector<Hash32>{merkle_leaf(Bytes{1, 2}), merkle_leaf(Bytes{3, 4}),
                                 merkle_leaf(Bytes{5})}));
  EXPECT_TRUE(merkle_leaves({}, 2).empty());
}

RC_GTEST_PROP(MerkleLeaves, FourLanesAndThreadsMakeNoDifference, ()) {
  const auto data = *rc::gen::scale(10, rc::gen::arbitrary<Bytes>());
  const auto size = *rc::gen::inRange<std::size_t>(1, 40);
  std::vector<Hash32> expected;
  for (std::size_t at = 0; at < data.size(); at += size) {
    expected.push_back(merkle_leaf(BytesView(data).subspan(at, std::min(size, data.size() - at))));
  }
  ThreadPool pool(3);
  RC_ASSERT(merkle_leaves(data, size) == expected);
  RC_ASSERT(merkle_leaves(data, size, &pool) == expected);
}

RC_GTEST_PROP(MerkleLevel, IsTheOneThatPaddingCompletes, ()) {
  const auto count = *rc::gen::inRange<std::size_t>(0, 40);
  const auto height = *rc::gen::inRange(0U, 6U);
  const std::vector<Hash32> nodes = some_leaves(static_cast<unsigned>(count));
  std::vector<Hash32> expected;
  for (std::size_t i = 0; i < count; i += 2) {
    expected.push_back(
        merkle_node(nodes[i], i + 1 < count ? nodes[i + 1] : merkle_padding(height)));
  }
  ThreadPool pool(3);
  RC_ASSERT(merkle_level_above(nodes, height) == expected);
  RC_ASSERT(merkle_level_above(nodes, height, &pool) == expected);
}

}  // namespace
}  // namespace imo::crypto
