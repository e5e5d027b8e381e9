#include "imo/zkml/word_tree.hpp"

#include "imo/base/thread_pool.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/zkml/code.hpp"
#include "imo/zkml/kernels.hpp"

#include <algorithm>

namespace imo::zkml {
namespace {

constexpr unsigned kGroupHeight = 4;
constexpr std::size_t kGroupsAtOnce = crypto::kHashesAtOnce;

/// Makes the leaves of rows of a word, as many as there are `leaves`, on this thread.
template <typename Element>
void hash_rows(std::span<const Element> word, std::span<Digest> leaves) {
  constexpr std::size_t kWords = WhirParameters::kRowSize * sizeof(Element) / sizeof(Fp);
  std::array<Hash32, crypto::kHashesAtOnce> hashes;
  for (std::size_t i = 0; i < leaves.size(); i += hashes.size()) {
    const std::size_t count = std::min(hashes.size(), leaves.size() - i);
    const std::span rows = word.subspan(i * WhirParameters::kRowSize);
    crypto::keccak256_rows({words_of(rows.data()), count * kWords}, kWords,
                           std::span(hashes).first(count));
    for (std::size_t j = 0; j < count; ++j) {
      std::copy_n(hashes[j].bytes.begin(), Digest::kSize, leaves[i + j].bytes.begin());
    }
  }
}

/// Makes the digests of groups of rows. Several at a time, so that every lane of the hash is used
/// on every level, and nothing below the groups leaves the cache.
template <typename Element>
void hash_groups(std::span<const Element> word, unsigned height, std::span<Digest> groups,
                 ThreadPool& pool) {
  const std::size_t chunks = (groups.size() + kGroupsAtOnce - 1) / kGroupsAtOnce;
  const std::size_t elements = WhirParameters::kRowSize << height;  // of a group
  pool.parallel_ranges(chunks, [&](std::size_t begin, std::size_t end) {
    std::array<Digest, kGroupsAtOnce << kGroupHeight> nodes;
    for (std::size_t chunk = begin; chunk < end; ++chunk) {
      const std::size_t first = chunk * kGroupsAtOnce;
      const std::size_t count = std::min(kGroupsAtOnce, groups.size() - first);
      std::size_t size = count << height;
      hash_rows(word.subspan(first * elements, count * elements), std::span(nodes).first(size));
      for (; size > count; size /= 2) {
        // A node is written behind what it is made of has been read.
        hash_pairs(std::span(nodes).first(size), std::span(nodes).first(size / 2));
      }
      std::copy_n(nodes.begin(), count, groups.begin() + static_cast<std::ptrdiff_t>(first));
    }
  });
}

template <typename Element>
void hash_blocks(std::span<const Element> message, const WhirCode& code, ThreadPool& pool,
                 const TakeSubtree& take) {
  const unsigned height = code.log_rows() - code.log_inverse_rate;
  const unsigned below = group_height(code);
  encode_blocks(message, height, code.log_inverse_rate, pool,
                [&](std::size_t, std::span<const Element> rows) {
                  LargeVector<Digest> nodes(Subtree::nodes_over(height - below));
                  hash_groups(rows, below,
                              std::span(nodes).first(std::size_t{1} << (height - below)), pool);
                  take(Subtree(std::move(nodes), pool));
                });
}

template <typename Element>
WordTree make_tree(std::span<const Element> message, const WhirCode& code, ThreadPool& pool) {
  std::vector<Subtree> pieces;
  hash_blocks(message, code, pool, [&](Subtree piece) { pieces.push_back(std::move(piece)); });
  return {Tree::of_pieces(std::move(pieces), pool), group_height(code)};
}

}  // namespace

unsigned group_height(const WhirCode& code) {
  return std::min(kGroupHeight, code.variables - WhirParameters::kFolding);
}

WordTree tree_over(std::span<const Fp> word, const WhirCode& code, ThreadPool& pool) {
  const unsigned below = group_height(code);
  LargeVector<Digest> groups(word.size() / WhirParameters::kRowSize >> below);
  hash_groups(word, below, groups, pool);
  return {Tree(std::move(groups), pool), below};
}

WordTree tree_over_code_of(std::span<const Fp> message, const WhirCode& code, ThreadPool& pool) {
  return make_tree(message, code, pool);
}

WordTree tree_over_code_of(std::span<const Fp3> message, const WhirCode& code, ThreadPool& pool) {
  return make_tree(message, code, pool);
}

void make_subtrees(std::span<const Fp> message, const WhirCode& code, ThreadPool& pool,
                   const TakeSubtree& take) {
  hash_blocks(message, code, pool, take);
}

template <typename Element>
void WordTree::open_rows(std::span<const std::uint32_t> positions, const RowsOf<Element>& rows_of,
                         ProofWriter& proof, ThreadPool& pool) const {
  std::vector<std::uint32_t> groups;
  for (const std::uint32_t position : positions) {
    const std::uint32_t group = position >> group_height_;
    if (groups.empty() || groups.back() != group) groups.push_back(group);
  }
  const std::size_t size = std::size_t{1} << group_height_;
  const std::vector<Element> rows = rows_of(groups);
  std::vector<Subtree> trees;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    LargeVector<Digest> nodes(Subtree::nodes_over(group_height_));
    hash_rows(std::span(rows).subspan(i * size * WhirParameters::kRowSize),
              std::span<Digest>(nodes).first(size));
    trees.emplace_back(std::move(nodes), pool);
  }
  const auto number_of = [&](std::uint32_t group) {
    return static_cast<std::size_t>(std::ranges::lower_bound(groups, group) - groups.begin());
  };
  for (const std::uint32_t position : positions) {
    const std::size_t row = number_of(position >> group_height_) * size + position % size;
    for (const Element& element : row_of(std::span(rows), row)) proof.write(element);
  }
  std::vector<std::uint32_t> known(positions.begin(), positions.end());
  open_levels(
      known, group_height_,
      [&](unsigned level, std::uint32_t index) -> const Digest& {
        const unsigned in_group = group_height_ - level;
        const std::uint32_t group = index >> in_group;
        return trees[number_of(group)].node(level, index - (group << in_group));
      },
      proof);
  groups_.open(known, proof);
}

void WordTree::open(std::span<const std::uint32_t> positions, const RowsOf<Fp>& rows_of,
                    ProofWriter& proof, ThreadPool& pool) const {
  open_rows(positions, rows_of, proof, pool);
}

void WordTree::open(std::span<const std::uint32_t> positions, const RowsOf<Fp3>& rows_of,
                    ProofWriter& proof, ThreadPool& pool) const {
  open_rows(positions, rows_of, proof, pool);
}

}  // namespace imo::zkml
