#include "imo/zkml/model_shape.hpp"

#include "imo/zkml/program_fault.hpp"

#include <algorithm>
#include <bit>
#include <string>

#include <fmt/format.h>

namespace imo::zkml {
namespace {

using model::kNone;
using model::Operator;
using model::OperatorKind;
using model::Program;

constexpr std::uint8_t kVersion = 1;

// Limits that keep counts and equations small; see docs/proof.md, "What a circuit bounds".
constexpr std::uint32_t kMostContext = 1U << 13;
constexpr std::uint32_t kMostVocabulary = 1U << 18;
constexpr std::uint32_t kMostLayers = 1U << 7;
constexpr std::uint32_t kMostHeads = 1U << 8;
constexpr unsigned kActivationShift = 46;  ///< 2^(15 + 46) = 2^61
constexpr unsigned kResidualShift = 40;
constexpr unsigned kScoreShift = 38;
constexpr unsigned kLogitsShift = 30;
constexpr unsigned kNarrowShift = 16;
constexpr unsigned kMultiplyShift = 31;

Result<void> require(bool condition, std::string_view what) {
  if (condition) return {};
  return invalid(fmt::format("the model cannot be proven: {}", what));
}

/// Reads a program's operators in the order in which the compiler lays out the Llama family.
class ShapeReader {
 public:
  explicit ShapeReader(const Program& program) : program_(program) {}

  Result<ModelShape> read() {
    shape_.context = program_.context_length;
    shape_.vocabulary = program_.vocabulary_size;
    shape_.end_token = program_.end_token;
    IMO_TRY(const Operator* embed, next(OperatorKind::kEmbed, {kNone, kNone}));
    shape_.embedding = embed->width;
    residual_ = 0;
    for (std::uint32_t layer = 0; layer < program_.layers; ++layer) IMO_TRY_VOID(read_layer());
    IMO_TRY(shape_.tail_norm, norm());
    const std::uint32_t normed = last();
    IMO_TRY(const Operator* logits, matrix(normed, shape_.vocabulary));
    shape_.logits_shift = logits->shift;
    IMO_TRY_VOID(next(OperatorKind::kBlockMax, {last(), kNone}));
    IMO_TRY_VOID(next(OperatorKind::kArgmax, {last(), kNone}));
    IMO_TRY_VOID(require(at_ == program_.operators.size(), "operators behind Argmax"));
    return std::move(shape_);
  }

 private:
  using Inputs = std::array<std::uint32_t, 2>;

  [[nodiscard]] std::uint32_t last() const { return at_ - 1; }

  Result<const Operator*> next(OperatorKind kind, const Inputs& inputs) {
    const auto& operators = program_.operators;
    if (at_ >= operators.size() || operators[at_].kind != kind || operators[at_].inputs != inputs) {
      return invalid(fmt::format(
          "the model cannot be proven: operator {} is not the {} that a model of the Llama family "
          "has there",
          at_ < operators.size() ? model::operator_name(program_, at_) : std::to_string(at_),
          model::operator_kind_name(kind)));
    }
    return &operators[at_++];
  }

  Result<const Operator*> matrix(std::uint32_t input, std::uint32_t rows) {
    IMO_TRY(const Operator* op, next(OperatorKind::kMatMul, {input, kNone}));
    IMO_TRY_VOID(require(op->width == rows,
                         fmt::format("operator {} has {} rows, not {}", last(), op->width, rows)));
    return op;
  }

  Result<NormShape> norm() {
    NormShape shape;
    IMO_TRY(const Operator* narrow, next(OperatorKind::kNarrow, {residual_, kNone}));
    const std::uint32_t u = last();
    IMO_TRY(const Operator* squares, next(OperatorKind::kSumSquares, {u, kNone}));
    IMO_TRY_VOID(next(OperatorKind::kRoot, {last(), kNone}));
    IMO_TRY_VOID(next(OperatorKind::kReciprocal, {last(), kNone}));
    IMO_TRY(const Operator* scale, next(OperatorKind::kScale, {u, last()}));
    shape.narrow_shift = narrow->shift;
    shape.epsilon = squares->constant;
    shape.scale_shift = scale->shift;
    return shape;
  }

  Result<void> add(Matrix matrix_of, std::uint32_t input, LayerShape& layer) {
    IMO_TRY(const Operator* op, matrix(input, shape_.embedding));
    layer.matrix_shifts[static_cast<std::size_t>(matrix_of)] = op->shift;
    IMO_TRY_VOID(next(OperatorKind::kAdd, {residual_, last()}));
    residual_ = last();
    return {};
  }

  Result<const Operator*> activation(Matrix matrix_of, std::uint32_t input, LayerShape& layer) {
    IMO_TRY(const Operator* op, next(OperatorKind::kMatMul, {input, kNone}));
    IMO_TRY_VOID(require(op->bits == model::kActivationBits, "a matrix with wide outputs"));
    layer.matrix_shifts[static_cast<std::size_t>(matrix_of)] = op->shift;
    return op;
  }

  [[nodiscard]] bool has_bias(const Operator& op) const {
    return !program_.tensors[op.tensor].biases.empty();
  }

  Result<void> attention(LayerShape& layer, bool is_first) {
    IMO_TRY(layer.attention_norm, norm());
    const std::uint32_t normed = last();
    IMO_TRY(const Operator* query, activation(Matrix::kQuery, normed, layer));
    const std::uint32_t q = last();
    IMO_TRY(const Operator* key, activation(Matrix::kKey, normed, layer));
    const std::uint32_t k = last();
    IMO_TRY(const Operator* value, activation(Matrix::kValue, normed, layer));
    const std::uint32_t v = last();
    IMO_TRY(const Operator* turned, next(OperatorKind::kRope, {q, kNone}));
    IMO_TRY_VOID(next(OperatorKind::kRope, {k, kNone}));
    IMO_TRY(const Operator* scores, next(OperatorKind::kScores, {last() - 1, last()}));
    if (is_first) {
      shape_.heads = scores->groups;
      shape_.kv_heads = scores->kv_groups;
      shape_.head = query->width / scores->groups;
      shape_.has_biases = has_bias(*query);
      shape_.is_half_split = turned->pairing != 0;
    }
    IMO_TRY_VOID(require(turned->rotated == shape_.head, "only a part of each head is turned"));
    IMO_TRY_VOID(require(has_bias(*query) == shape_.has_biases &&
                             has_bias(*key) == shape_.has_biases &&
                             has_bias(*value) == shape_.has_biases,
                         "some layers have biases and some have none"));
    layer.score_shift = scores->shift;
    layer.score_multiplier = scores->multiplier;
    const std::uint32_t z = last();
    IMO_TRY_VOID(next(OperatorKind::kRowMax, {z, kNone}));
    IMO_TRY_VOID(next(OperatorKind::kExp, {z, last()}));
    const std::uint32_t e = last();
    IMO_TRY_VOID(next(OperatorKind::kRowSum, {e, kNone}));
    const std::uint32_t sums = last();
    IMO_TRY_VOID(next(OperatorKind::kMix, {e, v}));
    IMO_TRY_VOID(next(OperatorKind::kReciprocal, {sums, kNone}));
    IMO_TRY(const Operator* scaled, next(OperatorKind::kScale, {last() - 1, last()}));
    layer.mix_shift = scaled->shift;
    return add(Matrix::kOutput, last(), layer);
  }

  Result<void> feed_forward(LayerShape& layer, bool is_first) {
    IMO_TRY(layer.feed_forward_norm, norm());
    const std::uint32_t normed = last();
    IMO_TRY(const Operator* gate, activation(Matrix::kGate, normed, layer));
    if (is_first) shape_.feed_forward = gate->width;
    IMO_TRY_VOID(next(OperatorKind::kActivation, {last(), kNone}));
    const std::uint32_t activated = last();
    IMO_TRY_VOID(activation(Matrix::kUp, normed, layer));
    IMO_TRY(const Operator* multiply, next(OperatorKind::kMultiply, {activated, last()}));
    layer.multiply_shift = multiply->shift;
    return add(Matrix::kDown, last(), layer);
  }

  Result<void> read_layer() {
    LayerShape layer;
    const bool is_first = shape_.layers.empty();
    IMO_TRY_VOID(attention(layer, is_first));
    IMO_TRY_VOID(feed_forward(layer, is_first));
    shape_.layers.push_back(layer);
    return {};
  }

  const Program& program_;
  ModelShape shape_;
  std::uint32_t at_ = 0;
  std::uint32_t residual_ = 0;
};

Result<void> check_sizes(const ModelShape& shape) {
  const auto within = [](std::uint32_t value, std::uint32_t low, std::uint32_t high) {
    return value >= low && value <= high;
  };
  IMO_TRY_VOID(require(within(shape.context, 2, kMostContext), "its context is over 8,192"));
  IMO_TRY_VOID(
      require(within(shape.vocabulary, 2, kMostVocabulary), "its vocabulary is too large"));
  IMO_TRY_VOID(require(within(shape.embedding, 2, model::kMaxColumns) &&
                           within(shape.feed_forward, 2, model::kMaxColumns),
                       "rows of fewer than 2 or more than 2^14 elements"));
  IMO_TRY_VOID(require(within(static_cast<std::uint32_t>(shape.layers.size()), 1, kMostLayers),
                       "more than 128 layers"));
  IMO_TRY_VOID(require(within(shape.heads, 1, kMostHeads) && shape.kv_heads >= 1 &&
                           shape.heads % shape.kv_heads == 0 &&
                           std::has_single_bit(shape.heads / shape.kv_heads),
                       "groups of heads are not a power of two"));
  IMO_TRY_VOID(require(shape.head % 2 == 0 && within(shape.head, 4, model::kMaxHeadDimension),
                       "heads are not 4 to 512 elements long, in pairs"));
  return {};
}

/// The shifts of one operator over all layers: at most `most`, and at least 1; all brought to the
/// greatest of them, they may differ by `spread`.
template <typename Field>
Result<void> check_shifts(const ModelShape& shape, std::string_view name, unsigned most,
                          unsigned spread, Field&& field) {
  unsigned low = model::kMaxShift;
  unsigned high = 0;
  for (const LayerShape& layer : shape.layers) {
    low = std::min<unsigned>(low, field(layer));
    high = std::max<unsigned>(high, field(layer));
  }
  return require(low >= 1 && high <= most && high - low <= spread,
                 fmt::format("the shifts of {} are {} to {}; they may differ by {} and be at most "
                             "{}",
                             name, low, high, spread, most));
}

Result<void> check_norm(const NormShape& norm) {
  return require(norm.narrow_shift >= 1 && norm.narrow_shift <= kNarrowShift &&
                     norm.scale_shift >= 1 && norm.scale_shift <= kActivationShift &&
                     norm.epsilon >= 1 && norm.epsilon <= std::uint64_t{model::kEpsilonMax},
                 "a norm's shift or constant is out of range");
}

Result<void> check(const ModelShape& shape) {
  IMO_TRY_VOID(check_sizes(shape));
  for (std::size_t m = 0; m < kMatrices; ++m) {
    const auto matrix = static_cast<Matrix>(m);
    const bool is_wide = matrix == Matrix::kOutput || matrix == Matrix::kDown;
    IMO_TRY_VOID(check_shifts(shape, fmt::format("matrix {}", m),
                              is_wide ? kResidualShift : kActivationShift, 16,
                              [m](const LayerShape& l) { return l.matrix_shifts.at(m); }));
  }
  IMO_TRY_VOID(check_shifts(shape, "scores", kScoreShift, 3,
                            [](const LayerShape& l) { return l.score_shift; }));
  IMO_TRY_VOID(check_shifts(shape, "mixes", kActivationShift, 2,
                            [](const LayerShape& l) { return l.mix_shift; }));
  IMO_TRY_VOID(check_shifts(shape, "products", kMultiplyShift, 16,
                            [](const LayerShape& l) { return l.multiply_shift; }));
  IMO_TRY_VOID(check_shifts(shape, "norms", kActivationShift, 6,
                            [](const LayerShape& l) { return l.attention_norm.scale_shift; }));
  IMO_TRY_VOID(check_shifts(shape, "norms", kActivationShift, 6,
                            [](const LayerShape& l) { return l.feed_forward_norm.scale_shift; }));
  for (const LayerShape& layer : shape.layers) {
    IMO_TRY_VOID(check_norm(layer.attention_norm));
    IMO_TRY_VOID(check_norm(layer.feed_forward_norm));
    IMO_TRY_VOID(require(
        layer.score_multiplier >= 1 &&
            layer.score_multiplier <= static_cast<std::uint32_t>(model::kScoreMultiplierMax),
        "a multiplier of scores is out of range"));
  }
  IMO_TRY_VOID(check_norm(shape.tail_norm));
  return require(shape.logits_shift >= 1 && shape.logits_shift <= kLogitsShift,
                 "the shift of the logits is over 30");
}

/// Big-endian numbers, one after the other.
class Writer {
 public:
  template <typename T>
  void put(T value) {
    for (std::size_t i = sizeof(T); i > 0; --i) {
      bytes_.push_back(static_cast<std::uint8_t>(std::uint64_t{value} >> (8 * (i - 1))));
    }
  }
  void put_norm(const NormShape& norm) {
    put(norm.narrow_shift);
    put(norm.scale_shift);
    put(norm.epsilon);
  }
  Bytes take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

class Reader {
 public:
  explicit Reader(BytesView bytes) : bytes_(bytes) {}

  template <typename T>
  T get() {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      value = value << 8 | (at_ < bytes_.size() ? bytes_[at_] : 0U);
      ++at_;
    }
    return static_cast<T>(value);
  }
  NormShape get_norm() {
    NormShape norm;
    norm.narrow_shift = get<std::uint8_t>();
    norm.scale_shift = get<std::uint8_t>();
    norm.epsilon = get<std::uint64_t>();
    return norm;
  }
  /// Exactly all bytes were read.
  [[nodiscard]] bool is_at_end() const { return at_ == bytes_.size(); }
  [[nodiscard]] std::size_t left() const { return at_ < bytes_.size() ? bytes_.size() - at_ : 0; }

 private:
  BytesView bytes_;
  std::size_t at_ = 0;
};

constexpr std::size_t kLayerBytes = 20 + kMatrices + 1 + 4 + 2;

}  // namespace

std::uint32_t operator_of(Matrix matrix) {
  constexpr std::array<std::uint32_t, kMatrices> kOperators = {
      layer_operators::kQuery,  layer_operators::kKey,  layer_operators::kValue,
      layer_operators::kOutput, layer_operators::kGate, layer_operators::kUp,
      layer_operators::kDown};
  return kOperators.at(static_cast<std::size_t>(matrix));
}

std::uint32_t ModelShape::head_cell(std::uint32_t i, bool is_turned) const {
  std::uint32_t element = i % head;
  const std::uint32_t half = head / 2;
  if (is_turned && is_half_split) element = 2 * (element % half) + element / half;
  return (i / head << std::bit_width(head - 1)) + element;
}

Result<ModelShape> ModelShape::of(const Program& program) {
  IMO_TRY(ModelShape shape, ShapeReader(program).read());
  IMO_TRY_VOID(check(shape));
  const auto fault = find_fault(shape, program);
  IMO_TRY_VOID(require(!fault, fault ? fault->message : ""));
  return shape;
}

Bytes ModelShape::encode() const {
  Writer writer;
  writer.put(kVersion);
  for (const std::uint32_t value :
       {context, vocabulary, end_token, embedding, heads, kv_heads, head, feed_forward}) {
    writer.put(value);
  }
  writer.put(static_cast<std::uint8_t>(is_half_split));
  writer.put(static_cast<std::uint8_t>(has_biases));
  writer.put_norm(tail_norm);
  writer.put(logits_shift);
  writer.put(static_cast<std::uint8_t>(layers.size()));
  for (const LayerShape& layer : layers) {
    writer.put_norm(layer.attention_norm);
    writer.put_norm(layer.feed_forward_norm);
    for (const std::uint8_t shift : layer.matrix_shifts) writer.put(shift);
    writer.put(layer.score_shift);
    writer.put(layer.score_multiplier);
    writer.put(layer.mix_shift);
    writer.put(layer.multiply_shift);
  }
  return writer.take();
}

Result<ModelShape> ModelShape::decode(BytesView bytes) {
  Reader reader(bytes);
  if (reader.get<std::uint8_t>() != kVersion) {
    return invalid("the shape of a model: its version is not 1; get a newer imo");
  }
  ModelShape shape;
  for (std::uint32_t* value :
       {&shape.context, &shape.vocabulary, &shape.end_token, &shape.embedding, &shape.heads,
        &shape.kv_heads, &shape.head, &shape.feed_forward}) {
    *value = reader.get<std::uint32_t>();
  }
  const auto half_split = reader.get<std::uint8_t>();
  const auto biases = reader.get<std::uint8_t>();
  shape.is_half_split = half_split == 1;
  shape.has_biases = biases == 1;
  shape.tail_norm = reader.get_norm();
  shape.logits_shift = reader.get<std::uint8_t>();
  const auto layers = reader.get<std::uint8_t>();
  if (half_split > 1 || biases > 1 || reader.left() != layers * kLayerBytes) {
    return invalid(fmt::format("the shape of a model: {} bytes are not one", bytes.size()));
  }
  for (unsigned i = 0; i < layers; ++i) {
    LayerShape layer;
    layer.attention_norm = reader.get_norm();
    layer.feed_forward_norm = reader.get_norm();
    for (std::uint8_t& shift : layer.matrix_shifts) shift = reader.get<std::uint8_t>();
    layer.score_shift = reader.get<std::uint8_t>();
    layer.score_multiplier = reader.get<std::uint32_t>();
    layer.mix_shift = reader.get<std::uint8_t>();
    layer.multiply_shift = reader.get<std::uint8_t>();
    shape.layers.push_back(layer);
  }
  IMO_TRY_VOID(check(shape));
  return shape;
}

}  // namespace imo::zkml
