/// The step: each operator's element as one function, written over how its inputs are accessed.
///
/// An access policy has
///
///     Checked<InputTensor> open(std::uint32_t op);                 section O of docs/dispute.md
///     Checked<Values> row(const InputTensor&, position, first, n); section R
///     Checked<Values> column(const InputTensor&, column, n);       section C
///     Checked<WeightRow> weights(tensor, row);                     section W
///     Checked<Values> table(table, kind, first, n);                section T
///     Checked<std::uint32_t> token(position);                      section K
///     const TraceShape& shape();
///
/// and exists three times: DirectAccess reads trace and model (access.hpp), RecordAccess writes the
/// witness while it does, ReplayAccess reads the witness and proves every access (witness.cpp).
/// contracts/src/opml/Steps.sol does what ReplayAccess does, in the same order, so that every
/// witness meets the same fate on both sides.
#pragma once

#include "imo/opml/shape.hpp"
#include "imo/opml/step_fault.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace imo::opml {

/// Wide enough for whatever 64-bit inputs a hostile trace has: nothing here can overflow.
__extension__ using Wide = __int128;

using Values = std::vector<std::int64_t>;

/// An operator whose descriptor is known, and where its elements lie.
struct InputTensor {
  std::uint32_t index = 0;
  model::Operator op;
  TensorLayout layout;
};

struct WeightRow {
  std::int64_t multiplier = 0;
  std::int64_t bias = 0;
  std::vector<std::int8_t> weights;
};

/// `IMO_STEP(auto x, f());` binds the value, or returns the fault.
#define IMO_STEP(declaration, ...) IMO_TRY(declaration, __VA_ARGS__)
#define IMO_REQUIRE(condition, fault) \
  if (!(condition)) return tl::unexpected(StepFault::fault)

/// Rb(x, s) of operators.hpp for an |x| that is shown to be under its bound, 2^60.
inline Checked<Wide> checked_rescale(Wide x, const model::Operator& op) {
  constexpr Wide kBound = Wide{1} << kRescaleBits;
  IMO_REQUIRE(op.shift >= 1 && op.shift <= model::kMaxShift && op.bits >= 1 &&
                  op.bits <= model::kResidualBits,
              kBadDescriptor);
  IMO_REQUIRE(x < kBound && x > -kBound, kValueOutOfBounds);
  return model::rescale(static_cast<std::int64_t>(x), op.shift, op.bits);
}

template <typename Access>
class Step {
 public:
  /// The step of element `at` of operator `self`.
  Step(Access& access, const InputTensor& self, const Element& at)
      : access_(access), self_(self), op_(self.op), p_(at.position), i_(at.index), at_(at) {}

  /// What the element must be.
  Checked<Wide> run() {
    using model::OperatorKind;
    switch (op_.kind) {
      case OperatorKind::kEmbed:
        return embed();
      case OperatorKind::kNarrow:
        return narrow();
      case OperatorKind::kSumSquares:
        return sum_squares();
      case OperatorKind::kRoot:
        return root();
      case OperatorKind::kReciprocal:
        return reciprocal();
      case OperatorKind::kScale:
        return scale();
      case OperatorKind::kMatMul:
        return matmul();
      case OperatorKind::kAdd:
        return add();
      case OperatorKind::kRope:
        return rope();
      case OperatorKind::kScores:
        return scores();
      case OperatorKind::kRowMax:
        return row_max();
      case OperatorKind::kExp:
        return exp();
      case OperatorKind::kRowSum:
        return row_sum();
      case OperatorKind::kMix:
        return at_.is_value ? mix_value() : mix();
      case OperatorKind::kActivation:
        return activation();
      case OperatorKind::kMultiply:
        return multiply();
      case OperatorKind::kBlockMax:
        return block_max();
      case OperatorKind::kArgmax:
        return argmax();
      case OperatorKind::kPosition:
      case OperatorKind::kGroupedMatMul:
      case OperatorKind::kGain:
        break;  // no contract computes it: step_knows() says so, and players refuse such a program
    }
    return tl::unexpected(StepFault::kUnknownKind);
  }

  /// What sum `number` of these must be, or, behind the last of them, the element. Nothing when
  /// they are not as many as the row has; then nothing but the weights is read.
  Checked<std::optional<Wide>> run_sum(std::span<const std::int64_t> sums, std::uint64_t number) {
    IMO_REQUIRE(op_.kind == model::OperatorKind::kMatMul, kNoSums);
    IMO_STEP(const WeightRow w, weights_of_row());
    const std::uint64_t columns = w.weights.size();
    IMO_REQUIRE(columns <= model::kMaxColumns, kBadDescriptor);
    if (sums.size() != sum_count(columns)) return std::optional<Wide>();
    Wide sum = number == 0 ? 0 : sums[number - 1];
    if (number == sums.size()) {
      IMO_STEP(const Wide value, product(w, sum));
      return std::optional(value);
    }
    IMO_REQUIRE(op_.inputs[0] < self_.index, kInputNotEarlier);
    const std::uint64_t first = number * kSumColumns;
    IMO_STEP(const Values values, row(plain_input(columns), p_, first,
                                      std::min<std::uint64_t>(kSumColumns, columns - first)));
    for (std::size_t j = 0; j < values.size(); ++j) sum += Wide{w.weights[first + j]} * values[j];
    return std::optional(sum);
  }

  /// All sums of the element.
  Checked<Values> sums() {
    IMO_REQUIRE(op_.kind == model::OperatorKind::kMatMul, kNoSums);
    IMO_STEP(const InputTensor x, factors());
    IMO_STEP(const Values values, row(x, p_, 0, x.op.width));
    IMO_STEP(const WeightRow w, weights_of(x));
    Values sums(sum_count(values.size()));
    std::int64_t sum = 0;
    for (std::size_t j = 0; j < values.size(); ++j) {
      sum += w.weights[j] * values[j];
      sums[j / kSumColumns] = sum;
    }
    return sums;
  }

 private:
  using Type = model::ElementType;

  Checked<InputTensor> input(std::size_t slot) {
    IMO_REQUIRE(op_.inputs[slot] < self_.index, kInputNotEarlier);
    return access_.open(op_.inputs[slot]);
  }

  Checked<InputTensor> input(std::size_t slot, Type type) {
    IMO_STEP(InputTensor tensor, input(slot));
    IMO_REQUIRE(tensor.layout.type == type, kWrongInputType);
    return tensor;
  }

  /// `count` elements from `first` on of the row at `position`.
  Checked<Values> row(const InputTensor& from, std::uint64_t position, std::uint64_t first,
                      std::uint64_t count) {
    IMO_REQUIRE(position < from.layout.positions, kInputOutOfRange);
    const auto at = static_cast<std::uint32_t>(position);
    IMO_REQUIRE(from.layout.has_position(at) && count >= 1, kInputOutOfRange);
    const std::uint64_t size = from.layout.row_size(at);
    IMO_REQUIRE(first < size && count <= size - first, kInputOutOfRange);
    return access_.row(from, at, first, count);
  }

  /// One element of the input `slot`, in its row at this position.
  Checked<std::int64_t> element(std::size_t slot, Type type, std::uint64_t index) {
    IMO_STEP(const InputTensor from, input(slot, type));
    IMO_STEP(const Values values, row(from, p_, index, 1));
    return values.front();
  }

  Checked<Wide> embed() {
    IMO_STEP(const std::uint32_t token, access_.token(p_));
    IMO_STEP(const WeightRow weights, access_.weights(op_.tensor, token));
    IMO_REQUIRE(weights.weights.size() == op_.width, kBadDescriptor);
    return checked_rescale(Wide{weights.weights[i_]} * weights.multiplier, op_);
  }

  Checked<Wide> narrow() {
    IMO_STEP(const std::int64_t x, element(0, Type::kInt32, i_));
    return checked_rescale(x, op_);
  }

  Checked<Wide> sum_squares() {
    IMO_STEP(const InputTensor u, input(0, Type::kInt32));
    IMO_STEP(const Values values, row(u, p_, 0, u.op.width));
    Wide sum = op_.constant;
    for (const std::int64_t value : values) sum += Wide{value} * value;
    return sum;
  }

  Checked<Wide> root() {
    IMO_STEP(const std::int64_t v, element(0, Type::kInt64, 0));
    return model::floor_root(v);
  }

  Checked<Wide> reciprocal() {
    IMO_REQUIRE(op_.constant <= model::kMaxShift, kBadDescriptor);
    IMO_STEP(const std::int64_t z, element(0, Type::kInt64, i_));
    return model::floor_reciprocal(z, static_cast<unsigned>(op_.constant));
  }

  Checked<Wide> scale() {
    IMO_REQUIRE(op_.groups != 0 && op_.width % op_.groups == 0, kBadDescriptor);
    IMO_STEP(const InputTensor scaled, input(0));
    IMO_STEP(const Values x, row(scaled, p_, i_, 1));
    IMO_STEP(const std::int64_t r, element(1, Type::kInt64, i_ / (op_.width / op_.groups)));
    return checked_rescale(Wide{x.front()} * r, op_);
  }

  Checked<Wide> matmul() {
    IMO_STEP(const InputTensor x, factors());
    IMO_STEP(const Values values, row(x, p_, 0, x.op.width));
    IMO_STEP(const WeightRow w, weights_of(x));
    Wide sum = 0;
    for (std::size_t j = 0; j < values.size(); ++j) sum += Wide{w.weights[j]} * values[j];
    return product(w, sum);
  }

  /// The row that MatMul multiplies with weights.
  Checked<InputTensor> factors() {
    IMO_STEP(const InputTensor x, input(0, Type::kInt16));
    IMO_REQUIRE(x.op.width <= model::kMaxColumns, kBadDescriptor);
    return x;
  }

  static std::uint64_t sum_count(std::uint64_t columns) {
    return (columns + kSumColumns - 1) / kSumColumns;
  }

  /// The input that is multiplied with rows of `width` weights: it is as long and of int16, or the
  /// program is none, so that its descriptor need not be shown.
  InputTensor plain_input(std::uint64_t width) {
    const model::Operator plain{.kind = model::OperatorKind::kMultiply,
                                .width = static_cast<std::uint32_t>(width)};
    const std::uint32_t index = op_.inputs[0];
    return {index, plain, TensorLayout::of(plain, index, access_.shape())};
  }

  Checked<WeightRow> weights_of_row() {
    IMO_REQUIRE(i_ <= 0xFFFFFFFFU, kRowOutOfRange);
    return access_.weights(op_.tensor, static_cast<std::uint32_t>(i_));
  }

  Checked<WeightRow> weights_of(const InputTensor& factors) {
    IMO_STEP(WeightRow w, weights_of_row());
    IMO_REQUIRE(w.weights.size() == factors.op.width, kBadDescriptor);
    return w;
  }

  /// The element of MatMul, when all products add up to `sum`.
  Checked<Wide> product(const WeightRow& w, Wide sum) {
    sum += w.bias;
    IMO_REQUIRE(w.multiplier <= model::kRowMultiplierMax && sum <= model::kAccumulatorMax &&
                    sum >= -model::kAccumulatorMax,
                kValueOutOfBounds);
    return checked_rescale(sum * w.multiplier, op_);
  }

  Checked<Wide> add() {
    IMO_STEP(const std::int64_t x, element(0, Type::kInt32, i_));
    IMO_STEP(const std::int64_t y, element(1, Type::kInt32, i_));
    return model::add_element(static_cast<std::int32_t>(x), static_cast<std::int32_t>(y));
  }

  Checked<Wide> rope() {
    IMO_REQUIRE(op_.groups != 0 && op_.width % op_.groups == 0, kBadDescriptor);
    const std::uint64_t head = op_.width / op_.groups;
    IMO_REQUIRE(op_.rotated % 2 == 0 && op_.rotated <= head && op_.pairing <= 1, kBadDescriptor);
    const std::uint64_t within = i_ % head;
    if (within >= op_.rotated) return widened(element(0, Type::kInt16, i_));

    const std::uint64_t pairs = op_.rotated / 2;
    const bool is_interleaved = op_.pairing == 0;
    const std::uint64_t distance = is_interleaved ? 1 : pairs;
    const bool is_first = is_interleaved ? within % 2 == 0 : within < pairs;
    const std::uint64_t pair = is_interleaved ? within / 2 : (is_first ? within : within - pairs);
    IMO_STEP(const InputTensor from, input(0, Type::kInt16));
    IMO_STEP(const Values x, row(from, p_, is_first ? i_ : i_ - distance, distance + 1));
    IMO_STEP(const Values turn, access_.table(op_.table, model::TableKind::kRope,
                                              std::uint64_t{p_} * op_.rotated + 2 * pair, 2));
    const auto x0 = static_cast<std::int16_t>(x.front());
    const auto x1 = static_cast<std::int16_t>(x.back());
    const auto cosine = static_cast<std::int16_t>(turn[0]);
    const auto sine = static_cast<std::int16_t>(turn[1]);
    return is_first ? model::rope_first(x0, x1, cosine, sine)
                    : model::rope_second(x0, x1, cosine, sine);
  }

  Checked<Wide> scores() {
    IMO_REQUIRE(attends() && op_.width == op_.groups, kBadDescriptor);
    const std::uint64_t keys = std::uint64_t{p_} + 1;
    const std::uint64_t h = i_ / keys;
    IMO_STEP(const InputTensor queries, input(0, Type::kInt16));
    IMO_REQUIRE(queries.op.width % op_.groups == 0, kBadDescriptor);
    const std::uint64_t head = queries.op.width / op_.groups;
    IMO_STEP(const Values q, row(queries, p_, h * head, head));
    IMO_STEP(const InputTensor cache, input(1, Type::kInt16));
    IMO_STEP(const Values k, row(cache, i_ % keys, h / share() * head, head));
    Wide sum = 0;
    for (std::size_t j = 0; j < q.size(); ++j) sum += Wide{q[j]} * k[j];
    return checked_rescale(sum * op_.multiplier, op_);
  }

  /// Head `i_` of a row of Scores or Exp.
  Checked<Values> keys_of_head() {
    IMO_STEP(const InputTensor z, input(0, Type::kInt32));
    const std::uint64_t keys = std::uint64_t{p_} + 1;
    return row(z, p_, i_ * keys, keys);
  }

  Checked<Wide> row_max() {
    IMO_STEP(const Values z, keys_of_head());
    std::int64_t best = z.front();
    for (const std::int64_t value : z) best = std::max(best, value);
    return best;
  }

  Checked<Wide> exp() {
    IMO_STEP(const std::int64_t z, element(0, Type::kInt32, i_));
    IMO_STEP(const std::int64_t m, element(1, Type::kInt32, i_ / (std::uint64_t{p_} + 1)));
    IMO_REQUIRE(m >= z, kValueOutOfBounds);
    const std::uint32_t entry =
        model::exp_index(static_cast<std::int32_t>(m), static_cast<std::int32_t>(z));
    IMO_STEP(const Values found, access_.table(op_.table, model::TableKind::kExp, entry, 1));
    return found.front();
  }

  Checked<Wide> row_sum() {
    IMO_STEP(const Values e, keys_of_head());
    Wide sum = 0;
    for (const std::int64_t value : e) sum += value;
    return sum;
  }

  Checked<Wide> mix_value() {
    IMO_STEP(const std::int64_t value, element(1, Type::kInt16, i_));
    return value;
  }

  Checked<Wide> mix() {
    const std::uint64_t head = op_.width / op_.groups;  // check_tensor: whole heads
    const std::uint64_t h = i_ / head;
    const std::uint64_t keys = std::uint64_t{p_} + 1;
    IMO_STEP(const InputTensor exps, input(0, Type::kInt32));
    IMO_STEP(const Values e, row(exps, p_, h * keys, keys));
    IMO_STEP(const Values v, access_.column(self_, h / share() * head + i_ % head, keys));
    Wide sum = 0;
    for (std::size_t t = 0; t < e.size(); ++t) sum += Wide{e[t]} * v[t];
    return sum;
  }

  Checked<Wide> activation() {
    IMO_STEP(const std::int64_t x, element(0, Type::kInt16, i_));
    IMO_STEP(const Values found,
             access_.table(op_.table, model::TableKind::kSilu,
                           model::activation_index(static_cast<std::int16_t>(x)), 1));
    return found.front();
  }

  Checked<Wide> multiply() {
    IMO_STEP(const std::int64_t x, element(0, Type::kInt16, i_));
    IMO_STEP(const std::int64_t y, element(1, Type::kInt16, i_));
    return checked_rescale(Wide{x} * y, op_);
  }

  Checked<Wide> block_max() {
    IMO_STEP(const InputTensor logits, input(0, Type::kInt32));
    const std::uint64_t first = i_ / 2 * model::kArgmaxBlock;
    IMO_REQUIRE(first < logits.op.width, kBadDescriptor);
    IMO_STEP(const Values block,
             row(logits, p_, first,
                 std::min<std::uint64_t>(model::kArgmaxBlock, logits.op.width - first)));
    std::size_t best = 0;
    for (std::size_t j = 1; j < block.size(); ++j) {
      if (block[j] > block[best]) best = j;  // of equals the lowest
    }
    return i_ % 2 == 0 ? Wide{block[best]} : Wide{first + best};
  }

  Checked<Wide> argmax() {
    IMO_STEP(const InputTensor blocks, input(0, Type::kInt32));
    IMO_REQUIRE(blocks.op.width % 2 == 0, kBadDescriptor);
    IMO_STEP(const Values pairs, row(blocks, p_, 0, blocks.op.width));
    model::Candidate best{static_cast<std::int32_t>(pairs[0]), static_cast<std::int32_t>(pairs[1])};
    for (std::size_t j = 2; j < pairs.size(); j += 2) {
      best = model::better(
          best, {static_cast<std::int32_t>(pairs[j]), static_cast<std::int32_t>(pairs[j + 1])});
    }
    return best.id;
  }

  [[nodiscard]] bool attends() const {
    return op_.groups != 0 && op_.kv_groups != 0 && op_.groups % op_.kv_groups == 0;
  }
  /// Heads that share a key-value head.
  [[nodiscard]] std::uint64_t share() const { return op_.groups / op_.kv_groups; }

  static Checked<Wide> widened(const Checked<std::int64_t>& value) {
    if (!value) return tl::unexpected(value.error());
    return Wide{*value};
  }

  Access& access_;
  const InputTensor& self_;
  const model::Operator& op_;
  std::uint32_t p_;
  std::uint64_t i_;
  Element at_;
};

#undef IMO_STEP
#undef IMO_REQUIRE

}  // namespace imo::opml
