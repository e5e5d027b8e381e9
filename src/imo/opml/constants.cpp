#include "imo/opml/constants.hpp"

#include "imo/base/hex.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/model/architecture.hpp"
#include "imo/model/model_root.hpp"
#include "imo/model/tables.hpp"
#include "imo/opml/shape.hpp"

#include <fmt/format.h>

namespace imo::opml {
namespace {

using model::ElementType;
using model::OperatorKind;
using model::TableKind;

/// "SumSquares" as SUM_SQUARES.
std::string screaming(std::string_view name) {
  std::string result;
  for (const char c : name) {
    const bool is_upper = c >= 'A' && c <= 'Z';
    if (is_upper && !result.empty()) result += '_';
    result += is_upper ? c : static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

class Library {
 public:
  template <typename T>
  void add(std::string_view name, T value) {
    text_ += fmt::format("    uint256 internal constant {} = {};\n", name,
                         static_cast<std::uint64_t>(value));
  }
  void add_hash(std::string_view name, const Hash32& value) {
    text_ += fmt::format("    bytes32 internal constant {} =\n        {};\n", name, to_hex(value));
  }
  void group(std::string_view about) { text_ += fmt::format("\n    // {}\n", about); }

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace

std::string solidity_constants() {
  Library library;
  library.add("LEAF_BYTES", kLeafBytes);
  library.add("ROUND_BITS", kRoundBits);
  library.add("GROUP_BITS", kGroupBits);
  library.add("SUM_COLUMNS", kSumColumns);
  library.add("SUM_BYTES", kSumBytes);
  library.add("MAX_POSITIONS", kMaxPositions);
  library.add("ROW_LEAF_BITS", kRowLeafBits);
  library.add_hash("MODEL_TAG", crypto::keccak256(as_bytes(model::kModelRootTag)));

  library.group("Operators.");
  for (auto kind = OperatorKind::kEmbed; step_knows(kind);
       kind = static_cast<OperatorKind>(static_cast<int>(kind) + 1)) {
    library.add(screaming(operator_kind_name(kind)), kind);
  }

  library.group("Types of elements, and of tables.");
  library.add("INT16", ElementType::kInt16);
  library.add("INT32", ElementType::kInt32);
  library.add("INT64", ElementType::kInt64);
  library.add("ROPE_TABLE", TableKind::kRope);
  library.add("EXP_TABLE", TableKind::kExp);
  library.add("SILU_TABLE", TableKind::kSilu);

  library.group("Offsets in a descriptor, and its size.");
  library.add("AT_KIND", model::descriptor::kKind);
  library.add("AT_BITS", model::descriptor::kBits);
  library.add("AT_SHIFT", model::descriptor::kShift);
  library.add("AT_PAIRING", model::descriptor::kPairing);
  library.add("AT_INPUTS", model::descriptor::kInputs);
  library.add("AT_TENSOR", model::descriptor::kTensor);
  library.add("AT_TABLE", model::descriptor::kTable);
  library.add("AT_WIDTH", model::descriptor::kWidth);
  library.add("AT_GROUPS", model::descriptor::kGroups);
  library.add("AT_KV_GROUPS", model::descriptor::kKvGroups);
  library.add("AT_MULTIPLIER", model::descriptor::kMultiplier);
  library.add("AT_ROTATED", model::descriptor::kRotated);
  library.add("AT_CONSTANT", model::descriptor::kConstant);
  library.add("DESCRIPTOR_BYTES", model::descriptor::kSize);

  library.group("Bounds that a step checks; see src/imo/model/operators.hpp.");
  library.add("RESIDUAL_BITS", model::kResidualBits);
  library.add("MAX_SHIFT", model::kMaxShift);
  library.add("MAX_COLUMNS", model::kMaxColumns);
  library.add("ACCUMULATOR_MAX", model::kAccumulatorMax);
  library.add("ROW_MULTIPLIER_MAX", model::kRowMultiplierMax);
  library.add("RESCALE_BITS", kRescaleBits);
  library.add("ROPE_FRACTION", model::kRopeFraction);
  library.add("ACTIVATION_BITS", model::kActivationBits);
  library.add("NARROW_BITS", model::kNarrowBits);
  library.add("SCORE_BITS", model::kScoreBits);
  library.add("ACTIVATION_MAX", model::kActivationMax);
  library.add("NORM_RECIPROCAL", model::kNormReciprocal);
  library.add("SOFTMAX_RECIPROCAL", model::kSoftmaxReciprocal);
  library.add("INTERLEAVED", model::RopePairing::kInterleaved);
  library.add("HALF_SPLIT", model::RopePairing::kHalfSplit);
  library.add("EXP_ENTRIES", model::kExpEntries);
  library.add("ACTIVATION_ENTRIES", model::kActivationEntries);
  library.add("ARGMAX_BLOCK", model::kArgmaxBlock);
  const std::vector<std::int32_t> entries = model::make_exp_table();
  const model::Table exp{.kind = TableKind::kExp, .narrow = {}, .wide = entries};
  library.add_hash("EXP_TABLE_ROOT", model::table_root(exp));

  return "// SPDX-License-Identifier: Apache-2.0\n"
         "pragma solidity 0.8.37;\n\n"
         "/// @title The numbers of traces and steps\n"
         "/// @notice Written by imo-opml-constants from src/imo/model and src/imo/opml.\n"
         "library OpmlConstants {\n" +
         library.text() + "}\n";
}

}  // namespace imo::opml
