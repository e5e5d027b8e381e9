#include "imo/model/checkpoint.hpp"

#include "imo/base/file.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/model/checkpoint_parts.hpp"
#include "imo/model/tokenizer_json.hpp"
#include "imo/model/utf8.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace imo::model {
namespace {

namespace fs = std::filesystem;
using Config = CheckpointConfig;
using Json = nlohmann::json;
using Tensors = CheckpointTensors;

constexpr std::size_t kLongestText = std::size_t{256} << 20;
constexpr std::size_t kMostShards = 1000;
constexpr const char* kWhole = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

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
  if (type == "gpt2") return read_gpt2_config(from);
  if (type != "llama" && type != "qwen2") {
    return invalid(
        fmt::format("config.json: 'model_type' {} is not supported; llama, qwen2 and gpt2 are",
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
  if (config.architecture == Architecture::kGpt2) return read_gpt2_tensors(tensors, checkpoint);
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
  // Old checkpoints carry the angles of the rotation, which config.json says.
  return tensors.check_nothing_left({".rotary_emb.inv_freq"});
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
