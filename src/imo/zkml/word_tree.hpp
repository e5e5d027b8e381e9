/// Trees over the words of codes, row by row. Internal to zkml.
#pragma once

#include "imo/zkml/field.hpp"
#include "imo/zkml/transcript.hpp"
#include "imo/zkml/tree.hpp"
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

/// The tree over a word, from the digests of groups of 2^group_height rows up. What lies below them
/// is made again where it is opened: all rows of a group cost little more than one.
class WordTree {
 public:
  WordTree(Tree groups, unsigned group_height)
      : groups_(std::move(groups)), group_height_(group_height) {}

  [[nodiscard]] const Digest& root() const { return groups_.root(); }

  /// Gives the rows of groups, one group after the other.
  template <typename Element>
  using RowsOf = std::function<std::vector<Element>(std::span<const std::uint32_t> groups)>;
  /// Writes the rows at `positions` (increasing, in range; checked), and the siblings that open
  /// them.
  void open(std::span<const std::uint32_t> positions, const RowsOf<Fp>& rows_of, ProofWriter& proof,
            ThreadPool& pool) const;
  void open(std::span<const std::uint32_t> positions, const RowsOf<Fp3>& rows_of,
            ProofWriter& proof, ThreadPool& pool) const;

 private:
  template <typename Element>
  void open_rows(std::span<const std::uint32_t> positions, const RowsOf<Element>& rows_of,
                 ProofWriter& proof, ThreadPool& pool) const;

  Tree groups_;
  unsigned group_height_;
};

/// Of the words of a code.
unsigned group_height(const WhirCode& code);

/// The tree over a word of a code.
WordTree tree_over(std::span<const Fp> word, const WhirCode& code, ThreadPool& pool);

/// The tree over the codeword of a vector, of which rows of zeros at the end may be missing. The
/// codeword itself is there in parts only.
WordTree tree_over_code_of(std::span<const Fp> message, const WhirCode& code, ThreadPool& pool);
WordTree tree_over_code_of(std::span<const Fp3> message, const WhirCode& code, ThreadPool& pool);

/// The same, a subtree over the groups of each block of as many rows as the message has, in order.
using TakeSubtree = std::function<void(Subtree)>;
void make_subtrees(std::span<const Fp> message, const WhirCode& code, ThreadPool& pool,
                   const TakeSubtree& take);

}  // namespace imo::zkml
