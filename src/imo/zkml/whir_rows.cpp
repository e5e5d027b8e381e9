#include "imo/zkml/whir_rows.hpp"

#include "imo/base/thread_pool.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/zkml/code.hpp"

#include <algorithm>

namespace imo::zkml {
namespace {

/// Makes the leaves of rows of a codeword, as many as there are `leaves`.
template <typename Element>
void hash_rows(std::span<const Element> word, std::span<Digest> leaves, ThreadPool& pool) {
  pool.parallel_ranges(leaves.size(), [&](std::size_t begin, std::size_t end) {
    using Bytes = decltype(row_bytes(row_of(word, 0)));
    std::array<Bytes, crypto::kHashesAtOnce> rows;
    std::array<BytesView, crypto::kHashesAtOnce> views;
    std::array<Hash32, crypto::kHashesAtOnce> hashes;
    std::ranges::copy(rows, views.begin());
    for (std::size_t i = begin; i < end; i += rows.size()) {
      const std::size_t count = std::min(rows.size(), end - i);
      for (std::size_t j = 0; j < count; ++j) rows[j] = row_bytes(row_of(word, i + j));
      crypto::keccak256_many(std::span(views).first(count), std::span(hashes).first(count));
      for (std::size_t j = 0; j < count; ++j) {
        std::copy_n(hashes[j].bytes.begin(), Digest::kSize, leaves[i + j].bytes.begin());
      }
    }
  });
}

template <typename Element>
void hash_blocks(std::span<const Element> message, const WhirCode& code, ThreadPool& pool,
                 const TakeSubtree& take) {
  const unsigned height = code.log_rows() - code.log_inverse_rate;
  encode_blocks(message, height, code.log_inverse_rate, pool,
                [&](std::size_t, std::span<const Element> rows) {
                  LargeVector<Digest> nodes(Subtree::nodes_over(height));
                  hash_rows(rows, std::span<Digest>(nodes).first(std::size_t{1} << height), pool);
                  take(Subtree(std::move(nodes), pool));
                });
}

template <typename Element>
Tree make_tree(std::span<const Element> message, const WhirCode& code, ThreadPool& pool) {
  std::vector<Subtree> pieces;
  hash_blocks(message, code, pool, [&](Subtree piece) { pieces.push_back(std::move(piece)); });
  return Tree::of_pieces(std::move(pieces), pool);
}

}  // namespace

Tree tree_over(std::span<const Fp> word, ThreadPool& pool) {
  LargeVector<Digest> leaves(word.size() / WhirParameters::kRowSize);
  hash_rows(word, leaves, pool);
  return {std::move(leaves), pool};
}

Tree tree_over_code_of(std::span<const Fp> message, const WhirCode& code, ThreadPool& pool) {
  return make_tree(message, code, pool);
}

Tree tree_over_code_of(std::span<const Fp3> message, const WhirCode& code, ThreadPool& pool) {
  return make_tree(message, code, pool);
}

void make_subtrees(std::span<const Fp> message, const WhirCode& code, ThreadPool& pool,
                   const TakeSubtree& take) {
  hash_blocks(message, code, pool, take);
}

std::vector<std::uint32_t> draw_positions(const WhirCode& code, std::size_t queries,
                                          Transcript& transcript) {
  std::vector<std::uint32_t> positions = transcript.challenge_indices(queries, code.log_rows());
  std::ranges::sort(positions);
  const auto repeated = std::ranges::unique(positions);
  positions.erase(repeated.begin(), repeated.end());
  return positions;
}

}  // namespace imo::zkml
