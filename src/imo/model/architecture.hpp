/// What a model file holds: the shape of the network, and which tensor plays which part.
#pragma once

#include "imo/base/result.hpp"
#include "imo/model/gguf.hpp"
#include "imo/model/vocabulary.hpp"

#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace imo::model {

enum class Architecture : std::uint8_t {
  kLlama = 0,  ///< interleaved rotary pairs (2i, 2i+1)
  kQwen2 = 1,  ///< biases on q, k, v; rotary pairs (i, i + d/2)
  kGpt2 = 2,   ///< LayerNorm, learned positions, GELU; biases everywhere; no rotation, no gate
};

/// Which two elements of a head one rotation couples.
enum class RopePairing : std::uint8_t {
  kInterleaved = 0,  ///< (2i, 2i + 1)
  kHalfSplit = 1,    ///< (i, i + rope_dimensions / 2)
};

/// Sizes and constants, checked: every number is in range and every relation holds.
struct ModelConfig {
  Architecture architecture = Architecture::kLlama;
  std::uint32_t vocabulary_size = 0;
  std::uint32_t context_length = 0;
  std::uint32_t embedding_length = 0;  ///< width of the residual stream
  std::uint32_t feed_forward_length = 0;
  std::uint32_t layers = 0;
  std::uint32_t heads = 0;
  std::uint32_t kv_heads = 0;         ///< divides `heads`
  std::uint32_t head_dimension = 0;   ///< of q, k and v alike
  std::uint32_t rope_dimensions = 0;  ///< even, at most head_dimension; the rest is not turned
  RopePairing rope_pairing = RopePairing::kInterleaved;
  double rope_base = 10000.0;
  double rope_scale = 1.0;  ///< angles are of position / rope_scale
  double norm_epsilon = 1e-5;
  bool tied_output = false;  ///< the output matrix is the embedding

  [[nodiscard]] std::uint32_t query_length() const { return heads * head_dimension; }
  [[nodiscard]] std::uint32_t kv_length() const { return kv_heads * head_dimension; }
};

/// Borrowed from the file. A matrix maps columns() inputs to rows() outputs, one row an output.
struct LayerTensors {
  const SourceTensor* attention_norm = nullptr;  ///< [embedding]
  // Those with "bias" in their names may be null; of gpt2 none is, and `gate` is.
  const SourceTensor* attention_norm_bias = nullptr;     ///< [embedding]
  const SourceTensor* attention_output_bias = nullptr;   ///< [embedding]
  const SourceTensor* feed_forward_norm_bias = nullptr;  ///< [embedding]
  const SourceTensor* up_bias = nullptr;                 ///< [feed_forward]
  const SourceTensor* down_bias = nullptr;               ///< [embedding]
  const SourceTensor* query = nullptr;                   ///< [query_length rows, embedding columns]
  const SourceTensor* key = nullptr;                     ///< [kv_length, embedding]
  const SourceTensor* value = nullptr;                   ///< [kv_length, embedding]
  const SourceTensor* query_bias = nullptr;              ///< null, or [query_length]
  const SourceTensor* key_bias = nullptr;                ///< null, or [kv_length]
  const SourceTensor* value_bias = nullptr;              ///< null, or [kv_length]
  const SourceTensor* attention_output = nullptr;        ///< [embedding, query_length]
  const SourceTensor* feed_forward_norm = nullptr;       ///< [embedding]
  const SourceTensor* gate = nullptr;                    ///< [feed_forward, embedding]
  const SourceTensor* up = nullptr;                      ///< [feed_forward, embedding]
  const SourceTensor* down = nullptr;                    ///< [embedding, feed_forward]
};

struct ModelTensors {
  const SourceTensor* embedding = nullptr;           ///< [vocabulary, embedding]
  const SourceTensor* output_norm = nullptr;         ///< [embedding]
  const SourceTensor* output_norm_bias = nullptr;    ///< null, or [embedding]
  const SourceTensor* position_embedding = nullptr;  ///< null, or [context, embedding]
  const SourceTensor* output = nullptr;  ///< [vocabulary, embedding]; == embedding when tied
  const SourceTensor* rope_frequencies = nullptr;  ///< null, or [rope_dimensions / 2] divisors
  std::vector<LayerTensors> layers;
};

// What a model may have. Rows up to 2^14 inputs are exact in 36 bits, and the check of a program
// says which tensor is longer; a file beyond these is not a model for this machine at all.
inline constexpr std::uint64_t kMostModelLayers = 1024;
inline constexpr std::uint64_t kWidestModel = std::uint64_t{1} << 20;
inline constexpr std::uint64_t kMostModelTokens = std::uint64_t{1} << 24;

struct Checkpoint;

/// A model file, or a folder of them, whose metadata and tensor shapes agree. Tensor pointers live
/// as long as it does and survive a move.
class ModelSource {
 public:
  /// Opens a GGUF file, or a folder as checkpoint.hpp says, and maps its tensors. Fails on an
  /// unsupported architecture, missing, extra or misshapen tensors, and on metadata out of range.
  static Result<ModelSource> open(const std::filesystem::path& path);
  static Result<ModelSource> from_gguf(GgufFile file);

  ModelSource(ModelSource&&) noexcept = default;
  ModelSource& operator=(ModelSource&&) noexcept = default;
  ModelSource(const ModelSource&) = delete;
  ModelSource& operator=(const ModelSource&) = delete;
  ~ModelSource() = default;

  [[nodiscard]] const ModelConfig& config() const { return config_; }
  [[nodiscard]] const ModelTensors& tensors() const { return tensors_; }
  [[nodiscard]] Result<Vocabulary> vocabulary() const;
  /// As the file says them, "apache-2.0"; empty when it does not.
  [[nodiscard]] Result<std::string> name() const;
  [[nodiscard]] Result<std::string> licence() const;

  /// The number of weights in the tensors used, and in the largest of them.
  [[nodiscard]] std::uint64_t parameter_count() const;
  [[nodiscard]] std::uint64_t largest_tensor() const;
  /// Bytes of the file, or of the tensors' files in a folder.
  [[nodiscard]] std::uint64_t size() const;
  /// keccak256 of the file; in a folder, of the hashes of its files, JSON first. Of what parse()
  /// was given nothing is known: zero.
  [[nodiscard]] Hash32 hash() const;
  /// Says that a tensor is not needed at the moment, so that it takes no memory.
  void release(const SourceTensor& tensor) const;
  /// What keeps the tensors' bytes mapped.
  [[nodiscard]] std::vector<std::shared_ptr<const MappedFile>> mappings() const;

 private:
  ModelSource() = default;

  GgufFile file_;                                 ///< empty when there is a checkpoint
  std::shared_ptr<const Checkpoint> checkpoint_;  ///< or null
  ModelConfig config_;
  ModelTensors tensors_;
  std::shared_ptr<std::deque<SourceTensor>> parts_;  ///< of tensors that hold several
};

/// Angle of rotary pair `pair` < rope_dimensions/2 at position 1, in radians:
/// base^(-2 pair / rope_dimensions) / (scale * frequencies[pair]).
/// `frequencies` is empty or the values of rope_frequencies.
double rope_angle(const ModelConfig& config, std::uint32_t pair,
                  std::span<const float> frequencies);

}  // namespace imo::model
