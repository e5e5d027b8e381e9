/// A model compiled to integers: operators, weights, tables and vocabulary. See docs/program.md.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/model/operators.hpp"
#include "imo/model/vocabulary.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace imo::model {

/// Stands for "none" in an operator's inputs, tensor and table, and for "no end token".
inline constexpr std::uint32_t kNone = 0xFFFFFFFFU;
/// The layer of operators outside the layers.
inline constexpr std::uint16_t kNoLayer = 0xFFFFU;

/// What one element of an operator's output is.
enum class ElementType : std::uint8_t { kInt16 = 1, kInt32 = 2, kInt64 = 3 };

/// One operator. Its output is one row per position; a field its kind does not use is zero (or
/// kNone), so that an operator has one encoding.
struct Operator {
  OperatorKind kind = OperatorKind::kEmbed;
  std::uint16_t layer = kNoLayer;
  /// Operators before this one whose outputs it reads. Scores: queries, keys. Exp: scores, maxima.
  /// Mix: exps, values. Scale: the scaled, reciprocals. Embed reads the tokens: none.
  std::array<std::uint32_t, 2> inputs{kNone, kNone};
  /// Embed, Position, MatMul, GroupedMatMul: index into Program::tensors.
  std::uint32_t tensor = kNone;
  std::uint32_t table = kNone;  ///< Rope, Exp, Activation, Gain: index into Program::tables
  /// Elements in the row of one position. Scores and Exp: elements per key, that is heads; the
  /// row of position p has width * (p + 1) elements, ordered [head][key].
  std::uint32_t width = 0;
  std::uint32_t groups = 0;      ///< Rope, Scores, Mix: heads; Scale: reciprocals in a row
  std::uint32_t kv_groups = 0;   ///< Scores, Mix: key-value heads
  std::uint32_t multiplier = 0;  ///< Scores: M (a matrix has one M per row, in its tensor)
  std::uint8_t shift = 0;        ///< s of the rescale
  std::uint8_t bits = 0;         ///< b of the clamp
  /// Says what the integers stand for: value = q * 2^-fraction. Scale of a norm: times sqrt(n).
  std::int8_t fraction = 0;
  std::uint8_t pairing = 0;   ///< Rope: RopePairing
  std::uint32_t rotated = 0;  ///< Rope: how many leading elements of a head turn
  /// SumSquares: epsilon; Reciprocal: exponent of two; GroupedMatMul: 1 if groups have offsets.
  std::uint64_t constant = 0;

  friend bool operator==(const Operator&, const Operator&) = default;
};

/// Weights of four bits, whose scale 32 columns of a row share: grouped_weight().
struct GroupedWeights {
  /// 16 bytes a group: column j in the low half of byte j, column j + 16 in its high half.
  std::span<const std::uint8_t> bits{};
  std::span<const std::int8_t> scales{};    ///< one a group, in [-127, 127]
  std::span<const std::int16_t> offsets{};  ///< one a group, or empty for all zero
};

/// Rows with an integer multiplier and a bias each: of int8 weights, or of grouped ones. The spans
/// live in the program's storage.
struct WeightTensor {
  std::string name;  ///< as in the source file; not part of the root
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  /// rows * columns, in [-127, 127]; empty when they are grouped.
  std::span<const std::int8_t> weights;
  std::span<const std::uint32_t> multipliers;  ///< one a row, at most kRowMultiplierMax
  std::span<const std::int64_t> biases;        ///< one a row, or empty for all zero
  GroupedWeights grouped{};

  [[nodiscard]] bool is_grouped() const { return !grouped.scales.empty(); }
  [[nodiscard]] std::uint64_t size() const { return std::uint64_t{rows} * columns; }
  [[nodiscard]] std::size_t groups() const { return columns / kGroupColumns; }  ///< of a row
  /// Bytes of all its numbers.
  [[nodiscard]] std::uint64_t bytes() const;
  /// Of either kind, one at a time.
  [[nodiscard]] std::int32_t weight(std::size_t row, std::size_t column) const;
  /// Those of `count` rows, of grouped weights.
  [[nodiscard]] GroupedWeights groups_of(std::size_t first, std::size_t count) const;
  /// Of int8 weights.
  [[nodiscard]] std::span<const std::int8_t> row(std::size_t index) const {
    return weights.subspan(index * columns, columns);
  }
  [[nodiscard]] std::int64_t bias(std::size_t index) const {
    return biases.empty() ? 0 : biases[index];
  }
};

enum class TableKind : std::uint8_t {
  kRope = 1,  ///< int16 [position][pair]{cos, sin}
  kExp = 2,   ///< int32 [65536], 2^20 exp(-i 2^-12)
  kSilu = 3,  ///< int16 [65536], entry x + 32768, same fraction in and out
  kGelu = 4,  ///< the same of another function
  kGain = 5,  ///< int16 [column]: what a row is multiplied with, element by element
};

/// A function as a list of values. Exactly one of the spans is not empty, by kind.
struct Table {
  TableKind kind = TableKind::kExp;
  std::int8_t fraction = 0;
  std::span<const std::int16_t> narrow;  ///< kRope, kSilu, kGelu, kGain
  std::span<const std::int32_t> wide;    ///< kExp

  [[nodiscard]] std::size_t entries() const { return narrow.size() + wide.size(); }
};

/// The whole model. Immutable once made; any number of threads may read it.
struct Program {
  // What the root commits to.
  std::uint32_t context_length = 0;
  std::uint32_t vocabulary_size = 0;
  std::uint32_t end_token = kNone;
  std::uint32_t layers = 0;
  /// Operators from this one on run only at positions that choose a token.
  std::uint32_t tail = 0;
  std::vector<Operator> operators;  ///< the last one is Argmax
  std::vector<WeightTensor> tensors;
  std::vector<Table> tables;
  Vocabulary vocabulary;

  // What it does not.
  std::string name;
  std::string licence;  ///< as the source says it, "apache-2.0"; empty when it does not
  Hash32 source_hash;   ///< keccak256 of the source file
  std::shared_ptr<const void> storage;  ///< owns what the spans point at

  /// Index of the operator that makes the logits.
  [[nodiscard]] std::uint32_t logits_operator() const;
  /// Number of weights, multipliers and biases not counted.
  [[nodiscard]] std::uint64_t parameter_count() const;
};

/// "MatMul" and so on.
std::string_view operator_kind_name(OperatorKind kind);

/// "rope" and so on.
std::string_view table_kind_name(TableKind kind);

/// "12 blk.3 MatMul blk.3.attn_q.weight": for messages.
std::string operator_name(const Program& program, std::size_t index);

/// What one element of the operator's output is.
ElementType output_type(const Operator& op);

/// Bytes of one committed entry of a table of this kind.
constexpr unsigned table_entry_bytes(TableKind kind) {
  return kind == TableKind::kExp ? 4 : 2;
}

/// True for operators whose outputs of all earlier positions are read again: keys and values.
bool is_cached(const Program& program, std::size_t index);

}  // namespace imo::model
