#include "imo/model/architecture.hpp"

#include "imo/crypto/keccak.hpp"
#include "imo/model/checkpoint.hpp"
#include "imo/model/portable_math.hpp"
#include "imo/model/utf8.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_set>

#include <fmt/format.h>

namespace imo::model {
namespace {

Result<Architecture> architecture_of(const GgufFile& file) {
  IMO_TRY(const std::string_view name, file.string_value("general.architecture"));
  if (name == "llama") return Architecture::kLlama;
  if (name == "qwen2") return Architecture::kQwen2;
  if (name == "gpt2") return Architecture::kGpt2;
  return invalid(
      fmt::format("architecture {} is not supported; llama, qwen2 and gpt2 are", in_quotes(name)));
}

/// Reads `<architecture>.<name>` metadata with ranges.
class ConfigReader {
 public:
  ConfigReader(const GgufFile& file, std::string prefix)
      : file_(file), prefix_(std::move(prefix)) {}

  [[nodiscard]] std::string key(std::string_view name) const {
    return fmt::format("{}.{}", prefix_, name);
  }

  [[nodiscard]] bool has(std::string_view name) const { return file_.find(key(name)) != nullptr; }

  Result<std::uint32_t> size(std::string_view name, std::uint64_t most) const {
    IMO_TRY(const std::uint64_t value, file_.unsigned_value(key(name)));
    if (value < 1 || value > most) {
      return invalid(
          fmt::format("metadata '{}' is {}; it must be 1 to {}", key(name), value, most));
    }
    return static_cast<std::uint32_t>(value);
  }

  Result<std::uint32_t> size_or(std::string_view name, std::uint64_t most,
                                std::uint32_t other) const {
    return has(name) ? size(name, most) : Result<std::uint32_t>(other);
  }

  Result<double> positive_or(std::string_view name, double other) const {
    IMO_TRY(const double value, file_.real_or(key(name), other));
    if (!std::isfinite(value) || value <= 0) {
      return invalid(fmt::format("metadata '{}' is {}; it must be positive", key(name), value));
    }
    return value;
  }

  Result<double> positive(std::string_view name) const {
    if (!has(name)) return invalid(fmt::format("metadata '{}' is missing", key(name)));
    return positive_or(name, 0);
  }

  Result<std::string_view> text_or(std::string_view name, std::string_view other) const {
    return file_.string_or(key(name), other);
  }

 private:
  const GgufFile& file_;
  std::string prefix_;
};

// Linear scaling divides positions; the others change the model's meaning in ways not done here.
Result<double> rope_scale(const ConfigReader& reader) {
  IMO_TRY(const std::string_view kind, reader.text_or("rope.scaling.type", "none"));
  if (kind == "none") return 1.0;
  if (kind == "linear") return reader.positive_or("rope.scaling.factor", 1.0);
  return invalid(fmt::format("metadata '{}' is {}; only 'none' and 'linear' are supported",
                             reader.key("rope.scaling.type"), in_quotes(kind)));
}

Result<void> check_heads(const ConfigReader& reader, ModelConfig& config) {
  if (config.heads % config.kv_heads != 0) {
    return invalid(fmt::format("metadata '{}' is {}, which does not divide the {} heads",
                               reader.key("attention.head_count_kv"), config.kv_heads,
                               config.heads));
  }
  if (!reader.has("attention.key_length") && config.embedding_length % config.heads != 0) {
    return invalid(fmt::format("metadata '{}' is {}, which does not divide the width {}",
                               reader.key("attention.head_count"), config.heads,
                               config.embedding_length));
  }
  IMO_TRY(config.head_dimension, reader.size_or("attention.key_length", kWidestModel,
                                                config.embedding_length / config.heads));
  IMO_TRY(const std::uint32_t value_length,
          reader.size_or("attention.value_length", kWidestModel, config.head_dimension));
  if (value_length != config.head_dimension) {
    return invalid(fmt::format("metadata '{}' is {}, but keys have {}; they must be equal",
                               reader.key("attention.value_length"), value_length,
                               config.head_dimension));
  }
  IMO_TRY(config.rope_dimensions,
          reader.size_or("rope.dimension_count", kWidestModel, config.head_dimension));
  if (config.rope_dimensions % 2 != 0 || config.rope_dimensions > config.head_dimension) {
    return invalid(fmt::format("metadata '{}' is {}; it must be even and at most the head's {}",
                               reader.key("rope.dimension_count"), config.rope_dimensions,
                               config.head_dimension));
  }
  if (std::uint64_t{config.heads} * config.head_dimension > kWidestModel) {
    return invalid(fmt::format("{} heads of {} are wider than {}", config.heads,
                               config.head_dimension, kWidestModel));
  }
  return {};
}

Result<ModelConfig> read_config(const GgufFile& file) {
  ModelConfig config;
  IMO_TRY(config.architecture, architecture_of(file));
  const bool is_llama = config.architecture == Architecture::kLlama;
  const bool is_gpt2 = config.architecture == Architecture::kGpt2;
  const ConfigReader reader(file, is_llama ? "llama" : is_gpt2 ? "gpt2" : "qwen2");
  config.rope_pairing = is_llama ? RopePairing::kInterleaved : RopePairing::kHalfSplit;
  if (reader.has("expert_count")) {
    IMO_TRY(const std::uint64_t experts, file.unsigned_value(reader.key("expert_count")));
    if (experts != 0) {
      return invalid(fmt::format("metadata '{}' is {}: mixtures of experts are not supported",
                                 reader.key("expert_count"), experts));
    }
  }
  IMO_TRY(config.context_length, reader.size("context_length", kMostModelTokens));
  IMO_TRY(config.embedding_length, reader.size("embedding_length", kWidestModel));
  IMO_TRY(config.feed_forward_length, reader.size("feed_forward_length", kWidestModel));
  IMO_TRY(config.layers, reader.size("block_count", kMostModelLayers));
  IMO_TRY(config.heads, reader.size("attention.head_count", kWidestModel));
  IMO_TRY(config.kv_heads, reader.size_or("attention.head_count_kv", kWidestModel, config.heads));
  IMO_TRY_VOID(check_heads(reader, config));
  if (is_gpt2 &&
      (config.kv_heads != config.heads || config.query_length() != config.embedding_length)) {
    return invalid("metadata of heads: gpt2 has one of keys for each, and together the width");
  }
  if (is_gpt2) {
    config.rope_dimensions = 0;
    IMO_TRY(config.norm_epsilon, reader.positive("attention.layer_norm_epsilon"));
    return config;
  }
  IMO_TRY(config.norm_epsilon, reader.positive("attention.layer_norm_rms_epsilon"));
  IMO_TRY(config.rope_base, reader.positive_or("rope.freq_base", 10000.0));
  IMO_TRY(config.rope_scale, rope_scale(reader));
  return config;
}

/// Finds tensors by name, checks their shapes and remembers which were used.
class TensorReader {
 public:
  explicit TensorReader(const GgufFile& file) : file_(file) {}

  Result<const SourceTensor*> matrix(std::string_view name, std::uint64_t rows,
                                     std::uint64_t columns) {
    IMO_TRY(const SourceTensor* tensor, vector_or_matrix(name, rows, columns, 2));
    if (tensor == nullptr) return invalid(fmt::format("tensor '{}' is missing", name));
    return tensor;
  }

  Result<const SourceTensor*> vector(std::string_view name, std::uint64_t length) {
    IMO_TRY(const SourceTensor* tensor, optional_vector(name, length));
    if (tensor == nullptr) return invalid(fmt::format("tensor '{}' is missing", name));
    return tensor;
  }

  Result<const SourceTensor*> optional_vector(std::string_view name, std::uint64_t length) {
    return vector_or_matrix(name, 1, length, 1);
  }

  /// An extra tensor would mean that the model computes something this program does not.
  Result<void> check_nothing_left() const {
    for (const SourceTensor& tensor : file_.tensors()) {
      if (!used_.contains(&tensor)) {
        return invalid(
            fmt::format("tensor '{}' (offset {}) has no part in this architecture; the model is of "
                        "another kind",
                        tensor.name, tensor.offset));
      }
    }
    return {};
  }

 private:
  Result<const SourceTensor*> vector_or_matrix(std::string_view name, std::uint64_t rows,
                                               std::uint64_t columns, std::uint32_t rank) {
    const SourceTensor* tensor = file_.find_tensor(name);
    if (tensor == nullptr) return tensor;
    if (tensor->rank > rank || tensor->columns() != columns || tensor->rows() != rows) {
      return invalid(fmt::format("tensor '{}' is {} x {}, but the metadata says {} x {}", name,
                                 tensor->columns(), tensor->rows(), columns, rows));
    }
    used_.insert(tensor);
    return tensor;
  }

  const GgufFile& file_;
  std::unordered_set<const SourceTensor*> used_;
};

Result<LayerTensors> read_layer(TensorReader& reader, const ModelConfig& config,
                                std::uint32_t index) {
  const auto name = [&](std::string_view part) { return fmt::format("blk.{}.{}", index, part); };
  const std::uint32_t width = config.embedding_length;
  const std::uint32_t hidden = config.feed_forward_length;
  const std::uint32_t q = config.query_length();
  const std::uint32_t kv = config.kv_length();
  LayerTensors layer;
  IMO_TRY(layer.attention_norm, reader.vector(name("attn_norm.weight"), width));
  IMO_TRY(layer.query, reader.matrix(name("attn_q.weight"), q, width));
  IMO_TRY(layer.key, reader.matrix(name("attn_k.weight"), kv, width));
  IMO_TRY(layer.value, reader.matrix(name("attn_v.weight"), kv, width));
  IMO_TRY(layer.query_bias, reader.optional_vector(name("attn_q.bias"), q));
  IMO_TRY(layer.key_bias, reader.optional_vector(name("attn_k.bias"), kv));
  IMO_TRY(layer.value_bias, reader.optional_vector(name("attn_v.bias"), kv));
  IMO_TRY(layer.attention_output, reader.matrix(name("attn_output.weight"), width, q));
  IMO_TRY(layer.feed_forward_norm, reader.vector(name("ffn_norm.weight"), width));
  IMO_TRY(layer.gate, reader.matrix(name("ffn_gate.weight"), hidden, width));
  IMO_TRY(layer.up, reader.matrix(name("ffn_up.weight"), hidden, width));
  IMO_TRY(layer.down, reader.matrix(name("ffn_down.weight"), width, hidden));
  return layer;
}

/// Rows [first, first + count) of a matrix, or those elements of a vector, as a tensor.
const SourceTensor* part_of(const SourceTensor& whole, std::uint64_t first, std::uint64_t count,
                            std::deque<SourceTensor>& parts) {
  SourceTensor part = whole;
  const std::size_t along = whole.rank == 1 ? 0 : 1;
  const std::uint64_t stride = whole.bytes.size() / whole.dimensions[along];
  part.dimensions[along] = count;
  part.offset += first * stride;
  part.bytes = whole.bytes.subspan(first * stride, count * stride);
  parts.push_back(part);
  return &parts.back();
}

Result<LayerTensors> read_gpt2_layer(TensorReader& reader, const ModelConfig& config,
                                     std::uint32_t index, std::deque<SourceTensor>& parts) {
  const auto name = [&](std::string_view part) { return fmt::format("blk.{}.{}", index, part); };
  const std::uint32_t width = config.embedding_length;
  const std::uint32_t hidden = config.feed_forward_length;
  LayerTensors layer;
  IMO_TRY(layer.attention_norm, reader.vector(name("attn_norm.weight"), width));
  IMO_TRY(layer.attention_norm_bias, reader.vector(name("attn_norm.bias"), width));
  IMO_TRY(const SourceTensor* all, reader.matrix(name("attn_qkv.weight"), 3ULL * width, width));
  IMO_TRY(const SourceTensor* biases, reader.vector(name("attn_qkv.bias"), 3ULL * width));
  if (biases->type != TensorType::kF32 && biases->type != TensorType::kF16 &&
      biases->type != TensorType::kBF16) {
    return invalid(fmt::format("tensor '{}' is in blocks that cannot be cut", biases->name));
  }
  layer.query = part_of(*all, 0, width, parts);
  layer.key = part_of(*all, width, width, parts);
  layer.value = part_of(*all, 2ULL * width, width, parts);
  layer.query_bias = part_of(*biases, 0, width, parts);
  layer.key_bias = part_of(*biases, width, width, parts);
  layer.value_bias = part_of(*biases, 2ULL * width, width, parts);
  IMO_TRY(layer.attention_output, reader.matrix(name("attn_output.weight"), width, width));
  IMO_TRY(layer.attention_output_bias, reader.vector(name("attn_output.bias"), width));
  IMO_TRY(layer.feed_forward_norm, reader.vector(name("ffn_norm.weight"), width));
  IMO_TRY(layer.feed_forward_norm_bias, reader.vector(name("ffn_norm.bias"), width));
  IMO_TRY(layer.up, reader.matrix(name("ffn_up.weight"), hidden, width));
  IMO_TRY(layer.up_bias, reader.vector(name("ffn_up.bias"), hidden));
  IMO_TRY(layer.down, reader.matrix(name("ffn_down.weight"), width, hidden));
  IMO_TRY(layer.down_bias, reader.vector(name("ffn_down.bias"), width));
  return layer;
}

// The embedding says how many tokens there are; the vocabulary has to agree.
Result<std::uint32_t> vocabulary_size(const GgufFile& file) {
  const SourceTensor* embedding = file.find_tensor("token_embd.weight");
  if (embedding == nullptr) {
    return invalid(file.tensors().empty() ? "the file holds no tensors: it is a vocabulary only"
                                          : "tensor 'token_embd.weight' is missing");
  }
  const std::uint64_t rows = embedding->rows();
  if (rows > kMostModelTokens) {
    return invalid(fmt::format("tensor 'token_embd.weight' has {} rows; at most {} are supported",
                               rows, kMostModelTokens));
  }
  if (const GgufValue* tokens = file.find("tokenizer.ggml.tokens");
      tokens != nullptr && tokens->count != rows) {
    return invalid(
        fmt::format("tensor 'token_embd.weight' has {} rows, but the vocabulary {} tokens", rows,
                    tokens->count));
  }
  return static_cast<std::uint32_t>(rows);
}

Result<ModelTensors> read_tensors(const GgufFile& file, ModelConfig& config,
                                  std::deque<SourceTensor>& parts) {
  TensorReader reader(file);
  ModelTensors tensors;
  const std::uint32_t width = config.embedding_length;
  IMO_TRY(config.vocabulary_size, vocabulary_size(file));
  IMO_TRY(tensors.embedding, reader.matrix("token_embd.weight", config.vocabulary_size, width));
  IMO_TRY(tensors.output_norm, reader.vector("output_norm.weight", width));
  config.tied_output = file.find_tensor("output.weight") == nullptr;
  tensors.output = tensors.embedding;
  if (!config.tied_output) {
    IMO_TRY(tensors.output, reader.matrix("output.weight", config.vocabulary_size, width));
  }
  const bool is_gpt2 = config.architecture == Architecture::kGpt2;
  if (is_gpt2) {
    IMO_TRY(tensors.output_norm_bias, reader.vector("output_norm.bias", width));
    IMO_TRY(tensors.position_embedding,
            reader.matrix("position_embd.weight", config.context_length, width));
  } else {
    IMO_TRY(tensors.rope_frequencies,
            reader.optional_vector("rope_freqs.weight", config.rope_dimensions / 2));
  }
  for (std::uint32_t i = 0; i < config.layers; ++i) {
    IMO_TRY(LayerTensors layer,
            is_gpt2 ? read_gpt2_layer(reader, config, i, parts) : read_layer(reader, config, i));
    tensors.layers.push_back(layer);
  }
  IMO_TRY_VOID(reader.check_nothing_left());
  return tensors;
}

/// keccak256 of a mapped file, of which no more than a piece is in memory.
Hash32 hash_of(const MappedFile& file) {
  constexpr std::size_t kPiece = std::size_t{16} << 20;
  crypto::Keccak256 hash;
  for (BytesView left = file.bytes(); !left.empty();) {
    const BytesView piece = left.first(std::min(kPiece, left.size()));
    hash.update(piece);
    file.release(piece);
    left = left.subspan(piece.size());
  }
  return hash.finish();
}

/// All that are used, each once.
std::vector<const SourceTensor*> all_tensors(const ModelTensors& tensors) {
  std::vector<const SourceTensor*> all{tensors.embedding, tensors.output_norm,
                                       tensors.rope_frequencies, tensors.output_norm_bias,
                                       tensors.position_embedding};
  if (tensors.output != tensors.embedding) all.push_back(tensors.output);
  for (const LayerTensors& layer : tensors.layers) {
    for (const SourceTensor* each :
         {layer.attention_norm, layer.query, layer.key, layer.value, layer.query_bias,
          layer.key_bias, layer.value_bias, layer.attention_output, layer.feed_forward_norm,
          layer.gate, layer.up, layer.down, layer.attention_norm_bias, layer.attention_output_bias,
          layer.feed_forward_norm_bias, layer.up_bias, layer.down_bias}) {
      all.push_back(each);
    }
  }
  std::erase(all, nullptr);
  return all;
}

}  // namespace

Result<ModelSource> ModelSource::open(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    IMO_TRY(Checkpoint opened, Checkpoint::open(path));
    ModelSource source;
    source.checkpoint_ = std::make_shared<const Checkpoint>(std::move(opened));
    source.config_ = source.checkpoint_->config;
    source.tensors_ = source.checkpoint_->tensors;
    return source;
  }
  IMO_TRY(GgufFile file, GgufFile::open(path));
  auto source = from_gguf(std::move(file));
  if (!source) return tl::unexpected(source.error().within(path.string()));
  return source;
}

Result<ModelSource> ModelSource::from_gguf(GgufFile file) {
  ModelSource source;
  source.file_ = std::move(file);
  IMO_TRY(source.config_, read_config(source.file_));
  source.parts_ = std::make_shared<std::deque<SourceTensor>>();
  IMO_TRY(source.tensors_, read_tensors(source.file_, source.config_, *source.parts_));
  return source;
}

Result<Vocabulary> ModelSource::vocabulary() const {
  if (checkpoint_ != nullptr) return checkpoint_->vocabulary;
  return Vocabulary::from_gguf(file_);
}

Result<std::string> ModelSource::name() const {
  if (checkpoint_ != nullptr) return checkpoint_->name;
  IMO_TRY(const std::string_view name, file_.string_or("general.name", ""));
  return std::string(name);
}

Result<std::string> ModelSource::licence() const {
  if (checkpoint_ != nullptr) return std::string();
  IMO_TRY(const std::string_view licence, file_.string_or("general.license", ""));
  return std::string(licence);
}

std::uint64_t ModelSource::parameter_count() const {
  std::uint64_t count = 0;
  for (const SourceTensor* tensor : all_tensors(tensors_)) {
    count += tensor->rows() * tensor->columns();
  }
  return count;
}

std::uint64_t ModelSource::largest_tensor() const {
  std::uint64_t largest = 0;
  for (const SourceTensor* tensor : all_tensors(tensors_)) {
    largest = std::max(largest, tensor->rows() * tensor->columns());
  }
  return largest;
}

std::vector<std::shared_ptr<const MappedFile>> ModelSource::mappings() const {
  std::vector<std::shared_ptr<const MappedFile>> all;
  if (checkpoint_ != nullptr) {
    for (const SafetensorsFile& shard : checkpoint_->shards) all.push_back(shard.mapping());
    if (checkpoint_->turned != nullptr) all.push_back(checkpoint_->turned);
  } else if (file_.mapping() != nullptr) {
    all.push_back(file_.mapping());
  }
  return all;
}

std::uint64_t ModelSource::size() const {
  if (checkpoint_ == nullptr) return file_.size();
  std::uint64_t size = 0;
  for (const SafetensorsFile& shard : checkpoint_->shards) size += shard.mapping()->bytes().size();
  return size;
}

Hash32 ModelSource::hash() const {
  if (checkpoint_ == nullptr) {
    return file_.mapping() == nullptr ? Hash32{} : hash_of(*file_.mapping());
  }
  crypto::Keccak256 hash;
  for (const Hash32& text : checkpoint_->text_hashes) hash.update(text);
  for (const SafetensorsFile& shard : checkpoint_->shards) hash.update(hash_of(*shard.mapping()));
  return hash.finish();
}

void ModelSource::release(const SourceTensor& tensor) const {
  for (const auto& mapping : mappings()) {
    const BytesView all = mapping->bytes();
    const bool is_here =
        tensor.bytes.data() >= all.data() && tensor.bytes.data() < all.data() + all.size();
    if (is_here) mapping->release(tensor.bytes);
  }
}

double rope_angle(const ModelConfig& config, std::uint32_t pair,
                  std::span<const float> frequencies) {
  const double exponent = -2.0 * pair / config.rope_dimensions;
  const double divisor = frequencies.empty() ? 1.0 : double{frequencies[pair]};
  return portable_pow(config.rope_base, exponent) / (config.rope_scale * divisor);
}

}  // namespace imo::model
