/// The model in single precision, written plainly: what the integer program is measured against.
#pragma once

#include "imo/base/result.hpp"
#include "imo/model/architecture.hpp"
#include "imo/model/vocabulary.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace imo {
class ThreadPool;
}

namespace imo::model {

/// A place in the forward pass whose values a caller may watch.
enum class Site : std::uint8_t {
  kEmbedding,          ///< [embedding] the residual stream as it enters layer 0
  kAttentionNormed,    ///< [embedding] x / rms(x), before the gain
  kQuery,              ///< [query_length] with bias, before rotation
  kKey,                ///< [kv_length] with bias, before rotation
  kValue,              ///< [kv_length] with bias
  kQueryRotated,       ///< [query_length]
  kKeyRotated,         ///< [kv_length]
  kScores,             ///< [positions] q.k / sqrt(head_dimension), one call a head
  kMixed,              ///< [query_length] softmax(scores).V, heads side by side
  kAttentionOutput,    ///< [embedding] what attention adds to the residual stream
  kAfterAttention,     ///< [embedding] the residual stream
  kFeedForwardNormed,  ///< [embedding] x / rms(x), before the gain
  kGate,               ///< [feed_forward] before SiLU; gpt2: before GELU
  kUp,                 ///< [feed_forward]
  kActivated,          ///< [feed_forward] SiLU(gate)
  kHidden,             ///< [feed_forward] SiLU(gate) * up; gpt2: GELU(up)
  kFeedForwardOutput,  ///< [embedding] what the feed-forward adds
  kAfterFeedForward,   ///< [embedding] the residual stream
  kFinalNormed,        ///< [embedding] x / rms(x), before the gain
  kLogits,             ///< [vocabulary]
};

/// Of a model with LayerNorm, which takes the mean away before it does anything else, the residual
/// stream is shown without its mean: all that the model can know of it.
///
/// Sees the values of every site of every step, in the order of the computation. Sites outside
/// the layers come with layer == layers for the final ones and 0 for the embedding.
using Observer = std::function<void(Site site, std::uint32_t layer, std::span<const float> values)>;

/// The weights as floats. Matrices stay in the source as they are stored there, and are turned into
/// floats row by row whenever they are used: a model takes no more memory than its file.
/// Immutable; sessions share it. A source made by parse() must outlive it.
class FloatModel {
 public:
  struct Matrix {
    SourceTensor source;
    std::vector<float> bias;  ///< empty, or one a row
    std::uint32_t rows = 0;
    std::uint32_t columns = 0;

    /// Row `index`: where it lies if the source has floats, else in `scratch`, which has room
    /// for columns.
    [[nodiscard]] std::span<const float> row(std::uint32_t index, std::span<float> scratch) const;
  };
  struct Norm {
    std::vector<float> gain;
    std::vector<float> bias;  ///< empty where there is none: RMSNorm; else LayerNorm
  };
  struct Layer {
    Norm attention_norm;
    Matrix query, key, value, attention_output;
    Norm feed_forward_norm;
    Matrix gate, up, down;  ///< gpt2 has no gate
  };

  /// Reads every tensor once; fails on NaN and infinity.
  static Result<FloatModel> load(const ModelSource& source, ThreadPool* pool = nullptr);

  ModelConfig config;
  Matrix embedding;
  Matrix positions;  ///< gpt2: added to the embedding
  Norm output_norm;
  Matrix output;                    ///< empty when tied
  std::vector<double> rope_angles;  ///< per pair, radians per position
  std::vector<Layer> layers;

  [[nodiscard]] const Matrix& output_matrix() const {
    return config.tied_output ? embedding : output;
  }

 private:
  std::vector<std::shared_ptr<const MappedFile>> mappings_;
};

/// One sequence with its keys and values. The model must outlive it.
class FloatSession {
 public:
  /// The rows of a matrix are split over `pool`, which must outlive the session; the values are
  /// the same for any.
  explicit FloatSession(const FloatModel& model, ThreadPool* pool = nullptr);

  /// Runs `token` at the next position and returns the logits of what follows, valid until the
  /// next call. Fails on an id outside the vocabulary, when the context is full, and when the
  /// weights are so large that the logits are not finite.
  Result<std::span<const float>> step(TokenId token);

  /// As step, without the output matrix: for the tokens of a prompt but the last.
  Result<void> advance(TokenId token);

  void watch(Observer observer) { observer_ = std::move(observer); }
  /// `done` is told of every matrix behind which a pass goes on, as it may then be let go.
  void let_go(std::function<void(const SourceTensor&)> done) { let_go_ = std::move(done); }
  [[nodiscard]] std::uint32_t position() const { return position_; }

  /// Forgets everything; the session begins at position 0 again.
  void reset();

 private:
  void attention(const FloatModel::Layer& layer, std::uint32_t index);
  void attend(std::uint32_t layer, std::uint32_t head);
  void feed_forward(const FloatModel::Layer& layer, std::uint32_t index);
  void gated(const FloatModel::Layer& layer, std::uint32_t index);
  void ungated(const FloatModel::Layer& layer, std::uint32_t index);
  void normalise();
  void see(Site site, std::uint32_t layer, std::span<const float> values) const;
  void see_residual(Site site, std::uint32_t layer);

  void multiply(const FloatModel::Matrix& w, std::span<const float> x, std::span<float> out);

  const FloatModel* model_;
  ThreadPool* pool_;
  Observer observer_;
  std::function<void(const SourceTensor&)> let_go_;
  std::uint32_t position_ = 0;
  std::vector<std::vector<float>> keys_;    ///< per layer: positions x kv_length
  std::vector<std::vector<float>> values_;  ///< per layer: positions x kv_length
  std::vector<float> residual_, normed_, centred_, scaled_, query_, key_, value_, mixed_, added_,
      scores_, gate_, up_, logits_;
};

/// The lowest index among the greatest.
TokenId argmax(std::span<const float> logits);

/// Greedy answer to `prompt` (not empty): stops behind the first token for which `is_end` holds,
/// at `max_tokens`, or fails when prompt and answer would not fit the context.
Result<std::vector<TokenId>> generate_greedy(const FloatModel& model,
                                             std::span<const TokenId> prompt,
                                             std::uint32_t max_tokens,
                                             const std::function<bool(TokenId)>& is_end);

/// Sum of -ln p over some tokens, and their number.
struct Likelihood {
  double negative_log = 0;
  std::uint64_t tokens = 0;

  [[nodiscard]] double mean() const;        ///< nats per token: the loss
  [[nodiscard]] double perplexity() const;  ///< exp(mean)
};

/// -ln p(token) under softmax(logits), summed in double.
double negative_log_probability(std::span<const float> logits, TokenId token);

/// Likelihood of tokens[1..] each given all before it; at most context_length tokens.
Result<Likelihood> sequence_likelihood(const FloatModel& model, std::span<const TokenId> tokens);

/// Perplexity as llama-perplexity computes it: the text's tokens are cut into whole chunks of
/// `context`; the first token of each is replaced by `begin` when given; tokens behind the middle
/// are scored. Fails when the text is shorter than one chunk. `max_chunks` 0 means all.
Result<Likelihood> chunked_likelihood(const FloatModel& model, std::span<const TokenId> tokens,
                                      std::uint32_t context, std::uint32_t max_chunks,
                                      std::optional<TokenId> begin);

}  // namespace imo::model
