#include "imo/model/checkpoint_test_support.hpp"

#include "imo/base/check.hpp"
#include "imo/base/file.hpp"

#include <bit>
#include <cstring>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace imo::model::testing {
namespace {

using nlohmann::json;

Bytes float_bytes(const std::vector<float>& values) {
  Bytes bytes(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

void replace(std::string& name, const std::string& from, const std::string& to) {
  if (const auto at = name.find(from); at != std::string::npos) name.replace(at, from.size(), to);
}

std::string checkpoint_name(std::string name) {
  if (name == "token_embd.weight") return "model.embed_tokens.weight";
  if (name == "output_norm.weight") return "model.norm.weight";
  if (name == "output.weight") return "lm_head.weight";
  replace(name, "blk.", "model.layers.");
  replace(name, "attn_norm", "input_layernorm");
  replace(name, "ffn_norm", "post_attention_layernorm");
  replace(name, "attn_output", "self_attn.o_proj");
  for (const std::string part : {"q", "k", "v"}) {
    replace(name, "attn_" + part + ".", "self_attn." + part + "_proj.");
  }
  for (const std::string part : {"gate", "up", "down"}) {
    replace(name, "ffn_" + part, "mlp." + part + "_proj");
  }
  return name;
}

std::string gpt2_name(std::string name) {
  if (name == "token_embd.weight") return "wte.weight";
  if (name == "position_embd.weight") return "wpe.weight";
  if (name == "output.weight") return "lm_head.weight";
  const std::pair<const char*, const char*> parts[] = {
      {"blk.", "h."},         {"output_norm", "ln_f"},     {"attn_norm", "ln_1"},
      {"ffn_norm", "ln_2"},   {"attn_qkv", "attn.c_attn"}, {"attn_output", "attn.c_proj"},
      {"ffn_up", "mlp.c_fc"}, {"ffn_down", "mlp.c_proj"}};
  for (const auto& [from, to] : parts) replace(name, from, to);
  return name;
}

// Columns become rows.
std::vector<float> turned_over(const std::vector<float>& values, std::size_t width) {
  std::vector<float> result(values.size());
  const std::size_t rows = values.size() / width;
  for (std::size_t i = 0; i < values.size(); ++i) result[i % width * rows + i / width] = values[i];
  return result;
}

std::vector<SafeTensor> gpt2_tensors(const TinyShape& shape) {
  std::vector<SafeTensor> tensors;
  for_each_tiny_tensor(shape, [&](const std::string& name, const auto& dimensions,
                                  const std::vector<float>& values) {
    const bool turned = name.starts_with("blk.") && dimensions.size() == 2;
    SafeTensor tensor{gpt2_name(name), {dimensions.rbegin(), dimensions.rend()}, {}};
    if (turned) std::swap(tensor.shape[0], tensor.shape[1]);
    tensor.bytes = float_bytes(turned ? turned_over(values, dimensions[0]) : values);
    tensors.push_back(std::move(tensor));
  });
  for (std::uint32_t i = 0; i < shape.layers; ++i) {
    tensors.push_back({fmt::format("h.{}.attn.bias", i), {1, 1, 1, 1}, Bytes(4)});
  }
  return tensors;
}

// From GGUF's order of rows, pair by pair, to first elements and then second ones.
std::vector<float> unturned(const std::vector<float>& values, std::size_t head, std::size_t width) {
  std::vector<float> result(values.size());
  for (std::size_t row = 0; row < values.size() / width; ++row) {
    const std::size_t within = row % head;
    const std::size_t to = row - within + (within % 2) * (head / 2) + within / 2;
    std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(row * width), width,
                result.begin() + static_cast<std::ptrdiff_t>(to * width));
  }
  return result;
}

}  // namespace

Bytes safetensors_bytes(const std::string& header, BytesView data) {
  Bytes bytes(8);
  const std::uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, sizeof length);
  append(bytes, as_bytes(header));
  append(bytes, data);
  return bytes;
}

Bytes safetensors_bytes(const std::vector<SafeTensor>& tensors) {
  json header = json::object();
  header["__metadata__"] = {{"format", "pt"}};
  Bytes data;
  for (const SafeTensor& tensor : tensors) {
    header[tensor.name] = {{"dtype", tensor.dtype},
                           {"shape", tensor.shape},
                           {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
    append(data, tensor.bytes);
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return safetensors_bytes(text, data);
}

std::vector<SafeTensor> checkpoint_tensors(const TinyShape& shape) {
  if (shape.architecture == "gpt2") return gpt2_tensors(shape);
  std::vector<SafeTensor> tensors;
  for_each_tiny_tensor(shape, [&](const std::string& name, const auto& dimensions,
                                  const std::vector<float>& values) {
    const bool turned =
        shape.architecture == "llama" &&
        (name.find("attn_q.") != std::string::npos || name.find("attn_k.") != std::string::npos);
    const std::size_t width = name.ends_with(".bias") ? 1 : shape.width;
    const auto written = turned ? unturned(values, shape.width / shape.heads, width) : values;
    tensors.push_back(
        {checkpoint_name(name), {dimensions.rbegin(), dimensions.rend()}, float_bytes(written)});
  });
  return tensors;
}

json checkpoint_config(const TinyShape& shape) {
  if (shape.architecture == "gpt2") {
    return {{"model_type", "gpt2"},
            {"n_embd", shape.width},
            {"n_inner", shape.hidden},
            {"n_layer", shape.layers},
            {"n_head", shape.heads},
            {"n_positions", shape.context},
            {"vocab_size", shape.vocabulary != 0 ? shape.vocabulary : kTinyVocabulary},
            {"layer_norm_epsilon", 1e-5},
            {"activation_function", "gelu_new"},
            {"bos_token_id", 1},
            {"eos_token_id", 2}};
  }
  return {{"model_type", shape.architecture},
          {"hidden_size", shape.width},
          {"intermediate_size", shape.hidden},
          {"num_hidden_layers", shape.layers},
          {"num_attention_heads", shape.heads},
          {"num_key_value_heads", shape.kv_heads},
          {"max_position_embeddings", shape.context},
          {"vocab_size", shape.vocabulary != 0 ? shape.vocabulary : kTinyVocabulary},
          {"rms_norm_eps", 1e-5},
          {"hidden_act", "silu"},
          {"tie_word_embeddings", shape.tied},
          {"bos_token_id", 1},
          {"eos_token_id", 2}};
}

json checkpoint_tokenizer(const TinyShape& /*shape*/) {
  json vocab = {{"<unk>", 0}, {"<s>", 1}, {"</s>", 2}};
  for (int byte = 0; byte < 256; ++byte) vocab[fmt::format("<0x{:02X}>", byte)] = 3 + byte;
  int id = 3 + 256;
  for (const char* piece : {"\u2581", "a", "b", "\u2581a", "ab", "aba"}) vocab[piece] = id++;
  json added = json::array();
  for (const char* name : {"<unk>", "<s>", "</s>"}) {
    added.push_back({{"id", vocab[name]}, {"content", name}, {"special", true}});
  }
  return {{"added_tokens", added},
          {"normalizer",
           {{"type", "Sequence"},
            {"normalizers",
             {{{"type", "Prepend"}, {"prepend", "\u2581"}},
              {{"type", "Replace"}, {"content", "\u2581"}}}}}},
          {"model",
           {{"type", "BPE"},
            {"unk_token", "<unk>"},
            {"byte_fallback", true},
            {"vocab", vocab},
            {"merges", {"\u2581 a", "a b", "ab a"}}}}};
}

Bytes sentence_piece_model(const std::vector<std::pair<std::string, float>>& pieces) {
  Bytes file;
  for (const auto& [text, score] : pieces) {
    const auto length = static_cast<std::uint8_t>(text.size());
    IMO_CHECK(length + 7U < 128, "a piece whose lengths take one byte");
    file.insert(file.end(), {0x0A, static_cast<std::uint8_t>(length + 7), 0x0A, length});
    file.insert(file.end(), text.begin(), text.end());
    const auto bits = std::bit_cast<std::uint32_t>(score);
    file.push_back(0x15);
    for (unsigned i = 0; i < 32; i += 8) file.push_back(static_cast<std::uint8_t>(bits >> i));
  }
  return file;
}

void write_json(const std::filesystem::path& path, const json& value) {
  ASSERT_TRUE(write_file_atomic(path, as_bytes(value.dump())));
}

void write_checkpoint(const std::filesystem::path& folder, const TinyShape& shape,
                      std::size_t shards) {
  write_json(folder / "config.json", checkpoint_config(shape));
  write_json(folder / "tokenizer.json", checkpoint_tokenizer(shape));
  const auto tensors = checkpoint_tensors(shape);
  if (shards == 1) {
    ASSERT_TRUE(write_file_atomic(folder / "model.safetensors", safetensors_bytes(tensors)));
    return;
  }
  json places = json::object();
  for (std::size_t i = 0; i < shards; ++i) {
    const auto name = fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards);
    std::vector<SafeTensor> here;
    for (std::size_t j = i; j < tensors.size(); j += shards) {
      here.push_back(tensors[j]);
      places[tensors[j].name] = name;
    }
    ASSERT_TRUE(write_file_atomic(folder / name, safetensors_bytes(here)));
  }
  write_json(folder / "model.safetensors.index.json",
             {{"metadata", json::object()}, {"weight_map", places}});
}

}  // namespace imo::model::testing
