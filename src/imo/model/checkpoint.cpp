#include "imo/model/checkpoint.hpp"

#include "imo/base/file.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/model/tokenizer_json.hpp"
#include "imo/model/utf8.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace imo::model {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::size_t kLongestText = std::size_t{256} << 20;
constexpr std::size_t kMostShards = 1000;
constexpr const char* kWhole = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

/// Reads config.json with ranges; null counts as absent, as in the files.
class Config {
 public:
  explicit Config(Json json) : json_(std::move(json)) {}

  [[nodiscard]] bool has(const char* name) const {
    const auto found = json_.find(name);
    return found != json_.end() && !found->is_null();
  }
  [[nodiscard]] const Json& get(const char* name) const { return json_.find(name).value(); }

  Result<std::uint32_t> size(const char* name, std::uint64_t most) const {
    if (!has(name)) return invalid(fmt::format("config.json has no '{}'", name));
    const Json& value = get(name);
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() < 1 ||
        value.get<std::uint64_t>() > most) {
      return invalid(fmt::format("config.json: '{}' is {}; it must be 1 to {}", name,
                                 in_quotes(value.dump()), most));
    }
    return value.get<std::uint32_t>();
  }

  Result<std::uint32_t> size_or(const char* name, std::uint64_t most, std::uint32_t other) const {
    return has(name) ? size(name, most) : Result<std::uint32_t>(other);
  }

  // Rounded to single precision, which is what GGUF keeps.
  Result<double> positive(const char* name) const {
    if (!has(name)) return invalid(fmt::format("config.json has no '{}'", name));
    return positive_number(get(name), name);
  }

  Result<double> positive_or(const char* name, double other) const {
    return has(name) ? positive(name) : Result<double>(other);
  }

  static Result<double> positive_number(const Json& value, const char* name) {
    const double number = value.is_number() ? double{value.get<float>()} : 0;
    if (std::isfinite(number) && number > 0) return number;
    return invalid(fmt::format("config.json: '{}' is {}; it must be a positive number", name,
                               in_quotes(value.dump())));
  }

  [[nodiscard]] std::string text(const char* name) const {
    return has(name) && get(name).is_string() ? get(name).get<std::string>() : std::string();
  }

  [[nodiscard]] bool is_true(const char* name) const {
    return has(name) && get(name).is_boolean() && get(name).get<bool>();
  }

 private:
  Json json_;
};

Result<double> rope_scale(const Config& config) {
  if (!config.has("rope_scaling")) return 1.0;
  const Json& scaling = config.get("rope_scaling");
  std::string type;
  for (const char* key : {"rope_type", "type"}) {
    if (scaling.is_object() && scaling.contains(key) && scaling[key].is_string()) {
      type = scaling[key].get<std::string>();
      break;
    }
  }
  if (type == "default") return 1.0;
  if (type == "linear" && scaling.contains("factor")) {
    return Config::positive_number(scaling["factor"], "rope_scaling.factor");
  }
  return invalid(
      fmt::format("config.json: 'rope_scaling' is of type {}; only 'linear' is "
                  "supported in folders: convert the model to GGUF",
                  in_quotes(type)));
}

Result<void> check_heads(const Config& from, ModelConfig& config) {
  if (config.heads % config.kv_heads != 0) {
    return invalid(
        fmt::format("config.json: 'num_key_value_heads' is {}, which does not divide "
                    "the {} heads",
                    config.kv_heads, config.heads));
  }
  if (!from.has("head_dim") && config.embedding_length % config.heads != 0) {
    return invalid(
        fmt::format("config.json: 'num_attention_heads' is {}, which does not divide "
                    "the width {}",
                    config.heads, config.embedding_length));
  }
  IMO_TRY(config.head_dimension,
          from.size_or("head_dim", kWidestModel, config.embedding_length / config.heads));
  config.rope_dimensions = config.head_dimension;
  if (config.head_dimension % 2 != 0 ||
      std::uint64_t{config.heads} * config.head_dimension > kWidestModel) {
    return invalid(
        fmt::format("config.json: {} heads of {} cannot be turned in pairs, or are too "
                    "wide",
                    config.heads, config.head_dimension));
  }
  return {};
}

Result<ModelConfig> read_config(const Config& from) {
  ModelConfig config;
  const std::string type = from.text("model_type");
  if (type != "llama" && type != "qwen2") {
    return invalid(fmt::format("config.json: 'model_type' {} is not supported; llama and qwen2 are",
                               in_quotes(type)));
  }
  const bool is_llama = type == "llama";
  config.architecture = is_llama ? Architecture::kLlama : Architecture::kQwen2;
  config.rope_pairing = is_llama ? RopePairing::kInterleaved : RopePairing::kHalfSplit;
  if (const std::string act = from.text("hidden_act"); act != "silu") {
    return invalid(
        fmt::format("config.json: 'hidden_act' is {}; only silu is supported", in_quotes(act)));
  }
  if (from.is_true("use_sliding_window")) {
    return invalid("config.json: 'use_sliding_window' is not supported");
  }
  IMO_TRY(config.context_length, from.size("max_position_embeddings", kMostModelTokens));
  IMO_TRY(config.embedding_length, from.size("hidden_size", kWidestModel));
  IMO_TRY(config.feed_forward_length, from.size("intermediate_size", kWidestModel));
  IMO_TRY(config.layers, from.size("num_hidden_layers", kMostModelLayers));
  IMO_TRY(config.heads, from.size("num_attention_heads", kWidestModel));
  IMO_TRY(config.kv_heads, from.size_or("num_key_value_heads", kWidestModel, config.heads));
  IMO_TRY_VOID(check_heads(from, config));
  IMO_TRY(config.norm_epsilon, from.positive("rms_norm_eps"));
  IMO_TRY(config.rope_base, from.positive_or("rope_theta", 10000.0));
  IMO_TRY(config.rope_scale, rope_scale(from));
  IMO_TRY(config.vocabulary_size, from.size("vocab_size", kMostModelTokens));
  config.tied_output = from.is_true("tie_word_embeddings");
  return config;
}

/// Finds tensors in the shards, checks their shapes, and remembers which were used.
class Tensors {
 public:
  explicit Tensors(Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

  [[nodiscard]] bool has(const std::string& name) const { return shard_of(name) != nullptr; }

  Result<const SourceTensor*> matrix(const std::string& name, std::uint64_t rows,
                                     std::uint64_t columns, std::uint32_t turned_heads = 0) {
    IMO_TRY(SourceTensor tensor, find(name));
    if (tensor.rank != 2 || tensor.rows() != rows || tensor.columns() != columns) {
      return invalid(fmt::format("tensor '{}' is {} x {}, but config.json says {} x {}", name,
                                 tensor.rows(), tensor.columns(), rows, columns));
    }
    tensor.turned_heads = turned_heads;
    return keep(tensor);
  }

  Result<const SourceTensor*> vector(const std::string& name, std::uint64_t length) {
    IMO_TRY(SourceTensor tensor, find(name));
    if (tensor.rank != 1 || tensor.columns() != length) {
      return invalid(
          fmt::format("tensor '{}' has {} elements in {} dimensions, but config.json "
                      "says {} in one",
                      name, tensor.rows() * tensor.columns(), tensor.rank, length));
    }
    return keep(tensor);
  }

  /// One number a row, in the order of the matrix's rows; null when there is none.
  Result<const SourceTensor*> bias(const std::string& name, std::uint64_t length,
                                   std::uint32_t turned_heads = 0) {
    if (!has(name)) return static_cast<const SourceTensor*>(nullptr);
    IMO_TRY_VOID(vector(name, length));
    SourceTensor& kept = checkpoint_.used.back();
    kept.dimensions = {1, length, 1, 1};
    kept.rank = 2;
    kept.turned_heads = turned_heads;
    return &kept;
  }

  /// An extra tensor would mean that the model computes something this program does not. Old
  /// checkpoints carry the angles of the rotation, which config.json says.
  Result<void> check_nothing_left() const {
    for (const SafetensorsFile& shard : checkpoint_.shards) {
      for (const std::string_view name : shard.names()) {
        if (used_.contains(std::string(name)) || name.ends_with(".rotary_emb.inv_freq")) continue;
        return invalid(
            fmt::format("tensor {} has no part in this architecture; the model is of "
                        "another kind",
                        in_quotes(name)));
      }
    }
    return {};
  }

 private:
  [[nodiscard]] const SafetensorsFile* shard_of(const std::string& name) const {
    const auto found = std::find_if(checkpoint_.shards.begin(), checkpoint_.shards.end(),
                                    [&](const SafetensorsFile& s) { return s.has(name); });
    return found == checkpoint_.shards.end() ? nullptr : &*found;
  }

  Result<SourceTensor> find(const std::string& name) {
    const SafetensorsFile* shard = shard_of(name);
    if (shard == nullptr) return invalid(fmt::format("tensor '{}' is missing", name));
    used_.insert(name);
    return shard->tensor(name);
  }

  const SourceTensor* keep(const SourceTensor& tensor) {
    checkpoint_.used.push_back(tensor);
    return &checkpoint_.used.back();
  }

  Checkpoint& checkpoint_;
  std::set<std::string> used_;
};

Result<LayerTensors> read_layer(Tensors& tensors, const ModelConfig& config, std::uint32_t index) {
  const auto name = [&](std::string_view part) {
    return fmt::format("model.layers.{}.{}", index, part);
  };
  const bool turned = config.rope_pairing == RopePairing::kInterleaved;
  const std::uint32_t q_heads = turned ? config.heads : 0;
  const std::uint32_t kv_heads = turned ? config.kv_heads : 0;
  const std::uint32_t width = config.embedding_length;
  const std::uint32_t hidden = config.feed_forward_length;
  const std::uint32_t q = config.query_length();
  const std::uint32_t kv = config.kv_length();
  LayerTensors layer;
  IMO_TRY(layer.attention_norm, tensors.vector(name("input_layernorm.weight"), width));
  IMO_TRY(layer.query, tensors.matrix(name("self_attn.q_proj.weight"), q, width, q_heads));
  IMO_TRY(layer.key, tensors.matrix(name("self_attn.k_proj.weight"), kv, width, kv_heads));
  IMO_TRY(layer.value, tensors.matrix(name("self_attn.v_proj.weight"), kv, width));
  IMO_TRY(layer.query_bias, tensors.bias(name("self_attn.q_proj.bias"), q, q_heads));
  IMO_TRY(layer.key_bias, tensors.bias(name("self_attn.k_proj.bias"), kv, kv_heads));
  IMO_TRY(layer.value_bias, tensors.bias(name("self_attn.v_proj.bias"), kv));
  IMO_TRY(layer.attention_output, tensors.matrix(name("self_attn.o_proj.weight"), width, q));
  IMO_TRY(layer.feed_forward_norm, tensors.vector(name("post_attention_layernorm.weight"), width));
  IMO_TRY(layer.gate, tensors.matrix(name("mlp.gate_proj.weight"), hidden, width));
  IMO_TRY(layer.up, tensors.matrix(name("mlp.up_proj.weight"), hidden, width));
  IMO_TRY(layer.down, tensors.matrix(name("mlp.down_proj.weight"), width, hidden));
  return layer;
}

Result<void> read_tensors(Checkpoint& checkpoint) {
  Tensors tensors(checkpoint);
  const ModelConfig& config = checkpoint.config;
  const std::uint32_t width = config.embedding_length;
  ModelTensors& to = checkpoint.tensors;
  IMO_TRY(to.embedding, tensors.matrix("model.embed_tokens.weight", config.vocabulary_size, width));
  IMO_TRY(to.output_norm, tensors.vector("model.norm.weight", width));
  to.output = to.embedding;
  if (!config.tied_output) {
    IMO_TRY(to.output, tensors.matrix("lm_head.weight", config.vocabulary_size, width));
  }
  for (std::uint32_t i = 0; i < config.layers; ++i) {
    IMO_TRY(LayerTensors layer, read_layer(tensors, config, i));
    to.layers.push_back(layer);
  }
  return tensors.check_nothing_left();
}

/// A name that stays inside the folder.
bool is_plain_name(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  return !name.empty() && name.size() < 256 && name.front() != '.' &&
         name.ends_with(".safetensors") && std::all_of(name.begin(), name.end(), plain);
}

class Folder {
 public:
  Folder(fs::path path, Checkpoint& checkpoint) : path_(std::move(path)), checkpoint_(checkpoint) {}

  [[nodiscard]] bool has(const char* name) const { return fs::exists(path_ / name); }

  Result<std::string> text(const char* name) {
    IMO_TRY(std::string text, read_text_file(path_ / name, kLongestText));
    checkpoint_.text_hashes.push_back(crypto::keccak256(as_bytes(text)));
    return text;
  }
  Result<std::string> text_or_empty(const char* name) {
    return has(name) ? text(name) : Result<std::string>(std::string());
  }

  Result<void> open_shards() {
    if (!has(kIndex)) return open_shard(kWhole);
    IMO_TRY(const auto places, read_index());
    std::set<std::string> files;
    for (const auto& [tensor, file] : places) files.insert(file);
    if (files.size() > kMostShards) {
      return invalid(
          fmt::format("{} names {} files; at most {} are read", kIndex, files.size(), kMostShards));
    }
    for (const std::string& file : files) {
      IMO_TRY_VOID(open_shard(file));
      IMO_TRY_VOID(check_shard(file, places));
    }
    for (const auto& [tensor, file] : places) {
      const bool found = std::any_of(checkpoint_.shards.begin(), checkpoint_.shards.end(),
                                     [&](const SafetensorsFile& s) { return s.has(tensor); });
      if (!found) {
        return invalid(fmt::format("{} says that tensor {} is in {}, but it is not", kIndex,
                                   in_quotes(tensor), file));
      }
    }
    return {};
  }

 private:
  using Places = std::map<std::string, std::string>;

  Result<Places> read_index() {
    IMO_TRY(const std::string index, text(kIndex));
    const Json json = Json::parse(index, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object()) {
      return invalid(fmt::format("{} has no weight_map", kIndex));
    }
    Places places;
    for (const auto& [tensor, file] : json["weight_map"].items()) {
      if (!file.is_string() || !is_plain_name(file.get<std::string>())) {
        return invalid(fmt::format("{}: {} is no name of a file in the folder", kIndex,
                                   in_quotes(file.dump())));
      }
      places.emplace(tensor, file.get<std::string>());
    }
    if (places.empty()) return invalid(fmt::format("{} names no tensor", kIndex));
    return places;
  }

  Result<void> open_shard(const std::string& file) {
    IMO_TRY(SafetensorsFile shard, SafetensorsFile::open(path_ / file));
    checkpoint_.shards.push_back(std::move(shard));
    return {};
  }

  // Each tensor is where the index says, and so nowhere else.
  Result<void> check_shard(const std::string& file, const Places& places) const {
    for (const std::string_view name : checkpoint_.shards.back().names()) {
      const auto place = places.find(std::string(name));
      if (place != places.end() && place->second == file) continue;
      return invalid(
          fmt::format("{} holds tensor {}, but {} says otherwise", file, in_quotes(name), kIndex));
    }
    return {};
  }

  fs::path path_;
  Checkpoint& checkpoint_;
};

Result<Checkpoint> read_checkpoint(const fs::path& path) {
  Checkpoint checkpoint;
  checkpoint.name = fs::absolute(path / "x").parent_path().filename().string();
  Folder folder(path, checkpoint);
  TokenizerFiles files;
  IMO_TRY(files.model, folder.text("config.json"));
  Json json = Json::parse(files.model, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return invalid("config.json is not a JSON object");
  IMO_TRY(checkpoint.config, read_config(Config(std::move(json))));
  IMO_TRY_VOID(folder.open_shards());
  IMO_TRY_VOID(read_tensors(checkpoint));
  IMO_TRY(files.tokenizer, folder.text("tokenizer.json"));
  IMO_TRY(files.config, folder.text_or_empty("tokenizer_config.json"));
  IMO_TRY(files.scores, folder.text_or_empty("tokenizer.model"));
  IMO_TRY(checkpoint.vocabulary, read_tokenizer_json(files, checkpoint.config.vocabulary_size));
  return checkpoint;
}

}  // namespace

Result<Checkpoint> Checkpoint::open(const fs::path& folder) {
  auto checkpoint = read_checkpoint(folder);
  if (!checkpoint) return tl::unexpected(checkpoint.error().within(folder.string()));
  return checkpoint;
}

}  // namespace imo::model
