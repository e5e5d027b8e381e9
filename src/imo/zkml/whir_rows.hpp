/// Rows of codewords: as bytes, as leaves, and what the prover and the verifier of WHIR share.
#pragma once

#include "imo/zkml/field.hpp"
#include "imo/zkml/transcript.hpp"
#include "imo/zkml/tree.hpp"
#include "imo/zkml/weight.hpp"
#include "imo/zkml/whir.hpp"
#include "imo/zkml/whir_parameters.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <functional>
#include <span>
#include <vector>

namespace imo::zkml {

template <typename Element>
using Row = std::span<const Element, WhirParameters::kRowSize>;

/// The bytes of a row: 128 over F_p, 384 over F.
template <typename Element>
std::array<std::uint8_t, WhirParameters::kRowSize * Element::kBytes> row_bytes(Row<Element> row) {
  static_assert(std::endian::native == std::endian::little && sizeof(Element) == Element::kBytes);
  std::array<std::uint64_t, WhirParameters::kRowSize * Element::kBytes / 8> words{};
  std::memcpy(words.data(), row.data(), sizeof words);
  for (std::uint64_t& word : words) word = __builtin_bswap64(word);
  return std::bit_cast<std::array<std::uint8_t, sizeof words>>(words);
}

/// Row `index` of a codeword.
template <typename Element>
Row<Element> row_of(std::span<const Element> word, std::size_t index) {
  return Row<Element>(word.data() + index * WhirParameters::kRowSize, WhirParameters::kRowSize);
}

/// The tree over the rows of a codeword.
Tree tree_over(std::span<const Fp> word, ThreadPool& pool);

/// The tree over the code of a vector, of which rows of zeros at the end may be missing. The code
/// itself is there in parts only.
Tree tree_over_code_of(std::span<const Fp> message, const WhirCode& code, ThreadPool& pool);
Tree tree_over_code_of(std::span<const Fp3> message, const WhirCode& code, ThreadPool& pool);

/// The same, a subtree over each block of as many rows as the message has, in order.
using TakeSubtree = std::function<void(Subtree)>;
void make_subtrees(std::span<const Fp> message, const WhirCode& code, ThreadPool& pool,
                   const TakeSubtree& take);

/// sum_c weights[c] row[c].
template <typename Element>
Fp3 fold_row(Row<Element> row, std::span<const Fp3> weights) {
  Fp3 sum;
  for (std::size_t c = 0; c < row.size(); ++c) sum += weights[c] * row[c];
  return sum;
}

/// The positions that are asked for: drawn, sorted, without repetitions.
std::vector<std::uint32_t> draw_positions(const WhirCode& code, std::size_t queries,
                                          Transcript& transcript);

}  // namespace imo::zkml
