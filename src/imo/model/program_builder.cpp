#include "imo/model/program_builder.hpp"

#include "imo/model/model_root.hpp"
#include "imo/model/program_check.hpp"
#include "imo/model/tables.hpp"

#include <algorithm>
#include <cmath>
#include <deque>

#include <fmt/format.h>

namespace imo::model {
namespace {

// Bits that values may grow beyond the calibration before they saturate. The residual stream and
// the narrowed input of a norm have bits to spare; an activation has 15.
constexpr unsigned kHeadroom = 1;
constexpr unsigned kNarrowHeadroom = 2;
constexpr unsigned kResidualHeadroom = 5;

constexpr int kLogitFraction = 16;
constexpr int kMostRangeGain = 8;  ///< how much finer than its values a mix may become

constexpr std::uint32_t kExpTable = 0;
constexpr std::uint32_t kRopeTable = 1;

double unit_of(int fraction) {
  return std::ldexp(1.0, -fraction);
}

std::uint64_t norm_epsilon(double epsilon, std::uint32_t length, int fraction) {
  const double value = std::floor(std::ldexp(epsilon * length, 2 * fraction) + 0.5);
  return static_cast<std::uint64_t>(std::clamp(value, 1.0, double{kEpsilonMax}));
}

template <typename T>
BytesView bytes_of(std::span<const T> values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()};
}

}  // namespace

/// What the program's spans point at; deques never move what they hold.
struct ProgramBuilder::Storage {
  /// Where in the file of weights a tensor's parts lie.
  struct Place {
    std::uint64_t weights = 0;  ///< or bits of groups
    std::uint64_t scales = 0;
    std::uint64_t offsets = 0;
    std::uint64_t multipliers = 0;
    std::uint64_t biases = 0;
    bool has_biases = false;
    bool is_grouped = false;
    bool has_offsets = false;
  };
  std::vector<Place> places;
  std::shared_ptr<const MappedFile> weights;
  std::deque<std::vector<std::int16_t>> narrow_tables;
  std::vector<std::int32_t> exp_table;
};

ProgramBuilder::ProgramBuilder(const FloatModel& model, const Ranges& ranges, Means means)
    : model_(model),
      ranges_(ranges),
      means_(std::move(means)),
      storage_(std::make_shared<Storage>()) {
  program_.context_length = model.config.context_length;
  program_.vocabulary_size = model.config.vocabulary_size;
  program_.layers = model.config.layers;
  double gate = 0;
  for (const LayerRanges& layer : ranges.layers) gate = std::max(gate, layer.gate);
  gate_fraction_ = choose(gate, kActivationBits, kHeadroom, "ffn_gate of all layers");
  add_tables();
}

// Without rotation there is no table of it; gains come behind these.
void ProgramBuilder::add_tables() {
  storage_->exp_table = make_exp_table();
  program_.tables.push_back({TableKind::kExp, kExpFraction, {}, storage_->exp_table});
  const auto add = [this](TableKind kind, int fraction, std::vector<std::int16_t> table) {
    storage_->narrow_tables.push_back(std::move(table));
    program_.tables.push_back(
        {kind, static_cast<std::int8_t>(fraction), storage_->narrow_tables.back(), {}});
  };
  if (!model_.rope_angles.empty()) {
    add(TableKind::kRope, kRopeFraction,
        make_rope_table(model_.config.context_length, model_.rope_angles));
  }
  if (has_layer_norm()) {
    add(TableKind::kGelu, gate_fraction_, make_gelu_table(gate_fraction_));
  } else {
    add(TableKind::kSilu, gate_fraction_, make_silu_table(gate_fraction_));
  }
  activation_table_ = static_cast<std::uint32_t>(program_.tables.size() - 1);
}

ProgramBuilder::Rows ProgramBuilder::plain(const FloatModel::Matrix& matrix) {
  const auto read = [&matrix](std::uint32_t row, std::span<float> scratch) {
    return matrix.row(row, scratch);
  };
  return {
      read, matrix.rows, matrix.columns, {matrix.bias.begin(), matrix.bias.end()}, &matrix.source};
}

ProgramBuilder::Rows ProgramBuilder::behind(const FloatModel::Norm& norm,
                                            const FloatModel::Matrix& matrix) {
  Rows rows = plain(matrix);
  if (norm.bias.empty()) return rows;
  rows.bias.resize(matrix.rows);
  std::vector<float> scratch(matrix.columns);
  for (std::uint32_t i = 0; i < matrix.rows; ++i) {
    const auto row = matrix.row(i, scratch);
    for (std::size_t j = 0; j < row.size(); ++j) rows.bias[i] += double{row[j]} * norm.bias[j];
  }
  return rows;
}

ProgramBuilder::Rows ProgramBuilder::embedded(const FloatModel::Matrix& matrix) const {
  Rows rows = plain(matrix);
  if (!has_layer_norm()) return rows;
  rows.is_as_stored = false;
  rows.read = [&matrix](std::uint32_t index, std::span<float> scratch) {
    const auto row = matrix.row(index, scratch);
    double sum = 0;
    for (const float value : row) sum += value;
    const auto mean = static_cast<float>(sum / static_cast<double>(row.size()));
    for (std::size_t j = 0; j < row.size(); ++j) scratch[j] = row[j] - mean;
    return std::span<const float>(scratch);
  };
  return rows;
}

ProgramBuilder::Rows ProgramBuilder::added(const FloatModel::Matrix& matrix) const {
  Rows rows = plain(matrix);
  if (!has_layer_norm()) return rows;
  std::vector<double> means(matrix.columns);
  std::vector<float> scratch(matrix.columns);
  for (std::uint32_t i = 0; i < matrix.rows; ++i) {
    const auto row = matrix.row(i, scratch);
    for (std::size_t j = 0; j < row.size(); ++j) means[j] += row[j];
  }
  for (double& mean : means) mean /= matrix.rows;
  double bias = 0;
  for (const double each : rows.bias) bias += each;
  for (double& each : rows.bias) each -= bias / matrix.rows;
  rows.is_as_stored = false;
  rows.read = [&matrix, means = std::move(means)](std::uint32_t index, std::span<float> to) {
    const auto row = matrix.row(index, to);
    for (std::size_t j = 0; j < row.size(); ++j) to[j] = static_cast<float>(row[j] - means[j]);
    return std::span<const float>(to);
  };
  return rows;
}

std::string ProgramBuilder::named(std::string_view part) const {
  return layer_ == kNoLayer ? std::string(part) : fmt::format("blk.{}.{}", layer_, part);
}

std::uint32_t ProgramBuilder::push(Operator op) {
  op.layer = layer_;
  program_.operators.push_back(op);
  return static_cast<std::uint32_t>(program_.operators.size() - 1);
}

int ProgramBuilder::choose(double largest, unsigned bits, unsigned headroom, std::string name) {
  const int fraction = fraction_for(largest, bits, headroom);
  const double seen = std::max(std::ldexp(largest, fraction), 1e-300);
  report_.ranges.push_back({std::move(name), largest, fraction, bits - std::log2(seen)});
  return fraction;
}

ProgramBuilder::Target ProgramBuilder::target(double largest, std::string_view name) {
  return {choose(largest, kActivationBits, kHeadroom, named(name)), kActivationBits, named(name)};
}

Result<std::uint32_t> ProgramBuilder::embed(OperatorKind kind, const FloatModel::Matrix& matrix,
                                            std::string_view name) {
  Target to{residual_fraction_, kResidualBits, std::string(name)};
  Operator op{.kind = kind, .width = matrix.columns};
  op.bits = kResidualBits;
  op.fraction = static_cast<std::int8_t>(residual_fraction_);
  const Rows rows = embedded(matrix);
  IMO_TRY(op.tensor, add_tensor(rows, round(rows, {}, false), 1.0, to, op.shift));
  return push(op);
}

Result<void> ProgramBuilder::add_embedding() {
  residual_fraction_ = choose(ranges_.residual, kResidualBits, kResidualHeadroom, "residual");
  IMO_TRY(residual_, embed(OperatorKind::kEmbed, model_.embedding, "token_embd"));
  if (model_.positions.rows == 0) return {};
  IMO_TRY(const std::uint32_t position,
          embed(OperatorKind::kPosition, model_.positions, "position_embd"));
  residual_ = push({.kind = OperatorKind::kAdd,
                    .inputs = {residual_, position},
                    .width = model_.embedding.columns,
                    .fraction = static_cast<std::int8_t>(residual_fraction_)});
  return {};
}

// u = narrowed x; a = u / sqrt(sum u^2 + epsilon), that is x / rms(x) / sqrt(n).
ProgramBuilder::Value ProgramBuilder::norm(double input_range, double normed_range,
                                           std::string_view name) {
  const std::uint32_t length = model_.config.embedding_length;
  const int fraction = std::min(
      choose(input_range, kNarrowBits, kNarrowHeadroom, named(fmt::format("{} input", name))),
      residual_fraction_ - 1);
  const double root = std::sqrt(double(length));
  const int out = choose(normed_range / root, kActivationBits, kHeadroom, named(name));

  Operator narrow{.kind = OperatorKind::kNarrow, .inputs = {residual_, kNone}, .width = length};
  narrow.shift = static_cast<std::uint8_t>(residual_fraction_ - fraction);
  narrow.bits = kNarrowBits;
  narrow.fraction = static_cast<std::int8_t>(fraction);
  const std::uint32_t u = push(narrow);
  const std::uint32_t squares =
      push({.kind = OperatorKind::kSumSquares,
            .inputs = {u, kNone},
            .width = 1,
            .fraction = static_cast<std::int8_t>(2 * fraction),
            .constant = norm_epsilon(model_.config.norm_epsilon, length, fraction)});
  const std::uint32_t rooted = push({.kind = OperatorKind::kRoot,
                                     .inputs = {squares, kNone},
                                     .width = 1,
                                     .fraction = static_cast<std::int8_t>(fraction)});
  const std::uint32_t reciprocal =
      push({.kind = OperatorKind::kReciprocal,
            .inputs = {rooted, kNone},
            .width = 1,
            .fraction = static_cast<std::int8_t>(static_cast<int>(kNormReciprocal) - fraction),
            .constant = kNormReciprocal});
  const std::uint32_t scaled =
      push({.kind = OperatorKind::kScale,
            .inputs = {u, reciprocal},
            .width = length,
            .groups = 1,
            .shift = static_cast<std::uint8_t>(static_cast<int>(kNormReciprocal) - out),
            .bits = kActivationBits,
            .fraction = static_cast<std::int8_t>(out)});
  return {scaled, unit_of(out) * root};
}

// Applies the gain, in front of grouped weights; otherwise leaves it to the matrices.
ProgramBuilder::Normed ProgramBuilder::gained(Value normed, const FloatModel::Norm& norm,
                                              std::span<const double> power,
                                              std::span<const double> peaks,
                                              std::string_view name) {
  Normed result{normed, norm.gain, {power.begin(), power.end()}};
  if (!means_.groups) return result;
  result.gains = {};
  double largest = 0;
  double greatest = 0;
  for (std::size_t j = 0; j < norm.gain.size(); ++j) {
    const double gain = std::fabs(norm.gain[j]);
    greatest = std::max(greatest, gain);
    if (!peaks.empty()) largest = std::max(largest, gain * peaks[j]);
    if (!power.empty()) result.power[j] *= gain * gain;
  }
  const int of_gain = fraction_for(greatest, kActivationBits, 0);
  const int from = program_.operators[normed.index].fraction;
  const double root = std::sqrt(double(norm.gain.size()));
  const int out = std::clamp(choose(largest / root, kActivationBits, kHeadroom, named(name)),
                             from + of_gain - static_cast<int>(kMaxShift), from + of_gain - 1);
  std::vector<std::int16_t> table;
  for (const float gain : norm.gain) {
    const double steps = std::floor(std::ldexp(double{gain}, of_gain) + 0.5);
    table.push_back(
        static_cast<std::int16_t>(std::clamp<double>(steps, -kActivationMax, kActivationMax)));
  }
  storage_->narrow_tables.push_back(std::move(table));
  program_.tables.push_back(
      {TableKind::kGain, static_cast<std::int8_t>(of_gain), storage_->narrow_tables.back(), {}});
  Operator op{.kind = OperatorKind::kGain, .inputs = {normed.index, kNone}};
  op.table = static_cast<std::uint32_t>(program_.tables.size() - 1);
  op.width = static_cast<std::uint32_t>(norm.gain.size());
  op.shift = static_cast<std::uint8_t>(from + of_gain - out);
  op.bits = kActivationBits;
  op.fraction = static_cast<std::int8_t>(out);
  result.value = {push(op), unit_of(out) * root};
  return result;
}

bool ProgramBuilder::becomes_groups(const Rows& matrix, const Columns& about) const {
  return means_.groups && about.gains.empty() && matrix.columns % kGroupColumns == 0;
}

ProgramBuilder::Rounded ProgramBuilder::round(const Rows& matrix, const Columns& about,
                                              bool groups) const {
  Rounded rounded;
  rounded.tensor.rows = matrix.rows;
  rounded.tensor.columns = matrix.columns;
  if (!groups) {
    rounded.bytes = quantise_rows(matrix.read, matrix.rows, matrix.columns, about, means_.pool);
    rounded.tensor.weights = rounded.bytes.weights;
    return rounded;
  }
  rounded.groups =
      matrix.is_as_stored && has_groups(matrix.source->type)
          ? import_groups(*matrix.source, means_.pool)
          : quantise_groups(matrix.read, matrix.rows, matrix.columns, about.power, means_.pool);
  rounded.tensor.grouped = {rounded.groups.bits, rounded.groups.scales, rounded.groups.offsets};
  return rounded;
}

// Row i of the product is acc * scale[i] * input_unit; the multiplier takes that to the target.
Result<std::uint32_t> ProgramBuilder::add_tensor(const Rows& matrix, Rounded rounded,
                                                 double input_unit, Target& target,
                                                 std::uint8_t& shift) {
  std::vector<double>& scales = rounded.scales();
  if (means_.done) means_.done(*matrix.source);
  std::vector<std::int64_t> biases;
  for (std::size_t i = 0; i < matrix.bias.size(); ++i) {
    double& scale = scales[i];
    // A row of zeros with a bias still needs a unit to express the bias in.
    if (scale == 0) scale = std::fabs(matrix.bias[i]) / input_unit / (1 << 24);
    const double steps = scale == 0 ? 0 : std::floor(matrix.bias[i] / (scale * input_unit) + 0.5);
    if (std::fabs(steps) > static_cast<double>(kAccumulatorMax)) {
      return invalid(fmt::format("tensor '{}' row {}: bias {} is out of proportion to its weights",
                                 target.name, i, matrix.bias[i]));
    }
    biases.push_back(static_cast<std::int64_t>(steps));
  }
  std::vector<double> factors = scales;
  for (double& factor : factors) factor *= std::ldexp(input_unit, target.fraction);
  IMO_TRY(Multipliers multipliers,
          make_multipliers(factors, 24, fmt::format("tensor '{}'", target.name)));
  shift = multipliers.shift;

  WeightTensor& tensor = rounded.tensor;
  tensor.name = target.name;
  tensor.multipliers = multipliers.values;
  tensor.biases = biases;
  return keep(tensor,
              tensor.is_grouped() ? rounded.groups.relative_error : rounded.bytes.relative_error);
}

Result<std::uint32_t> ProgramBuilder::keep(const WeightTensor& tensor, double relative_error) {
  IMO_TRY(const std::int64_t largest, check_accumulators(tensor));
  rows_roots_.push_back(tensor_root(tensor, means_.pool));
  report_.tensors.push_back({tensor.name, tensor.rows, tensor.columns, relative_error, largest});
  Storage::Place place;
  place.has_biases = !tensor.biases.empty();
  place.is_grouped = tensor.is_grouped();
  place.has_offsets = !tensor.grouped.offsets.empty();
  IMO_TRY(place.weights, means_.weights->append(place.is_grouped ? bytes_of(tensor.grouped.bits)
                                                                 : bytes_of(tensor.weights)));
  IMO_TRY(place.scales, means_.weights->append(bytes_of(tensor.grouped.scales)));
  IMO_TRY(place.offsets, means_.weights->append(bytes_of(tensor.grouped.offsets)));
  IMO_TRY(place.multipliers, means_.weights->append(bytes_of(tensor.multipliers)));
  IMO_TRY(place.biases, means_.weights->append(bytes_of(tensor.biases)));
  storage_->places.push_back(place);
  program_.tensors.push_back({tensor.name, tensor.rows, tensor.columns, {}, {}, {}});
  return static_cast<std::uint32_t>(program_.tensors.size() - 1);
}

Result<ProgramBuilder::Value> ProgramBuilder::matmul(const Rows& matrix, const Columns& about,
                                                     Value input, Target target) {
  const bool groups = becomes_groups(matrix, about);
  Rounded rounded = round(matrix, about, groups);
  Operator op{.kind = groups ? OperatorKind::kGroupedMatMul : OperatorKind::kMatMul,
              .inputs = {input.index, kNone},
              .width = matrix.rows,
              .constant = rounded.groups.offsets.empty() ? 0U : 1U};
  op.bits = static_cast<std::uint8_t>(target.bits);
  op.fraction = static_cast<std::int8_t>(target.fraction);
  IMO_TRY(op.tensor, add_tensor(matrix, std::move(rounded), input.unit, target, op.shift));
  return Value{push(op), unit_of(target.fraction)};
}

Result<void> ProgramBuilder::add_to_residual(const FloatModel::Matrix& matrix,
                                             std::span<const double> power, Value input,
                                             std::string_view name) {
  IMO_TRY(const Value sum, matmul(added(matrix), {{}, power}, input,
                                  {residual_fraction_, kResidualBits, named(name)}));
  residual_ = push({.kind = OperatorKind::kAdd,
                    .inputs = {residual_, sum.index},
                    .width = matrix.rows,
                    .fraction = static_cast<std::int8_t>(residual_fraction_)});
  return {};
}

ProgramBuilder::Value ProgramBuilder::rope(Value input, std::uint32_t heads) {
  const Operator from = program_.operators[input.index];
  return {push({.kind = OperatorKind::kRope,
                .inputs = {input.index, kNone},
                .table = kRopeTable,
                .width = from.width,
                .groups = heads,
                .shift = kRopeFraction,
                .bits = kActivationBits,
                .fraction = from.fraction,
                .pairing = static_cast<std::uint8_t>(model_.config.rope_pairing),
                .rotated = model_.config.rope_dimensions}),
          input.unit};
}

Result<std::uint32_t> ProgramBuilder::scores(Value query, Value key) {
  const ModelConfig& config = model_.config;
  const double factor =
      std::ldexp(query.unit * key.unit / std::sqrt(double(config.head_dimension)), kScoreFraction);
  IMO_TRY(const Multipliers multiplier,
          make_multipliers(std::span(&factor, 1), 20, named("attention scores")));
  return push({.kind = OperatorKind::kScores,
               .inputs = {query.index, key.index},
               .width = config.heads,
               .groups = config.heads,
               .kv_groups = config.kv_heads,
               .multiplier = std::max(1U, multiplier.values.front()),
               .shift = multiplier.shift,
               .bits = kScoreBits,
               .fraction = kScoreFraction});
}

// e = exp(z - max z); o = (e . v) * (1 / sum e).
ProgramBuilder::Value ProgramBuilder::mix(std::uint32_t scores, Value value, double mixed_range) {
  const ModelConfig& config = model_.config;
  const std::uint32_t heads = config.heads;
  const int from = program_.operators[value.index].fraction;
  const int out = std::clamp(choose(mixed_range, kActivationBits, kHeadroom, named("attn_mixed")),
                             from, from + kMostRangeGain);
  const std::uint32_t maxima = push({.kind = OperatorKind::kRowMax,
                                     .inputs = {scores, kNone},
                                     .width = heads,
                                     .fraction = kScoreFraction});
  const std::uint32_t exps = push({.kind = OperatorKind::kExp,
                                   .inputs = {scores, maxima},
                                   .table = kExpTable,
                                   .width = heads,
                                   .fraction = kExpFraction});
  const std::uint32_t sums = push({.kind = OperatorKind::kRowSum,
                                   .inputs = {exps, kNone},
                                   .width = heads,
                                   .fraction = kExpFraction});
  const std::uint32_t mixed = push({.kind = OperatorKind::kMix,
                                    .inputs = {exps, value.index},
                                    .width = config.query_length(),
                                    .groups = heads,
                                    .kv_groups = config.kv_heads,
                                    .fraction = static_cast<std::int8_t>(from + 20)});
  const std::uint32_t reciprocals = push({.kind = OperatorKind::kReciprocal,
                                          .inputs = {sums, kNone},
                                          .width = heads,
                                          .fraction = kSoftmaxReciprocal - kExpFraction,
                                          .constant = kSoftmaxReciprocal});
  return {
      push({.kind = OperatorKind::kScale,
            .inputs = {mixed, reciprocals},
            .width = config.query_length(),
            .groups = heads,
            .shift = static_cast<std::uint8_t>(static_cast<int>(kSoftmaxReciprocal) - (out - from)),
            .bits = kActivationBits,
            .fraction = static_cast<std::int8_t>(out)}),
      unit_of(out)};
}

Result<void> ProgramBuilder::attention(const FloatModel::Layer& layer, const LayerRanges& ranges) {
  const ModelConfig& config = model_.config;
  const FloatModel::Norm& norm_of = layer.attention_norm;
  const Normed normed =
      gained(norm(ranges.attention_input, ranges.attention_normed, "attn_norm"), norm_of,
             ranges.attention_power, ranges.attention_peaks, "attn_norm gained");
  const auto project = [&](const FloatModel::Matrix& matrix, const Target& to) {
    return matmul(behind(norm_of, matrix), normed.columns(), normed.value, to);
  };
  IMO_TRY(Value query, project(layer.query, target(ranges.query, "attn_q")));
  IMO_TRY(Value key, project(layer.key, target(ranges.key, "attn_k")));
  IMO_TRY(const Value value, project(layer.value, target(ranges.value, "attn_v")));
  if (!model_.rope_angles.empty()) {
    query = rope(query, config.heads);
    key = rope(key, config.kv_heads);
  }
  IMO_TRY(const std::uint32_t scored, scores(query, key));
  const Value mixed = mix(scored, value, ranges.mixed);
  return add_to_residual(layer.attention_output, ranges.mixed_power, mixed, "attn_output");
}

ProgramBuilder::Value ProgramBuilder::activate(Value gate) {
  return {push({.kind = OperatorKind::kActivation,
                .inputs = {gate.index, kNone},
                .table = activation_table_,
                .width = program_.operators[gate.index].width,
                .fraction = static_cast<std::int8_t>(gate_fraction_)}),
          gate.unit};
}

Result<void> ProgramBuilder::feed_forward(const FloatModel::Layer& layer,
                                          const LayerRanges& ranges) {
  const FloatModel::Norm& norm_of = layer.feed_forward_norm;
  const Normed normed =
      gained(norm(ranges.feed_forward_input, ranges.feed_forward_normed, "ffn_norm"), norm_of,
             ranges.feed_forward_power, ranges.feed_forward_peaks, "ffn_norm gained");
  const bool has_gate = layer.gate.rows != 0;
  const FloatModel::Matrix& first = has_gate ? layer.gate : layer.up;
  const Target to{gate_fraction_, kActivationBits, named(has_gate ? "ffn_gate" : "ffn_up")};
  IMO_TRY(const Value entering, matmul(behind(norm_of, first), normed.columns(), normed.value, to));
  Value hidden = activate(entering);
  if (has_gate) {
    IMO_TRY(hidden, gated(layer, ranges, normed, hidden));
  }
  return add_to_residual(layer.down, ranges.hidden_power, hidden, "ffn_down");
}

Result<ProgramBuilder::Value> ProgramBuilder::gated(const FloatModel::Layer& layer,
                                                    const LayerRanges& ranges, const Normed& normed,
                                                    Value gate) {
  const Target up_target = target(ranges.up, "ffn_up");
  IMO_TRY(const Value up, matmul(behind(layer.feed_forward_norm, layer.up), normed.columns(),
                                 normed.value, up_target));
  const int both = gate_fraction_ + up_target.fraction;
  const int out =
      std::min(choose(ranges.hidden, kActivationBits, kHeadroom, named("ffn_hidden")), both - 1);
  return Value{push({.kind = OperatorKind::kMultiply,
                     .inputs = {gate.index, up.index},
                     .width = layer.up.rows,
                     .shift = static_cast<std::uint8_t>(both - out),
                     .bits = kActivationBits,
                     .fraction = static_cast<std::int8_t>(out)}),
               unit_of(out)};
}

Result<void> ProgramBuilder::add_layer(std::uint32_t layer) {
  layer_ = static_cast<std::uint16_t>(layer);
  IMO_TRY_VOID(attention(model_.layers[layer], ranges_.layers[layer]));
  return feed_forward(model_.layers[layer], ranges_.layers[layer]);
}

Result<void> ProgramBuilder::add_tail() {
  layer_ = kNoLayer;
  program_.tail = static_cast<std::uint32_t>(program_.operators.size());
  const Value normed = norm(ranges_.final_input, ranges_.final_normed, "output_norm");
  IMO_TRY(const Value logits, matmul(behind(model_.output_norm, model_.output_matrix()),
                                     {model_.output_norm.gain, ranges_.final_power}, normed,
                                     {kLogitFraction, kResidualBits, "output"}));
  const std::uint32_t blocks = (program_.vocabulary_size + kArgmaxBlock - 1) / kArgmaxBlock;
  const std::uint32_t best = push({.kind = OperatorKind::kBlockMax,
                                   .inputs = {logits.index, kNone},
                                   .width = 2 * blocks,
                                   .fraction = kLogitFraction});
  push({.kind = OperatorKind::kArgmax, .inputs = {best, kNone}, .width = 1});
  return {};
}

Result<ProgramBuilder::Built> ProgramBuilder::finish() {
  IMO_TRY(MappedFile mapped, means_.weights->map());
  storage_->weights = std::make_shared<const MappedFile>(std::move(mapped));
  const std::uint8_t* base = storage_->weights->bytes().data();
  for (std::size_t i = 0; i < program_.tensors.size(); ++i) {
    WeightTensor& tensor = program_.tensors[i];
    const Storage::Place& place = storage_->places[i];
    if (place.is_grouped) {
      const std::size_t groups = tensor.rows * tensor.groups();
      tensor.grouped.bits = {base + place.weights, groups * kGroupColumns / 2};
      tensor.grouped.scales = {reinterpret_cast<const std::int8_t*>(base + place.scales), groups};
      if (place.has_offsets) {
        tensor.grouped.offsets = {reinterpret_cast<const std::int16_t*>(base + place.offsets),
                                  groups};
      }
    } else {
      tensor.weights = {reinterpret_cast<const std::int8_t*>(base + place.weights), tensor.size()};
    }
    tensor.multipliers = {reinterpret_cast<const std::uint32_t*>(base + place.multipliers),
                          tensor.rows};
    if (!place.has_biases) continue;
    tensor.biases = {reinterpret_cast<const std::int64_t*>(base + place.biases), tensor.rows};
  }
  Built built;
  built.weights = storage_->weights;
  program_.storage = std::move(storage_);
  built.program = std::move(program_);
  built.rows_roots = std::move(rows_roots_);
  built.report = std::move(report_);
  return built;
}

}  // namespace imo::model
