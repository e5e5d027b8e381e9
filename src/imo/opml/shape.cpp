#include "imo/opml/shape.hpp"

#include "imo/base/check.hpp"
#include "imo/crypto/merkle.hpp"
#include "imo/model/model_root.hpp"
#include "imo/opml/step_fault.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace imo::opml {

using model::ElementType;
using model::Operator;
using model::OperatorKind;

namespace {

constexpr std::uint64_t triangle(std::uint64_t n) {
  return n * (n + 1) / 2;
}

constexpr unsigned bytes_of(ElementType type) {
  return type == ElementType::kInt16 ? 2 : (type == ElementType::kInt32 ? 4 : 8);
}

constexpr std::uint64_t leaves_of(std::uint64_t bytes) {
  return (bytes + kLeafBytes - 1) / kLeafBytes;
}

template <typename T>
T get(BytesView bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value = value << 8 | bytes[at + i];
  return static_cast<T>(value);
}

}  // namespace

TraceShape TraceShape::of(const model::Program& program, std::uint32_t positions) {
  IMO_CHECK(positions >= 1 && positions <= std::min(kMaxPositions, program.context_length),
            "a trace over more positions than there can be");
  return of(static_cast<std::uint32_t>(program.operators.size()), program.tail,
            program.vocabulary_size, positions);
}

TraceShape TraceShape::of(std::uint32_t operators, std::uint32_t tail,
                          std::uint64_t vocabulary_size, std::uint32_t positions) {
  const unsigned n = crypto::merkle_height(positions);
  const unsigned logits = crypto::merkle_height(leaves_of(4 * vocabulary_size));
  return {operators, tail, positions, std::max({2 * n, n + kRowLeafBits, logits})};
}

unsigned TraceShape::height() const {
  return crypto::merkle_height(operators) + leaf_bits;
}

TensorLayout TensorLayout::of(const Operator& op, std::uint32_t index, const TraceShape& shape) {
  TensorLayout layout;
  layout.type = output_type(op);
  layout.is_per_key = op.kind == OperatorKind::kScores || op.kind == OperatorKind::kExp;
  layout.is_tail = index >= shape.tail;
  layout.positions = shape.positions;
  layout.width = op.width;
  if (op.kind == OperatorKind::kMix && op.groups != 0) {
    layout.value_width = std::uint64_t{op.width} / op.groups * op.kv_groups;
  }
  return layout;
}

std::uint64_t TensorLayout::row_size(std::uint32_t position) const {
  return is_per_key ? width * (std::uint64_t{position} + 1) : width;
}

bool TensorLayout::has_position(std::uint32_t position) const {
  return position < positions && (!is_tail || position == positions - 1);
}

std::uint64_t TensorLayout::offset(std::uint32_t position, std::uint64_t index) const {
  const std::uint64_t rows = is_tail ? 0 : (is_per_key ? triangle(position) : position);
  return value_leaves() * kLeafBytes + (width * rows + index) * bytes_of(type);
}

std::uint64_t TensorLayout::value_offset(std::uint64_t column, std::uint32_t position) const {
  return 2 * (column * positions + position);
}

std::uint64_t TensorLayout::value_leaves() const {
  return leaves_of(value_offset(value_width, 0));
}

std::uint64_t TensorLayout::leaves() const {
  return leaves_of(is_tail ? offset(positions - 1, row_size(positions - 1)) : offset(positions, 0));
}

unsigned TensorLayout::row_bytes() const {
  return bytes_of(type);
}

unsigned TensorLayout::element_bytes(std::uint64_t leaf) const {
  return leaf < value_leaves() ? 2 : bytes_of(type);
}

std::uint32_t TensorLayout::elements_in(std::uint64_t leaf) const {
  const std::uint64_t end = leaf < value_leaves() ? value_offset(value_width, 0)
                            : is_tail             ? offset(positions - 1, row_size(positions - 1))
                                                  : offset(positions, 0);
  const std::uint64_t bytes = std::min<std::uint64_t>(kLeafBytes, end - leaf * kLeafBytes);
  return static_cast<std::uint32_t>(bytes) / element_bytes(leaf);
}

Element TensorLayout::element_at(std::uint64_t leaf, std::uint32_t number) const {
  const std::uint64_t values = value_leaves();
  if (leaf < values) {
    const std::uint64_t element = leaf * (kLeafBytes / 2) + number;
    return {true, static_cast<std::uint32_t>(element % positions), element / positions};
  }
  const std::uint64_t element = (leaf - values) * (kLeafBytes / bytes_of(type)) + number;
  if (is_tail) return {false, positions - 1, element};
  std::uint64_t position = element / width;
  std::uint64_t rows = position;
  if (is_per_key) {
    // Row p takes the places p(p+1)/2 to (p+1)(p+2)/2, in units of `width`.
    const auto root = model::floor_root(static_cast<std::int64_t>(8 * position + 1));
    position = static_cast<std::uint64_t>(root - 1) / 2;
    rows = triangle(position);
  }
  return {false, static_cast<std::uint32_t>(position), element - width * rows};
}

Operator decode_operator(BytesView encoded) {
  namespace at = model::descriptor;
  IMO_CHECK(encoded.size() == at::kSize, "not the size of an operator");
  Operator op;
  op.kind = static_cast<OperatorKind>(encoded[at::kKind]);
  op.bits = encoded[at::kBits];
  op.shift = encoded[at::kShift];
  op.fraction = static_cast<std::int8_t>(encoded[at::kFraction]);
  op.pairing = encoded[at::kPairing];
  op.layer = get<std::uint16_t>(encoded, at::kLayer);
  op.inputs = {get<std::uint32_t>(encoded, at::kInputs),
               get<std::uint32_t>(encoded, at::kInputs + 4)};
  op.tensor = get<std::uint32_t>(encoded, at::kTensor);
  op.table = get<std::uint32_t>(encoded, at::kTable);
  op.width = get<std::uint32_t>(encoded, at::kWidth);
  op.groups = get<std::uint32_t>(encoded, at::kGroups);
  op.kv_groups = get<std::uint32_t>(encoded, at::kKvGroups);
  op.multiplier = get<std::uint32_t>(encoded, at::kMultiplier);
  op.rotated = get<std::uint32_t>(encoded, at::kRotated);
  op.constant = get<std::uint64_t>(encoded, at::kConstant);
  return op;
}

bool step_knows(OperatorKind kind) {
  return kind >= OperatorKind::kEmbed && kind <= OperatorKind::kArgmax;
}

Checked<void> check_tensor(const Operator& op, std::uint32_t index, const TraceShape& shape) {
  if (!step_knows(op.kind)) return tl::unexpected(StepFault::kUnknownKind);
  if (op.kind == OperatorKind::kMix &&
      (op.groups == 0 || op.kv_groups == 0 || op.groups % op.kv_groups != 0 ||
       op.width % op.groups != 0)) {
    return tl::unexpected(StepFault::kBadDescriptor);
  }
  if (op.width == 0) return tl::unexpected(StepFault::kBadDescriptor);
  const std::uint64_t leaves = TensorLayout::of(op, index, shape).leaves();
  if (leaves > std::uint64_t{1} << shape.leaf_bits) {
    return tl::unexpected(StepFault::kTensorTooLarge);
  }
  return {};
}

Result<void> check_playable(const model::Program& program, std::uint32_t positions) {
  const std::uint32_t limit = std::min(kMaxPositions, program.context_length);
  if (positions < 1 || positions > limit) {
    return invalid(
        fmt::format("a dispute over {} positions; 1 to {} can be played", positions, limit));
  }
  const TraceShape shape = TraceShape::of(program, positions);
  if (shape.height() > kMaxTreeHeight) {
    return invalid(
        fmt::format("a model of {} operators cannot be disputed over {} positions: its trace has a "
                    "tree of {} levels, and {} is the most that is played",
                    shape.operators, positions, shape.height(), kMaxTreeHeight));
  }
  for (std::uint32_t i = 0; i < shape.operators; ++i) {
    const Operator& op = program.operators[i];
    const Checked<void> fits = check_tensor(op, i, shape);
    if (fits) continue;
    if (fits.error() == StepFault::kTensorTooLarge) {
      return invalid(
          fmt::format("operator {} cannot be disputed: its {} leaves at {} positions do not fit "
                      "the 2^{} of the "
                      "tree",
                      operator_name(program, i), TensorLayout::of(op, i, shape).leaves(), positions,
                      shape.leaf_bits));
    }
    return invalid(fmt::format("operator {} cannot be disputed: the step does not know its kind",
                               operator_name(program, i)));
  }
  return {};
}

Result<void> check_defendable(const model::Program& program, std::size_t prompt,
                              std::size_t output) {
  // The tree grows with powers of two, tensors in between: the most positions of each height are
  // the worst.
  const std::uint64_t last = std::uint64_t{prompt} + output - 1;
  if (last > kMaxPositions) {
    return invalid(
        fmt::format("an answer of {} tokens to {} cannot be disputed: a dispute goes "
                    "over at most {} positions",
                    output, prompt, kMaxPositions));
  }
  for (std::uint64_t worst = 1; worst < last; worst *= 2) {
    if (worst >= prompt) IMO_TRY_VOID(check_playable(program, static_cast<std::uint32_t>(worst)));
  }
  return check_playable(program, static_cast<std::uint32_t>(last));
}

}  // namespace imo::opml
