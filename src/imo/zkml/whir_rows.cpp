#include "imo/zkml/whir_rows.hpp"

#include "imo/base/thread_pool.hpp"
#include "imo/crypto/keccak.hpp"

#include <algorithm>

namespace imo::zkml {
namespace {

template <typename Element>
Tree make_tree(std::span<const Element> code, ThreadPool& pool) {
  LargeVector<Digest> leaves(code.size() / WhirParameters::kRowSize);
  pool.parallel_ranges(leaves.size(), [&](std::size_t begin, std::size_t end) {
    std::size_t i = begin;
    for (; i + 4 <= end; i += 4) {
      const auto rows =
          std::to_array({row_bytes(row_of(code, i)), row_bytes(row_of(code, i + 1)),
                         row_bytes(row_of(code, i + 2)), row_bytes(row_of(code, i + 3))});
      const auto hashes = crypto::keccak256_x4({rows[0], rows[1], rows[2], rows[3]});
      for (std::size_t j = 0; j < 4; ++j) {
        std::copy_n(hashes[j].bytes.begin(), Digest::kSize, leaves[i + j].bytes.begin());
      }
    }
    for (; i < end; ++i) leaves[i] = tree_leaf(row_bytes(row_of(code, i)));
  });
  return {std::move(leaves), pool};
}

}  // namespace

Tree tree_over(std::span<const Fp> code, ThreadPool& pool) {
  return make_tree(code, pool);
}

Tree tree_over(std::span<const Fp3> code, ThreadPool& pool) {
  return make_tree(code, pool);
}

std::vector<std::uint32_t> draw_positions(const WhirRound& round, Transcript& transcript) {
  std::vector<std::uint32_t> positions =
      transcript.challenge_indices(round.queries, round.log_rows);
  std::ranges::sort(positions);
  const auto repeated = std::ranges::unique(positions);
  positions.erase(repeated.begin(), repeated.end());
  return positions;
}

}  // namespace imo::zkml
