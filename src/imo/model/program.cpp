#include "imo/model/program.hpp"

#include "imo/base/check.hpp"

#include <fmt/format.h>

namespace imo::model {

std::uint32_t Program::logits_operator() const {
  IMO_CHECK(operators.size() >= 3, "a program ends with logits, BlockMax and Argmax");
  return operators[operators.back().inputs[0]].inputs[0];
}

std::uint64_t Program::parameter_count() const {
  std::uint64_t count = 0;
  for (const WeightTensor& tensor : tensors) count += tensor.size();
  return count;
}

std::uint64_t WeightTensor::bytes() const {
  return weights.size_bytes() + grouped.bits.size_bytes() + grouped.scales.size_bytes() +
         grouped.offsets.size_bytes() + multipliers.size_bytes() + biases.size_bytes();
}

GroupedWeights WeightTensor::groups_of(std::size_t first, std::size_t count) const {
  constexpr std::size_t kBytes = kGroupColumns / 2;
  const std::size_t from = first * groups();
  const std::size_t length = count * groups();
  return {grouped.bits.subspan(from * kBytes, length * kBytes),
          grouped.scales.subspan(from, length),
          grouped.offsets.empty() ? grouped.offsets : grouped.offsets.subspan(from, length)};
}

std::int32_t WeightTensor::weight(std::size_t row, std::size_t column) const {
  if (!is_grouped()) return weights[row * columns + column];
  constexpr std::size_t kHalf = kGroupColumns / 2;
  const std::size_t group = row * groups() + column / kGroupColumns;
  const std::size_t within = column % kGroupColumns;
  const std::uint8_t pair = grouped.bits[group * kHalf + within % kHalf];
  const std::int32_t offset = grouped.offsets.empty() ? 0 : grouped.offsets[group];
  return grouped_weight(within < kHalf ? pair & 15U : pair >> 4U, grouped.scales[group], offset);
}

std::string_view operator_kind_name(OperatorKind kind) {
  switch (kind) {
    case OperatorKind::kEmbed:
      return "Embed";
    case OperatorKind::kNarrow:
      return "Narrow";
    case OperatorKind::kSumSquares:
      return "SumSquares";
    case OperatorKind::kRoot:
      return "Root";
    case OperatorKind::kReciprocal:
      return "Reciprocal";
    case OperatorKind::kScale:
      return "Scale";
    case OperatorKind::kMatMul:
      return "MatMul";
    case OperatorKind::kAdd:
      return "Add";
    case OperatorKind::kRope:
      return "Rope";
    case OperatorKind::kScores:
      return "Scores";
    case OperatorKind::kRowMax:
      return "RowMax";
    case OperatorKind::kExp:
      return "Exp";
    case OperatorKind::kRowSum:
      return "RowSum";
    case OperatorKind::kMix:
      return "Mix";
    case OperatorKind::kActivation:
      return "Activation";
    case OperatorKind::kMultiply:
      return "Multiply";
    case OperatorKind::kBlockMax:
      return "BlockMax";
    case OperatorKind::kArgmax:
      return "Argmax";
    case OperatorKind::kPosition:
      return "Position";
    case OperatorKind::kGroupedMatMul:
      return "GroupedMatMul";
    case OperatorKind::kGain:
      return "Gain";
  }
  return "unknown";
}

std::string_view table_kind_name(TableKind kind) {
  switch (kind) {
    case TableKind::kRope:
      return "rope";
    case TableKind::kExp:
      return "exp";
    case TableKind::kSilu:
      return "silu";
    case TableKind::kGelu:
      return "gelu";
    case TableKind::kGain:
      return "gain";
  }
  return "unknown";
}

std::string operator_name(const Program& program, std::size_t index) {
  const Operator& op = program.operators[index];
  std::string name = fmt::format("{}", index);
  if (op.layer != kNoLayer) name += fmt::format(" layer {}", op.layer);
  name += fmt::format(" {}", operator_kind_name(op.kind));
  if (op.tensor < program.tensors.size()) {
    name += fmt::format(" {}", program.tensors[op.tensor].name);
  }
  return name;
}

ElementType output_type(const Operator& op) {
  switch (op.kind) {
    case OperatorKind::kScale:
    case OperatorKind::kRope:
    case OperatorKind::kActivation:
    case OperatorKind::kMultiply:
    case OperatorKind::kGain:
      return ElementType::kInt16;
    case OperatorKind::kMatMul:
    case OperatorKind::kGroupedMatMul:
      return op.bits == kActivationBits ? ElementType::kInt16 : ElementType::kInt32;
    case OperatorKind::kSumSquares:
    case OperatorKind::kRoot:
    case OperatorKind::kReciprocal:
    case OperatorKind::kRowSum:
    case OperatorKind::kMix:
      return ElementType::kInt64;
    case OperatorKind::kEmbed:
    case OperatorKind::kPosition:
    case OperatorKind::kNarrow:
    case OperatorKind::kAdd:
    case OperatorKind::kScores:
    case OperatorKind::kRowMax:
    case OperatorKind::kExp:
    case OperatorKind::kBlockMax:
    case OperatorKind::kArgmax:
      return ElementType::kInt32;
  }
  return ElementType::kInt32;
}

bool is_cached(const Program& program, std::size_t index) {
  for (const Operator& op : program.operators) {
    const bool reads_all = op.kind == OperatorKind::kScores || op.kind == OperatorKind::kMix;
    if (reads_all && op.inputs[1] == index) return true;
  }
  return false;
}

}  // namespace imo::model
