#include "imo/model/float_reference.hpp"

#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/model/portable_math.hpp"
#include "imo/model/tables.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <mutex>

#include <fmt/format.h>

namespace imo::model {
namespace {

// Where portable_sincos still reduces its argument exactly.
constexpr double kGreatestAngle = 1 << 20;

// Eight running sums: short chains of additions, and what SSE and NEON do in two registers.
using Lanes = float __attribute__((vector_size(32)));
constexpr std::size_t kLanes = sizeof(Lanes) / sizeof(float);

// `Rows` products with the same x at once, so that x is loaded once and the additions overlap.
template <std::size_t Rows>
void dots(const std::array<const float*, Rows>& rows, const float* x, std::size_t n, float* out) {
  Lanes sums[Rows]{};
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    Lanes right;
    std::memcpy(&right, x + i, sizeof right);
    for (std::size_t r = 0; r < Rows; ++r) {
      Lanes left;
      std::memcpy(&left, rows[r] + i, sizeof left);
      sums[r] += left * right;
    }
  }
  for (std::size_t r = 0; r < Rows; ++r) {
    float total = 0;
    for (std::size_t j = i; j < n; ++j) total += rows[r][j] * x[j];
    for (std::size_t lane = 0; lane < kLanes; ++lane) total += sums[r][lane];
    out[r] = total;
  }
}

float dot(const float* a, const float* b, std::size_t n) {
  float out = 0;
  dots<1>({a}, b, n, &out);
  return out;
}

// out[begin, end) = W x + bias. Every row is summed in one order, whoever does it.
void multiply_rows(const FloatModel::Matrix& w, const float* x, std::span<float> out,
                   std::uint32_t begin, std::uint32_t end) {
  constexpr std::uint32_t kRows = 4;
  const std::size_t n = w.columns;
  std::vector<float> scratch(kRows * n);
  const auto row = [&](std::uint32_t r, std::size_t place) {
    return w.row(r, std::span(scratch).subspan(place * n, n)).data();
  };
  std::uint32_t r = begin;
  for (; r + kRows <= end; r += kRows) {
    dots<kRows>({row(r, 0), row(r + 1, 1), row(r + 2, 2), row(r + 3, 3)}, x, n, out.data() + r);
  }
  for (; r < end; ++r) out[r] = dot(row(r, 0), x, n);
  if (w.bias.empty()) return;
  for (r = begin; r < end; ++r) out[r] += w.bias[r];
}

// out = x / sqrt(mean(x^2) + epsilon)
void divide_by_rms(std::span<const float> x, double epsilon, std::span<float> out) {
  const float mean = dot(x.data(), x.data(), x.size()) / static_cast<float>(x.size());
  const float scale = 1.0F / std::sqrt(mean + static_cast<float>(epsilon));
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = x[i] * scale;
}

void apply(const FloatModel::Norm& norm, std::span<const float> x, std::span<float> out) {
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = x[i] * norm.gain[i];
  for (std::size_t i = 0; i < norm.bias.size(); ++i) out[i] += norm.bias[i];
}

// out = x - mean(x)
void centre(std::span<const float> x, std::span<float> out) {
  double sum = 0;
  for (const float value : x) sum += value;
  const auto mean = static_cast<float>(sum / static_cast<double>(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = x[i] - mean;
}

// e^x to single precision with portable operations only, as in portable_math, but several times
// as fast: 2^k e^r with |r| <= ln(2)/2, the series to r^8 (its rest is below 2^-31), one rounding.
float exp_to_float(float x) {
  constexpr double kLn2 = 0x1.62e42fefa39efp-1;
  constexpr double kCoefficients[] = {1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24,
                                      1.0 / 6,     1.0 / 2,    1.0,       1.0};
  if (x < -104.0F) return 0.0F;  // below half the least float
  if (!(x <= 89.0F)) return x + std::numeric_limits<float>::infinity();  // NaN stays NaN
  const double scaled = x * (1.0 / kLn2) + 0.5;
  const auto truncated = static_cast<int>(scaled);
  const int k = truncated - (scaled < truncated ? 1 : 0);
  const double r = x - k * kLn2;
  double sum = 0.0;
  for (const double c : kCoefficients) sum = sum * r + c;
  const auto exponent = static_cast<std::uint64_t>(k + 1023) << 52;
  return static_cast<float>(sum * std::bit_cast<double>(exponent));
}

// In place; leaves exp(s - max) / sum.
void softmax(std::span<float> scores) {
  const float greatest = *std::max_element(scores.begin(), scores.end());
  float sum = 0;
  for (float& s : scores) {
    s = exp_to_float(s - greatest);
    sum += s;
  }
  for (float& s : scores) s /= sum;
}

float silu(float x) {
  return x / (1.0F + exp_to_float(-x));
}

float gelu(float x) {
  return x / (1.0F + exp_to_float(-static_cast<float>(gelu_gate(x))));
}

// Turns every head of `heads` by the angles of `position`.
void rotate(std::span<float> heads, const FloatModel& model, std::uint32_t position) {
  const ModelConfig& config = model.config;
  const std::size_t pairs = config.rope_dimensions / 2;
  const bool interleaved = config.rope_pairing == RopePairing::kInterleaved;
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    const double angle = position * model.rope_angles[pair];
    const SineCosine turn = portable_sincos(angle);
    const auto c = static_cast<float>(turn.cosine);
    const auto s = static_cast<float>(turn.sine);
    const std::size_t first = interleaved ? 2 * pair : pair;
    const std::size_t second = interleaved ? first + 1 : pair + pairs;
    for (std::size_t head = 0; head < heads.size(); head += config.head_dimension) {
      const float x = heads[head + first];
      const float y = heads[head + second];
      heads[head + first] = x * c - y * s;
      heads[head + second] = x * s + y * c;
    }
  }
}

void add_to(std::span<float> sum, std::span<const float> term) {
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += term[i];
}

// Reads tensors of a source, each of its matrices once, to see that all numbers are finite.
class Loader {
 public:
  Loader(const ModelSource& source, ThreadPool* pool) : source_(source), pool_(pool) {}

  Result<FloatModel::Matrix> matrix(const SourceTensor& tensor, const SourceTensor* bias) const {
    FloatModel::Matrix matrix;
    matrix.rows = static_cast<std::uint32_t>(tensor.rows());
    matrix.columns = static_cast<std::uint32_t>(tensor.columns());
    matrix.source = tensor;
    if (bias != nullptr) {
      IMO_TRY(matrix.bias, read_tensor(*bias));
    }
    IMO_TRY_VOID(check(tensor));
    source_.release(tensor);
    return matrix;
  }

  Result<FloatModel::Layer> layer(const LayerTensors& from) const {
    FloatModel::Layer layer;
    IMO_TRY(layer.attention_norm, norm(from.attention_norm, from.attention_norm_bias));
    IMO_TRY(layer.query, matrix(*from.query, from.query_bias));
    IMO_TRY(layer.key, matrix(*from.key, from.key_bias));
    IMO_TRY(layer.value, matrix(*from.value, from.value_bias));
    IMO_TRY(layer.attention_output, matrix(*from.attention_output, from.attention_output_bias));
    IMO_TRY(layer.feed_forward_norm, norm(from.feed_forward_norm, from.feed_forward_norm_bias));
    if (from.gate != nullptr) {
      IMO_TRY(layer.gate, matrix(*from.gate, nullptr));
    }
    IMO_TRY(layer.up, matrix(*from.up, from.up_bias));
    IMO_TRY(layer.down, matrix(*from.down, from.down_bias));
    return layer;
  }

  static Result<FloatModel::Norm> norm(const SourceTensor* gain, const SourceTensor* bias) {
    FloatModel::Norm norm;
    IMO_TRY(norm.gain, read_tensor(*gain));
    if (bias != nullptr) {
      IMO_TRY(norm.bias, read_tensor(*bias));
    }
    return norm;
  }

 private:
  // Of several wrong rows the first is named, whatever the number of threads.
  Result<void> check(const SourceTensor& tensor) const {
    std::mutex mutex;
    std::uint64_t first_wrong = tensor.rows();
    split_loop(pool_, tensor.rows(), [&](std::size_t begin, std::size_t end) {
      std::vector<float> row(tensor.columns());
      for (std::size_t i = begin; i < end; ++i) {
        if (read_row(tensor, i, row)) continue;
        const std::lock_guard lock(mutex);
        first_wrong = std::min<std::uint64_t>(first_wrong, i);
        return;
      }
    });
    if (first_wrong == tensor.rows()) return {};
    std::vector<float> row(tensor.columns());
    return read_row(tensor, first_wrong, row);
  }

  const ModelSource& source_;
  ThreadPool* pool_;
};

}  // namespace

std::span<const float> FloatModel::Matrix::row(std::uint32_t index,
                                               std::span<float> scratch) const {
  static_assert(std::endian::native == std::endian::little, "F32 rows are used as they lie");
  const BytesView bytes = source.row(index);
  const bool is_aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(float) == 0;
  if (source.type == TensorType::kF32 && is_aligned) {
    return {reinterpret_cast<const float*>(bytes.data()), columns};
  }
  dequantize_row(source.type, bytes, scratch.first(columns));
  return scratch.first(columns);
}

Result<FloatModel> FloatModel::load(const ModelSource& source, ThreadPool* pool) {
  const Loader loader(source, pool);
  FloatModel model;
  model.config = source.config();
  model.mappings_ = source.mappings();
  const ModelTensors& tensors = source.tensors();
  IMO_TRY(model.embedding, loader.matrix(*tensors.embedding, nullptr));
  IMO_TRY(model.output_norm, Loader::norm(tensors.output_norm, tensors.output_norm_bias));
  if (tensors.position_embedding != nullptr) {
    IMO_TRY(model.positions, loader.matrix(*tensors.position_embedding, nullptr));
  }
  if (!model.config.tied_output) {
    IMO_TRY(model.output, loader.matrix(*tensors.output, nullptr));
  }
  std::vector<float> frequencies;
  if (tensors.rope_frequencies != nullptr) {
    IMO_TRY(frequencies, read_tensor(*tensors.rope_frequencies));
  }
  for (std::uint32_t pair = 0; pair < model.config.rope_dimensions / 2; ++pair) {
    const double angle = rope_angle(model.config, pair, frequencies);
    if (!(angle >= 0 && angle * model.config.context_length < kGreatestAngle)) {
      return invalid(
          fmt::format("rotary pair {} turns by {} a position over {} positions; at most "
                      "2^20 radians in all are supported",
                      pair, angle, model.config.context_length));
    }
    model.rope_angles.push_back(angle);
  }
  for (const LayerTensors& layer : tensors.layers) {
    IMO_TRY(Layer loaded, loader.layer(layer));
    model.layers.push_back(std::move(loaded));
  }
  return model;
}

FloatSession::FloatSession(const FloatModel& model, ThreadPool* pool)
    : model_(&model), pool_(pool) {
  const ModelConfig& config = model.config;
  keys_.resize(config.layers);
  values_.resize(config.layers);
  residual_.resize(config.embedding_length);
  normed_.resize(config.embedding_length);
  centred_.resize(config.embedding_length);
  scaled_.resize(config.embedding_length);
  added_.resize(config.embedding_length);
  query_.resize(config.query_length());
  mixed_.resize(config.query_length());
  key_.resize(config.kv_length());
  value_.resize(config.kv_length());
  gate_.resize(config.feed_forward_length);
  up_.resize(config.feed_forward_length);
  logits_.resize(config.vocabulary_size);
}

void FloatSession::see(Site site, std::uint32_t layer, std::span<const float> values) const {
  if (observer_) observer_(site, layer, values);
}

// out = W x + bias
void FloatSession::multiply(const FloatModel::Matrix& w, std::span<const float> x,
                            std::span<float> out) {
  IMO_CHECK(x.size() == w.columns && out.size() == w.rows, "matrix and vectors do not fit");
  // Waking the other threads costs more than so few products save.
  constexpr std::size_t kFewest = std::size_t{1} << 15;
  ThreadPool* pool = x.size() * out.size() < kFewest ? nullptr : pool_;
  split_loop(pool, w.rows, [&](std::size_t begin, std::size_t end) {
    multiply_rows(w, x.data(), out, static_cast<std::uint32_t>(begin),
                  static_cast<std::uint32_t>(end));
  });
  if (let_go_) let_go_(w.source);
}

void FloatSession::reset() {
  position_ = 0;
  for (auto& keys : keys_) keys.clear();
  for (auto& values : values_) values.clear();
}

void FloatSession::attention(const FloatModel::Layer& layer, std::uint32_t index) {
  const ModelConfig& config = model_->config;
  normalise();
  see(Site::kAttentionNormed, index, normed_);
  apply(layer.attention_norm, normed_, scaled_);
  multiply(layer.query, scaled_, query_);
  multiply(layer.key, scaled_, key_);
  multiply(layer.value, scaled_, value_);
  see(Site::kQuery, index, query_);
  see(Site::kKey, index, key_);
  see(Site::kValue, index, value_);
  rotate(query_, *model_, position_);
  rotate(key_, *model_, position_);
  see(Site::kQueryRotated, index, query_);
  see(Site::kKeyRotated, index, key_);
  keys_[index].insert(keys_[index].end(), key_.begin(), key_.end());
  values_[index].insert(values_[index].end(), value_.begin(), value_.end());
  for (std::uint32_t head = 0; head < config.heads; ++head) attend(index, head);
  see(Site::kMixed, index, mixed_);
  multiply(layer.attention_output, mixed_, added_);
  see(Site::kAttentionOutput, index, added_);
  add_to(residual_, added_);
  see_residual(Site::kAfterAttention, index);
}

// One head: scores against every position up to this one, and the mix of their values.
void FloatSession::attend(std::uint32_t layer, std::uint32_t head) {
  const ModelConfig& config = model_->config;
  const std::size_t d = config.head_dimension;
  const std::size_t stride = config.kv_length();
  const std::size_t kv_offset = head / (config.heads / config.kv_heads) * d;
  const float* query = query_.data() + head * d;
  const float* keys = keys_[layer].data() + kv_offset;
  const float* values = values_[layer].data() + kv_offset;
  const float scale = 1.0F / std::sqrt(static_cast<float>(d));

  scores_.resize(position_ + 1);
  for (std::size_t p = 0; p <= position_; ++p)
    scores_[p] = dot(query, keys + p * stride, d) * scale;
  see(Site::kScores, layer, scores_);
  softmax(scores_);
  const std::span<float> mixed(mixed_.data() + head * d, d);
  std::fill(mixed.begin(), mixed.end(), 0.0F);
  for (std::size_t p = 0; p <= position_; ++p) {
    for (std::size_t i = 0; i < d; ++i) mixed[i] += scores_[p] * values[p * stride + i];
  }
}

void FloatSession::feed_forward(const FloatModel::Layer& layer, std::uint32_t index) {
  normalise();
  see(Site::kFeedForwardNormed, index, normed_);
  apply(layer.feed_forward_norm, normed_, scaled_);
  layer.gate.rows == 0 ? ungated(layer, index) : gated(layer, index);
  see(Site::kFeedForwardOutput, index, added_);
  add_to(residual_, added_);
  see_residual(Site::kAfterFeedForward, index);
}

// added = W_down gelu(W_up x)
void FloatSession::ungated(const FloatModel::Layer& layer, std::uint32_t index) {
  multiply(layer.up, scaled_, gate_);
  see(Site::kGate, index, gate_);
  for (float& x : gate_) x = gelu(x);
  see(Site::kHidden, index, gate_);
  multiply(layer.down, gate_, added_);
}

// added = W_down (silu(W_gate x) * W_up x)
void FloatSession::gated(const FloatModel::Layer& layer, std::uint32_t index) {
  multiply(layer.gate, scaled_, gate_);
  multiply(layer.up, scaled_, up_);
  see(Site::kGate, index, gate_);
  see(Site::kUp, index, up_);
  for (float& x : gate_) x = silu(x);
  see(Site::kActivated, index, gate_);
  for (std::size_t i = 0; i < gate_.size(); ++i) gate_[i] *= up_[i];
  see(Site::kHidden, index, gate_);
  multiply(layer.down, gate_, added_);
}

// x / rms(x), of LayerNorm without the mean
void FloatSession::normalise() {
  std::span<const float> from = residual_;
  if (!model_->output_norm.bias.empty()) {
    centre(residual_, centred_);
    from = centred_;
  }
  divide_by_rms(from, model_->config.norm_epsilon, normed_);
}

void FloatSession::see_residual(Site site, std::uint32_t layer) {
  if (!observer_) return;
  if (model_->output_norm.bias.empty()) return observer_(site, layer, residual_);
  centre(residual_, centred_);
  observer_(site, layer, centred_);
}

Result<void> FloatSession::advance(TokenId token) {
  const ModelConfig& config = model_->config;
  if (token >= config.vocabulary_size) {
    return invalid(fmt::format("token {} at position {} is outside the vocabulary of {}", token,
                               position_, config.vocabulary_size));
  }
  if (position_ >= config.context_length) {
    return invalid(fmt::format("the context of {} tokens is full", config.context_length));
  }
  const auto embedded = model_->embedding.row(token, normed_);
  std::copy(embedded.begin(), embedded.end(), residual_.begin());
  if (model_->positions.rows != 0) add_to(residual_, model_->positions.row(position_, normed_));
  see_residual(Site::kEmbedding, 0);
  for (std::uint32_t i = 0; i < config.layers; ++i) {
    attention(model_->layers[i], i);
    feed_forward(model_->layers[i], i);
  }
  ++position_;
  return {};
}

Result<std::span<const float>> FloatSession::step(TokenId token) {
  IMO_TRY_VOID(advance(token));
  const ModelConfig& config = model_->config;
  normalise();
  see(Site::kFinalNormed, config.layers, normed_);
  apply(model_->output_norm, normed_, scaled_);
  multiply(model_->output_matrix(), scaled_, logits_);
  see(Site::kLogits, config.layers, logits_);
  if (!std::all_of(logits_.begin(), logits_.end(), [](float x) { return std::isfinite(x); })) {
    return invalid(
        fmt::format("the logits of position {} are not finite: the weights are too large "
                    "for single precision",
                    position_ - 1));
  }
  return std::span<const float>(logits_);
}

}  // namespace imo::model
