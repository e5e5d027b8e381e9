#include "imo/crypto/merkle.hpp"

#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/crypto/keccak.hpp"

#include <array>
#include <bit>

namespace imo::crypto {
namespace {

constexpr std::uint8_t kLeafPrefix = 0x00;
constexpr std::uint8_t kNodePrefix = 0x01;
constexpr unsigned kMaxHeight = 64;

using NodeMessage = std::array<std::uint8_t, 65>;

void write_node_message(const Hash32& left, const Hash32& right, NodeMessage& message) {
  message[0] = kNodePrefix;
  std::copy(left.bytes.begin(), left.bytes.end(), message.begin() + 1);
  std::copy(right.bytes.begin(), right.bytes.end(), message.begin() + 33);
}

template <typename Message>
std::array<BytesView, kHashesAtOnce> views_of(const std::array<Message, kHashesAtOnce>& messages) {
  std::array<BytesView, kHashesAtOnce> views;
  std::ranges::copy(messages, views.begin());
  return views;
}

/// Nodes `begin` to `end` of the level above `nodes`, each over two of them.
void hash_pairs(std::span<const Hash32> nodes, std::size_t begin, std::size_t end,
                std::span<Hash32> above) {
  std::array<NodeMessage, kHashesAtOnce> messages{};
  const std::array<BytesView, kHashesAtOnce> views = views_of(messages);
  for (std::size_t i = begin; i < end; i += kHashesAtOnce) {
    const std::size_t count = std::min(kHashesAtOnce, end - i);
    for (std::size_t lane = 0; lane < count; ++lane) {
      write_node_message(nodes[2 * (i + lane)], nodes[2 * (i + lane) + 1], messages[lane]);
    }
    keccak256_many(std::span(views).first(count), above.subspan(i, count));
  }
}

/// Leaves `begin` to `end` of `data`, all of whole pieces but perhaps the last.
void hash_pieces(BytesView data, std::size_t piece_size, std::size_t begin, std::size_t end,
                 std::span<Hash32> leaves) {
  const auto piece = [&](std::size_t i) {
    return data.subspan(i * piece_size, std::min(piece_size, data.size() - i * piece_size));
  };
  std::array<Bytes, kHashesAtOnce> prefixed;
  prefixed.fill(Bytes(1 + piece_size, kLeafPrefix));
  const std::array<BytesView, kHashesAtOnce> views = views_of(prefixed);
  std::size_t i = begin;
  while (i < end && piece(i).size() == piece_size) {
    std::size_t count = 0;
    for (; count < kHashesAtOnce && i + count < end && piece(i + count).size() == piece_size;
         ++count) {
      const BytesView bytes = piece(i + count);
      std::copy(bytes.begin(), bytes.end(), prefixed[count].begin() + 1);
    }
    keccak256_many(std::span(views).first(count), leaves.subspan(i, count));
    i += count;
  }
  for (; i < end; ++i) leaves[i] = merkle_leaf(piece(i));
}

}  // namespace

Hash32 merkle_leaf(BytesView data) {
  return Keccak256().update(BytesView(&kLeafPrefix, 1)).update(data).finish();
}

Hash32 merkle_node(const Hash32& left, const Hash32& right) {
  NodeMessage message;
  write_node_message(left, right, message);
  return keccak256(message);
}

unsigned merkle_height(std::uint64_t count) {
  return count <= 1 ? 0 : static_cast<unsigned>(std::bit_width(count - 1));
}

const Hash32& merkle_padding(unsigned height) {
  static const auto roots = [] {
    std::array<Hash32, kMaxHeight + 1> made{};
    for (unsigned h = 0; h < kMaxHeight; ++h) made[h + 1] = merkle_node(made[h], made[h]);
    return made;
  }();
  return roots.at(height);
}

std::vector<Hash32> merkle_level_above(std::span<const Hash32> nodes, unsigned height,
                                       ThreadPool* pool) {
  std::vector<Hash32> above((nodes.size() + 1) / 2);
  const std::size_t whole = nodes.size() / 2;
  const auto hash_range = [&](std::size_t begin, std::size_t end) {
    hash_pairs(nodes, begin, end, above);
  };
  if (pool != nullptr) {
    pool->parallel_ranges(whole, hash_range);
  } else {
    hash_range(0, whole);
  }
  if (whole < above.size()) above[whole] = merkle_node(nodes[2 * whole], merkle_padding(height));
  return above;
}

std::vector<Hash32> merkle_leaves(BytesView data, std::size_t piece_size, ThreadPool* pool) {
  IMO_CHECK(piece_size > 0, "pieces of a Merkle tree cannot be empty");
  const std::size_t whole = data.size() / piece_size;
  std::vector<Hash32> leaves(whole + (data.size() % piece_size != 0 ? 1 : 0));
  const auto hash_range = [&](std::size_t begin, std::size_t end) {
    hash_pieces(data, piece_size, begin, end, leaves);
  };
  if (pool != nullptr) {
    pool->parallel_ranges(leaves.size(), hash_range);
  } else {
    hash_range(0, leaves.size());
  }
  return leaves;
}

Hash32 merkle_root(std::span<const Hash32> leaves) {
  if (leaves.empty()) return merkle_padding(0);
  std::vector<Hash32> level;
  for (unsigned height = 0; leaves.size() > 1; ++height) {
    level = merkle_level_above(leaves, height);
    leaves = level;
  }
  return leaves.front();
}

bool merkle_verify(const Hash32& root, std::uint64_t count, std::uint64_t index, const Hash32& leaf,
                   std::span<const Hash32> proof) {
  if (index >= count || proof.size() != merkle_height(count)) return false;
  Hash32 node = leaf;
  for (const Hash32& sibling : proof) {
    node = (index & 1) == 0 ? merkle_node(node, sibling) : merkle_node(sibling, node);
    index >>= 1;
  }
  return node == root;
}

MerkleTree::MerkleTree(std::vector<Hash32> leaves) {
  levels_.push_back(std::move(leaves));
  while (levels_.back().size() > 1) {
    levels_.push_back(
        merkle_level_above(levels_.back(), static_cast<unsigned>(levels_.size() - 1)));
  }
  root_ = levels_.back().empty() ? merkle_padding(0) : levels_.back().front();
}

std::vector<Hash32> MerkleTree::proof(std::uint64_t index) const {
  IMO_CHECK(index < count(), "a proof of a leaf that the Merkle tree does not have");
  std::vector<Hash32> siblings;
  siblings.reserve(height());
  for (unsigned h = 0; h < height(); ++h) {
    const std::uint64_t sibling = (index >> h) ^ 1;
    siblings.push_back(sibling < levels_[h].size() ? levels_[h][sibling] : merkle_padding(h));
  }
  return siblings;
}

void MerkleRootBuilder::add(const Hash32& leaf) {
  Hash32 node = leaf;
  std::size_t height = 0;
  for (; (count_ >> height & 1) != 0; ++height) node = merkle_node(waiting_[height], node);
  if (height == waiting_.size()) waiting_.emplace_back();
  waiting_[height] = node;
  ++count_;
}

Hash32 MerkleRootBuilder::root() const {
  if (count_ == 0) return merkle_padding(0);
  auto height = static_cast<unsigned>(std::countr_zero(count_));
  const unsigned lowest = height;
  Hash32 node = waiting_[height];
  for (; height < merkle_height(count_); ++height) {
    const bool left_waits = height != lowest && (count_ >> height & 1) != 0;
    node = left_waits ? merkle_node(waiting_[height], node)
                      : merkle_node(node, merkle_padding(height));
  }
  return node;
}

}  // namespace imo::crypto
