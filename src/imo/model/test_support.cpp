#include "imo/model/test_support.hpp"

#include "imo/base/file.hpp"

#include <cstdlib>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace imo::model::testing {

std::filesystem::path shared_file(const std::string& relative) {
  const char* set = std::getenv("IMO_SHARED_DATA");
  return std::filesystem::path(set != nullptr ? set : IMO_SHARED_DATA) / relative;
}

std::string read_text(const std::filesystem::path& path) {
  auto text = read_text_file(path, std::size_t{1} << 24);
  EXPECT_TRUE(text.has_value()) << (text ? "" : text.error().message);
  return text.value_or("");
}

void add_tiny_vocabulary(GgufWriter& writer) {
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
  std::vector<std::int32_t> types = {2, 3, 3};
  std::vector<float> scores(3 + 256, 0.0F);
  for (int byte = 0; byte < 256; ++byte) {
    tokens.push_back(fmt::format("<0x{:02X}>", byte));
    types.push_back(6);
  }
  float score = 0;
  for (const char* text : {"\u2581", "a", "b", "\u2581a", "ab", "aba"}) {
    tokens.emplace_back(text);
    types.push_back(1);
    scores.push_back(--score);
  }
  writer.add_string("tokenizer.ggml.model", "llama");
  writer.add_strings("tokenizer.ggml.tokens", tokens);
  writer.add_floats("tokenizer.ggml.scores", scores);
  writer.add_int32s("tokenizer.ggml.token_type", types);
  writer.add_uint32("tokenizer.ggml.unknown_token_id", 0);
  writer.add_uint32("tokenizer.ggml.bos_token_id", 1);
  writer.add_uint32("tokenizer.ggml.eos_token_id", 2);
}

void add_tiny_config(GgufWriter& writer, const TinyShape& shape) {
  const auto key = [&](const char* name) { return shape.architecture + "." + name; };
  writer.add_string("general.architecture", shape.architecture);
  writer.add_uint32(key("context_length"), shape.context);
  writer.add_uint32(key("embedding_length"), shape.width);
  writer.add_uint32(key("feed_forward_length"), shape.hidden);
  writer.add_uint32(key("block_count"), shape.layers);
  writer.add_uint32(key("attention.head_count"), shape.heads);
  writer.add_uint32(key("attention.head_count_kv"), shape.kv_heads);
  const bool is_gpt2 = shape.architecture == "gpt2";
  writer.add_float32(
      key(is_gpt2 ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon"), 1e-5F);
}

void for_each_tiny_tensor(
    const TinyShape& shape,
    const std::function<void(const std::string& name, const std::vector<std::uint64_t>& dimensions,
                             const std::vector<float>& values)>& each) {
  std::mt19937 random(shape.seed);
  std::normal_distribution<float> normal;
  const auto add = [&](const std::string& name, std::vector<std::uint64_t> dimensions) {
    std::uint64_t count = 1;
    for (const std::uint64_t dimension : dimensions) count *= dimension;
    std::vector<float> values(count);
    const bool is_norm = name.find("norm.weight") != std::string::npos;
    for (float& value : values) value = is_norm ? 1.0F + 0.1F * normal(random) : normal(random);
    each(name, dimensions, values);
  };
  const std::uint64_t width = shape.width;
  const std::uint64_t kv = width / shape.heads * shape.kv_heads;
  const std::uint64_t tokens = shape.vocabulary != 0 ? shape.vocabulary : kTinyVocabulary;
  add("token_embd.weight", {width, tokens});
  add("output_norm.weight", {width});
  if (!shape.tied) add("output.weight", {width, tokens});
  const bool is_gpt2 = shape.architecture == "gpt2";
  if (is_gpt2) {
    add("output_norm.bias", {width});
    add("position_embd.weight", {width, shape.context});
  }
  for (std::uint32_t i = 0; i < shape.layers; ++i) {
    const auto name = [i](const char* part) { return fmt::format("blk.{}.{}", i, part); };
    if (is_gpt2) {
      for (const char* norm : {"attn_norm", "ffn_norm"}) {
        add(name(norm) + ".weight", {width});
        add(name(norm) + ".bias", {width});
      }
      add(name("attn_qkv.weight"), {width, 3 * width});
      add(name("attn_qkv.bias"), {3 * width});
      add(name("attn_output.weight"), {width, width});
      add(name("attn_output.bias"), {width});
      add(name("ffn_up.weight"), {width, shape.hidden});
      add(name("ffn_up.bias"), {shape.hidden});
      add(name("ffn_down.weight"), {shape.hidden, width});
      add(name("ffn_down.bias"), {width});
      continue;
    }
    add(name("attn_norm.weight"), {width});
    add(name("attn_q.weight"), {width, width});
    add(name("attn_k.weight"), {width, kv});
    add(name("attn_v.weight"), {width, kv});
    if (shape.biases) {
      add(name("attn_q.bias"), {width});
      add(name("attn_k.bias"), {kv});
      add(name("attn_v.bias"), {kv});
    }
    add(name("attn_output.weight"), {width, width});
    add(name("ffn_norm.weight"), {width});
    add(name("ffn_gate.weight"), {width, shape.hidden});
    add(name("ffn_up.weight"), {width, shape.hidden});
    add(name("ffn_down.weight"), {shape.hidden, width});
  }
}

void add_tiny_tensors(GgufWriter& writer, const TinyShape& shape,
                      const std::function<bool(const std::string&)>& skip) {
  for_each_tiny_tensor(shape, [&](const std::string& name, const auto& dimensions,
                                  const std::vector<float>& values) {
    if (!skip || !skip(name)) writer.add_tensor_f32(name, dimensions, values);
  });
}

Bytes random_blocks(TensorType type, std::size_t count, std::mt19937& random) {
  const bool is_plain = type == TensorType::kQ4_0;
  const std::size_t size = is_plain ? 18 : 144;
  Bytes blocks(count * size);
  for (std::uint8_t& byte : blocks) byte = static_cast<std::uint8_t>(random());
  const auto set_exponent = [&](std::size_t at, std::uint32_t exponent, bool keeps_sign) {
    std::uint8_t& high = blocks[at + 1];
    high = static_cast<std::uint8_t>((high & (keeps_sign ? 0x83U : 0x03U)) | exponent << 2U);
  };
  for (std::size_t i = 0; i < count; ++i) {
    set_exponent(i * size, is_plain ? 12 : 7, is_plain);  // from 2^-3 on; of 63 steps, from 2^-8
    if (!is_plain) set_exponent(i * size + 2, 9, false);
  }
  return blocks;
}

Bytes tiny_model_of_blocks(const TinyShape& shape, TensorType type) {
  GgufWriter writer;
  add_tiny_config(writer, shape);
  add_tiny_vocabulary(writer);
  std::mt19937 random(shape.seed);
  for_each_tiny_tensor(shape, [&](const std::string& name, const auto& dimensions,
                                  const std::vector<float>& values) {
    if (dimensions.size() == 1 || name == "token_embd.weight") {
      return writer.add_tensor_f32(name, dimensions, values);
    }
    const std::size_t in_block = type == TensorType::kQ4_0 ? 32 : 256;
    writer.add_tensor(name, type, dimensions,
                      random_blocks(type, values.size() / in_block, random));
  });
  return writer.finish();
}

Bytes tiny_model(const TinyShape& shape) {
  GgufWriter writer;
  add_tiny_config(writer, shape);
  add_tiny_vocabulary(writer);
  add_tiny_tensors(writer, shape);
  return writer.finish();
}

}  // namespace imo::model::testing
