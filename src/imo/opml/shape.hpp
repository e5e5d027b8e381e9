/// Where everything lies in a trace: tensors, leaves, and the tree over them. See docs/dispute.md.
#pragma once

#include "imo/model/program.hpp"
#include "imo/opml/step_fault.hpp"

#include <cstdint>

namespace imo::opml {

inline constexpr std::uint32_t kLeafBytes = 256;
/// Levels of the tree that one move of the game descends: k = 2^5 children.
inline constexpr unsigned kRoundBits = 5;
/// Rounds end at most so many levels above the leaves: see group_bits.
inline constexpr unsigned kGroupBits = 3;
/// An element of MatMul is the last of its sums, each of which adds the products of so many
/// columns.
inline constexpr std::uint32_t kSumColumns = 256;
/// The sum of a row of kMaxColumns stays below 2^37.
inline constexpr unsigned kSumBytes = 5;
/// The longest trace: the oracle's longest prompt and answer together have 12,288 tokens.
inline constexpr std::uint32_t kMaxPositions = 1U << 14;
/// A place in the tree is kept in 64 bits on the chain, and every level costs both sides gas:
/// DisputeGame.MAX_HEIGHT.
inline constexpr unsigned kMaxTreeHeight = 48;
/// leafBits >= height(positions) + 9: rows of up to 2^9 leaves, 2^14 elements of 8 bytes.
inline constexpr unsigned kRowLeafBits = 9;

/// A rescale takes values under 2^60 in magnitude: see operators.hpp.
inline constexpr unsigned kRescaleBits = 60;

/// How many levels above the leaves the rounds end in a tree of this height; the leaves below are
/// opened at once. It is what rounds of kRoundBits levels leave over, unless that is so much that a
/// round of its own costs less.
constexpr unsigned group_bits(unsigned height) {
  const unsigned left_over = height % kRoundBits;
  return left_over <= kGroupBits ? left_over : 0;
}

/// Trace and tree of one dispute: the numbers that follow from model root and positions.
struct TraceShape {
  std::uint32_t operators = 0;
  std::uint32_t tail = 0;
  std::uint32_t positions = 0;
  unsigned leaf_bits = 0;  ///< height of the node that covers one operator

  /// `positions` in [1, kMaxPositions] and within the program's context (checked).
  static TraceShape of(const model::Program& program, std::uint32_t positions);
  /// The same from the numbers that a model's root commits to.
  static TraceShape of(std::uint32_t operators, std::uint32_t tail, std::uint64_t vocabulary_size,
                       std::uint32_t positions);

  /// Levels from a leaf to the root.
  [[nodiscard]] unsigned height() const;
  [[nodiscard]] std::uint64_t leaf_index(std::uint32_t op, std::uint64_t leaf) const {
    return std::uint64_t{op} << leaf_bits | leaf;
  }
  [[nodiscard]] std::uint64_t operator_of(std::uint64_t leaf_index) const {
    return leaf_index >> leaf_bits;
  }
  [[nodiscard]] std::uint64_t leaf_of(std::uint64_t leaf_index) const {
    return leaf_index & ((std::uint64_t{1} << leaf_bits) - 1);
  }
};

/// An element of a tensor by its meaning.
struct Element {
  bool is_value = false;  ///< of Mix's values: index is the column
  std::uint32_t position = 0;
  std::uint64_t index = 0;  ///< in the row of its position
};

/// The tensor of one operator in a trace of some length. Any descriptor that check_tensor lets pass
/// has a layout.
struct TensorLayout {
  model::ElementType type = model::ElementType::kInt16;
  bool is_per_key = false;
  bool is_tail = false;
  std::uint32_t positions = 0;
  std::uint64_t width = 0;
  std::uint64_t value_width = 0;  ///< Mix: columns of its values; 0 for others

  static TensorLayout of(const model::Operator& op, std::uint32_t index, const TraceShape& shape);

  /// Elements in the row of `position`.
  [[nodiscard]] std::uint64_t row_size(std::uint32_t position) const;
  /// Whether the tensor has a row for `position`.
  [[nodiscard]] bool has_position(std::uint32_t position) const;
  /// Byte offset of an element of a row that the tensor has.
  [[nodiscard]] std::uint64_t offset(std::uint32_t position, std::uint64_t index) const;
  /// Byte offset of Mix's value at `position` of `column`.
  [[nodiscard]] std::uint64_t value_offset(std::uint64_t column, std::uint32_t position) const;
  /// Leaves that the values take; 0 unless Mix.
  [[nodiscard]] std::uint64_t value_leaves() const;
  [[nodiscard]] std::uint64_t leaves() const;
  /// Bytes of one element of a row.
  [[nodiscard]] unsigned row_bytes() const;
  /// Bytes of one element in `leaf`.
  [[nodiscard]] unsigned element_bytes(std::uint64_t leaf) const;
  /// How many elements stand in `leaf` (below leaves()); the bytes behind them are zero.
  [[nodiscard]] std::uint32_t elements_in(std::uint64_t leaf) const;
  /// The element `number` (below elements_in) of `leaf`.
  [[nodiscard]] Element element_at(std::uint64_t leaf, std::uint32_t number) const;
};

/// Whether the step has a function for operators of this kind.
bool step_knows(model::OperatorKind kind);

/// What must hold of a descriptor before its tensor can be read: a known kind, a width, whole heads
/// in Mix (UnknownKind, BadDescriptor), and no more leaves than the tree has for it
/// (TensorTooLarge).
Checked<void> check_tensor(const model::Operator& op, std::uint32_t index, const TraceShape& shape);

/// Why `program` cannot be disputed over `positions` positions: a kind that the step does not
/// know, a tensor that does not fit the tree, too many positions, a tree that is too high. Names
/// the operator where it is one.
Result<void> check_playable(const model::Program& program, std::uint32_t positions);

/// The same for every token of an answer with up to `output` tokens (at least 1): what an operator
/// asks before it puts a bond on one, since what cannot be played cannot be defended.
Result<void> check_defendable(const model::Program& program, std::size_t prompt,
                              std::size_t output);

/// The inverse of model::encode_operator; any bytes. The kind may be one that there is not.
model::Operator decode_operator(BytesView encoded);

}  // namespace imo::opml
