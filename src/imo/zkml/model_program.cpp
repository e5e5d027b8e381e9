#include "imo/zkml/model_program.hpp"

#include "imo/base/check.hpp"

namespace imo::zkml {
namespace {

using model::kNone;
using model::Operator;
using model::OperatorKind;
using namespace layer_operators;  // NOLINT: the operators of a layer are what this file is about

constexpr std::uint32_t kNormOperators = 5;
/// Norm, logits, BlockMax, Argmax.
constexpr std::uint32_t kTailOperators = kNormOperators + 3;

std::uint32_t layers_of(const ModelShape& shape) {
  return static_cast<std::uint32_t>(shape.layers.size());
}

/// Operators of one layer; `base` is the first of them.
class LayerProgram {
 public:
  LayerProgram(const ModelShape& shape, std::uint32_t layer)
      : shape_(shape),
        layer_(shape.layers.at(layer)),
        tensor_(tensor_of(layer, Matrix::kQuery)),
        base_(first_operator(layer)) {}

  [[nodiscard]] Operator at(std::uint32_t k) const {
    if (k < kNormOperators) return norm(k, layer_.attention_norm, base_, base_ - 1);
    if (k >= kFeedForwardNorm && k < kFeedForwardNorm + kNormOperators) {
      return norm(k - kFeedForwardNorm, layer_.feed_forward_norm, base_ + kFeedForwardNorm,
                  base_ + kAddAttention);
    }
    return k < kFeedForwardNorm ? attention(k) : feed_forward(k);
  }

  /// Operator `k` of the norm that begins with operator `first` and reads `residual`.
  [[nodiscard]] Operator norm(std::uint32_t k, const NormShape& of, std::uint32_t first,
                              std::uint32_t residual) const {
    return norm_operator(shape_, k, of, first, residual);
  }

  static Operator norm_operator(const ModelShape& shape, std::uint32_t k, const NormShape& of,
                                std::uint32_t first, std::uint32_t residual) {
    const std::uint32_t length = shape.embedding;
    switch (k) {
      case 0:
        return {.kind = OperatorKind::kNarrow,
                .inputs = {residual, kNone},
                .width = length,
                .shift = of.narrow_shift,
                .bits = model::kNarrowBits};
      case 1:
        return {.kind = OperatorKind::kSumSquares,
                .inputs = {first, kNone},
                .width = 1,
                .constant = of.epsilon};
      case 2:
        return {.kind = OperatorKind::kRoot, .inputs = {first + 1, kNone}, .width = 1};
      case 3:
        return {.kind = OperatorKind::kReciprocal,
                .inputs = {first + 2, kNone},
                .width = 1,
                .constant = model::kNormReciprocal};
      default:
        return {.kind = OperatorKind::kScale,
                .inputs = {first, first + 3},
                .width = length,
                .groups = 1,
                .shift = of.scale_shift,
                .bits = model::kActivationBits};
    }
  }

 private:
  [[nodiscard]] Operator matrix(Matrix which, std::uint32_t input) const {
    const auto m = static_cast<std::uint32_t>(which);
    const bool is_wide = which == Matrix::kOutput || which == Matrix::kDown;
    return {.kind = OperatorKind::kMatMul,
            .inputs = {base_ + input, kNone},
            .tensor = tensor_ + m,
            .width = expected_tensor(shape_, tensor_ + m).rows,
            .shift = layer_.matrix_shifts.at(m),
            .bits = is_wide ? std::uint8_t{model::kResidualBits}
                            : std::uint8_t{model::kActivationBits}};
  }

  [[nodiscard]] Operator add(std::uint32_t residual, std::uint32_t input) const {
    return {
        .kind = OperatorKind::kAdd, .inputs = {residual, base_ + input}, .width = shape_.embedding};
  }

  [[nodiscard]] Operator rope(std::uint32_t input, std::uint32_t heads) const {
    return {.kind = OperatorKind::kRope,
            .inputs = {base_ + input, kNone},
            .table = program_tables::kRope,
            .width = heads * shape_.head,
            .groups = heads,
            .shift = model::kRopeFraction,
            .bits = model::kActivationBits,
            .pairing = static_cast<std::uint8_t>(shape_.is_half_split ? 1 : 0),
            .rotated = shape_.head};
  }

  /// One number a head.
  [[nodiscard]] Operator of_heads(OperatorKind kind, std::uint32_t input) const {
    return {.kind = kind, .inputs = {base_ + input, kNone}, .width = shape_.heads};
  }

  [[nodiscard]] Operator scores() const {
    return {.kind = OperatorKind::kScores,
            .inputs = {base_ + kTurnedQuery, base_ + kTurnedKey},
            .width = shape_.heads,
            .groups = shape_.heads,
            .kv_groups = shape_.kv_heads,
            .multiplier = layer_.score_multiplier,
            .shift = layer_.score_shift,
            .bits = model::kScoreBits};
  }

  [[nodiscard]] Operator exp() const {
    return {.kind = OperatorKind::kExp,
            .inputs = {base_ + kScores, base_ + kRowMax},
            .table = program_tables::kExp,
            .width = shape_.heads};
  }

  [[nodiscard]] Operator mix() const {
    return {.kind = OperatorKind::kMix,
            .inputs = {base_ + kExp, base_ + kValue},
            .width = shape_.heads * shape_.head,
            .groups = shape_.heads,
            .kv_groups = shape_.kv_heads};
  }

  [[nodiscard]] Operator scaled_mix() const {
    return {.kind = OperatorKind::kScale,
            .inputs = {base_ + kMix, base_ + kMixReciprocal},
            .width = shape_.heads * shape_.head,
            .groups = shape_.heads,
            .shift = layer_.mix_shift,
            .bits = model::kActivationBits};
  }

  [[nodiscard]] Operator attention(std::uint32_t k) const {
    const std::uint32_t normed = kAttentionNorm + kNormOperators - 1;
    switch (k) {
      case kQuery:
        return matrix(Matrix::kQuery, normed);
      case kKey:
        return matrix(Matrix::kKey, normed);
      case kValue:
        return matrix(Matrix::kValue, normed);
      case kTurnedQuery:
        return rope(kQuery, shape_.heads);
      case kTurnedKey:
        return rope(kKey, shape_.kv_heads);
      case kScores:
        return scores();
      case kRowMax:
        return of_heads(OperatorKind::kRowMax, kScores);
      case kExp:
        return exp();
      case kRowSum:
        return of_heads(OperatorKind::kRowSum, kExp);
      case kMix:
        return mix();
      case kMixReciprocal: {
        Operator op = of_heads(OperatorKind::kReciprocal, kRowSum);
        op.constant = model::kSoftmaxReciprocal;
        return op;
      }
      case kMixScaled:
        return scaled_mix();
      case kOutput:
        return matrix(Matrix::kOutput, kMixScaled);
      default:
        return add(base_ - 1, kOutput);
    }
  }

  [[nodiscard]] Operator feed_forward(std::uint32_t k) const {
    const std::uint32_t normed = kFeedForwardNorm + kNormOperators - 1;
    switch (k) {
      case kGate:
        return matrix(Matrix::kGate, normed);
      case kActivation:
        return {.kind = OperatorKind::kActivation,
                .inputs = {base_ + kGate, kNone},
                .table = program_tables::kGate,
                .width = shape_.feed_forward};
      case kUp:
        return matrix(Matrix::kUp, normed);
      case kMultiply:
        return {.kind = OperatorKind::kMultiply,
                .inputs = {base_ + kActivation, base_ + kUp},
                .width = shape_.feed_forward,
                .shift = layer_.multiply_shift,
                .bits = model::kActivationBits};
      case kDown:
        return matrix(Matrix::kDown, kMultiply);
      default:
        return add(base_ + kAddAttention, kDown);
    }
  }

  const ModelShape& shape_;
  const LayerShape& layer_;
  std::uint32_t tensor_;
  std::uint32_t base_;
};

Operator tail_operator(const ModelShape& shape, std::uint32_t k) {
  const std::uint32_t first = first_operator(layers_of(shape));
  if (k < kNormOperators) {
    return LayerProgram::norm_operator(shape, k, shape.tail_norm, first, first - 1);
  }
  if (k == kNormOperators) {
    return {.kind = OperatorKind::kMatMul,
            .inputs = {first + k - 1, kNone},
            .tensor = tensor_count(shape) - 1,
            .width = shape.vocabulary,
            .shift = shape.logits_shift,
            .bits = model::kResidualBits};
  }
  const std::uint32_t blocks = (shape.vocabulary + model::kArgmaxBlock - 1) / model::kArgmaxBlock;
  if (k == kNormOperators + 1) {
    return {.kind = OperatorKind::kBlockMax, .inputs = {first + k - 1, kNone}, .width = 2 * blocks};
  }
  return {.kind = OperatorKind::kArgmax, .inputs = {first + k - 1, kNone}, .width = 1};
}

}  // namespace

std::uint32_t operator_count(const ModelShape& shape) {
  return first_operator(layers_of(shape)) + kTailOperators;
}

std::uint32_t tensor_count(const ModelShape& shape) {
  return tensor_of(layers_of(shape), Matrix::kQuery) + 1;
}

std::uint32_t tensor_of(std::uint32_t layer, Matrix matrix) {
  return 1 + layer * std::uint32_t{kMatrices} + static_cast<std::uint32_t>(matrix);
}

Operator expected_operator(const ModelShape& shape, std::uint32_t index) {
  IMO_CHECK(index < operator_count(shape), "an operator that the program does not have");
  if (index == 0) {
    return {.kind = OperatorKind::kEmbed,
            .tensor = 0,
            .width = shape.embedding,
            .bits = model::kResidualBits};
  }
  const std::uint32_t layer = (index - 1) / kCount;
  const std::uint32_t k = (index - 1) % kCount;
  return layer < layers_of(shape) ? LayerProgram(shape, layer).at(k) : tail_operator(shape, k);
}

bool is_expected(const ModelShape& shape, std::uint32_t index, const Operator& op) {
  Operator expected = expected_operator(shape, index);
  expected.fraction = op.fraction;
  expected.layer = op.layer;
  if (index == 0) {
    if (op.shift == 0 || op.shift > model::kMaxShift) return false;
    expected.shift = op.shift;
  }
  return expected == op;
}

TensorSize expected_tensor(const ModelShape& shape, std::uint32_t index) {
  IMO_CHECK(index < tensor_count(shape), "a tensor that the program does not have");
  if (index == 0 || index + 1 == tensor_count(shape)) return {shape.vocabulary, shape.embedding};
  const std::uint32_t queries = shape.heads * shape.head;
  switch (static_cast<Matrix>((index - 1) % kMatrices)) {
    case Matrix::kQuery:
      return {queries, shape.embedding};
    case Matrix::kKey:
    case Matrix::kValue:
      return {shape.kv_heads * shape.head, shape.embedding};
    case Matrix::kOutput:
      return {shape.embedding, queries};
    case Matrix::kGate:
    case Matrix::kUp:
      return {shape.feed_forward, shape.embedding};
    case Matrix::kDown:
      break;
  }
  return {shape.embedding, shape.feed_forward};
}

bool may_have_bias(const ModelShape& shape, std::uint32_t index) {
  const bool is_of_layer = index != 0 && index + 1 != tensor_count(shape);
  return shape.has_biases && is_of_layer &&
         (index - 1) % kMatrices <= static_cast<std::uint32_t>(Matrix::kValue);
}

}  // namespace imo::zkml
