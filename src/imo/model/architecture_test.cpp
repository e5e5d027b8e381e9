#include "imo/model/architecture.hpp"

#include "imo/model/test_support.hpp"

#include <cstring>
#include <functional>
#include <limits>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::model {
namespace {

using ::testing::HasSubstr;
using testing::TinyShape;

std::string error_of(const GgufWriter& writer) {
  const Bytes bytes = writer.finish();
  const auto source = GgufFile::parse(bytes).and_then(ModelSource::from_gguf);
  return source ? "no error" : source.error().message;
}

/// The error of a tiny model whose metadata is of `told` and whose tensors are of `kept`.
std::string error_of(const TinyShape& told, const TinyShape& kept) {
  GgufWriter writer;
  testing::add_tiny_config(writer, told);
  testing::add_tiny_tensors(writer, kept);
  return error_of(writer);
}

TEST(Architecture, ReadsStories260K) {
  const auto path = testing::shared_file("models/stories260K/stories260K-f32.gguf");
  IMO_NEED_SHARED(path);
  const auto source = ModelSource::open(path);
  ASSERT_TRUE(source.has_value()) << source.error().message;
  const ModelConfig& config = source->config();
  EXPECT_EQ(config.embedding_length, 64U);
  EXPECT_EQ(config.feed_forward_length, 172U);
  EXPECT_EQ(config.layers, 5U);
  EXPECT_EQ(config.heads, 8U);
  EXPECT_EQ(config.kv_heads, 4U);
  EXPECT_EQ(config.head_dimension, 8U);
  EXPECT_EQ(config.vocabulary_size, 512U);
  EXPECT_FALSE(config.tied_output);
  EXPECT_EQ(config.rope_pairing, RopePairing::kInterleaved);
  EXPECT_EQ(source->tensors().layers.size(), 5U);
}

TEST(Architecture, ReadsQwen2WithBiases) {
  TinyShape shape;
  shape.architecture = "qwen2";
  shape.biases = true;
  shape.tied = false;
  const Bytes bytes = testing::tiny_model(shape);
  const auto source = GgufFile::parse(bytes).and_then(ModelSource::from_gguf);
  ASSERT_TRUE(source.has_value()) << source.error().message;
  EXPECT_EQ(source->config().rope_pairing, RopePairing::kHalfSplit);
  EXPECT_NE(source->tensors().layers[1].value_bias, nullptr);
  EXPECT_NE(source->tensors().output, source->tensors().embedding);
}

TEST(Architecture, ReadsGpt2) {
  const TinyShape shape{.architecture = "gpt2", .heads = 4, .kv_heads = 4};
  const Bytes bytes = testing::tiny_model(shape);
  const auto source = GgufFile::parse(bytes).and_then(ModelSource::from_gguf);
  ASSERT_TRUE(source.has_value()) << source.error().message;
  EXPECT_EQ(source->config().rope_dimensions, 0U);
  const LayerTensors& layer = source->tensors().layers[1];
  EXPECT_EQ(layer.gate, nullptr);
  // One tensor holds queries, keys and values.
  EXPECT_EQ(layer.key->bytes.data(), layer.query->bytes.data() + layer.query->bytes.size());
  EXPECT_EQ(layer.value->rows(), 16U);
  EXPECT_EQ(layer.value->offset, layer.query->offset + 2 * layer.query->bytes.size());
  EXPECT_EQ(layer.value_bias->columns(), 16U);
  EXPECT_EQ(layer.value_bias->bytes.data(), layer.query_bias->bytes.data() + 2 * 16 * 4);

  for (const char* missing : {"position_embd.weight", "output_norm.bias", "blk.0.attn_norm.bias",
                              "blk.0.attn_qkv.bias", "blk.1.ffn_up.bias"}) {
    GgufWriter writer;
    testing::add_tiny_config(writer, shape);
    testing::add_tiny_tensors(writer, shape, [&](const std::string& n) { return n == missing; });
    EXPECT_EQ(error_of(writer), fmt::format("tensor '{}' is missing", missing));
  }
  TinyShape told = shape;
  told.context = 33;
  EXPECT_THAT(error_of(told, shape), HasSubstr("'position_embd.weight' is 16 x 32"));
  told = shape;
  told.kv_heads = 2;
  EXPECT_THAT(error_of(told, shape), HasSubstr("gpt2 has one of keys for each"));
}

TEST(Architecture, OthersAreRefusedByName) {
  TinyShape shape;
  shape.architecture = "gemma";
  EXPECT_EQ(error_of(shape, shape),
            "architecture \"gemma\" is not supported; llama, qwen2 and gpt2 are");
}

TEST(Architecture, VocabularyOnlyFilesSaySo) {
  GgufWriter writer;
  testing::add_tiny_config(writer, {});
  EXPECT_THAT(error_of(writer), HasSubstr("it is a vocabulary only"));
}

TEST(Architecture, ShapesMustAgreeWithTheMetadata) {
  TinyShape told;
  told.hidden = 32;
  EXPECT_EQ(error_of(told, {}),
            "tensor 'blk.0.ffn_gate.weight' is 16 x 24, but the metadata says 16 x 32");
  told = {};
  told.layers = 3;
  EXPECT_EQ(error_of(told, {}), "tensor 'blk.2.attn_norm.weight' is missing");
  told.layers = 1;
  EXPECT_THAT(error_of(told, {}), HasSubstr("has no part in this architecture"));
  told = {};
  told.kv_heads = 3;
  EXPECT_THAT(error_of(told, {}), HasSubstr("does not divide the 4 heads"));
  told = {};
  told.heads = 3;
  told.kv_heads = 1;
  EXPECT_THAT(error_of(told, {}), HasSubstr("does not divide the width 16"));
  told = {};
  told.context = 0;
  EXPECT_THAT(error_of(told, {}), HasSubstr("'llama.context_length' is 0"));
}

TEST(Architecture, VocabularyMustHaveAsManyTokensAsTheEmbedding) {
  TinyShape shape;
  shape.vocabulary = 300;
  const Bytes bytes = testing::tiny_model(shape);
  const auto source = GgufFile::parse(bytes).and_then(ModelSource::from_gguf);
  ASSERT_FALSE(source.has_value());
  EXPECT_THAT(source.error().message, HasSubstr("has 300 rows, but the vocabulary 265 tokens"));
}

TEST(Architecture, MetadataOutOfRange) {
  const auto with = [](const std::function<void(GgufWriter&)>& add) {
    GgufWriter writer;
    testing::add_tiny_config(writer, {});
    add(writer);
    testing::add_tiny_tensors(writer, {});
    return error_of(writer);
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(with([](GgufWriter&) {}), "no error");
  EXPECT_THAT(with([&](GgufWriter& w) { w.add_float32("llama.rope.freq_base", nan); }),
              HasSubstr("'llama.rope.freq_base' is nan"));
  EXPECT_THAT(with([](GgufWriter& w) { w.add_uint32("llama.rope.dimension_count", 3); }),
              HasSubstr("must be even"));
  EXPECT_THAT(with([](GgufWriter& w) { w.add_uint32("llama.rope.dimension_count", 6); }),
              HasSubstr("at most the head's 4"));
  EXPECT_THAT(with([](GgufWriter& w) { w.add_string("llama.rope.scaling.type", "yarn"); }),
              HasSubstr("\"yarn\""));
  EXPECT_THAT(with([](GgufWriter& w) { w.add_uint32("llama.expert_count", 8); }),
              HasSubstr("mixtures of experts"));
  EXPECT_THAT(with([](GgufWriter& w) { w.add_uint32("llama.attention.value_length", 8); }),
              HasSubstr("they must be equal"));
}

TEST(Architecture, MissingTensorsAreNamed) {
  for (const char* name : {"token_embd.weight", "output_norm.weight", "blk.1.attn_k.weight"}) {
    GgufWriter writer;
    testing::add_tiny_config(writer, {});
    testing::add_tiny_tensors(writer, {}, [&](const std::string& each) { return each == name; });
    EXPECT_EQ(error_of(writer), fmt::format("tensor '{}' is missing", name));
  }
}

TEST(Architecture, NanAndInfinityNameTensorElementAndOffset) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    Bytes bytes = testing::tiny_model();
    const auto file = GgufFile::parse(bytes);
    ASSERT_TRUE(file.has_value());
    const SourceTensor* tensor = file->find_tensor("blk.1.ffn_up.weight");
    ASSERT_NE(tensor, nullptr);
    const std::uint64_t at = tensor->offset + 4 * (16 * 5 + 3);
    std::memcpy(bytes.data() + at, &bad, 4);
    const auto values = read_tensor(*tensor);
    ASSERT_FALSE(values.has_value());
    EXPECT_EQ(
        values.error().message,
        fmt::format("tensor 'blk.1.ffn_up.weight' row 5 column 3 is {} (offset {}); the model "
                    "is damaged",
                    bad < 0 ? "infinite" : "NaN", at));
  }
}

TEST(Architecture, SourcesSurviveMoves) {
  const Bytes bytes = testing::tiny_model();
  auto source = GgufFile::parse(bytes).and_then(ModelSource::from_gguf);
  ASSERT_TRUE(source.has_value());
  const SourceTensor* embedding = source->tensors().embedding;
  const ModelSource moved = std::move(*source);
  EXPECT_EQ(moved.tensors().embedding, embedding);
  EXPECT_EQ(embedding->name, "token_embd.weight");
}

TEST(Architecture, RopeAngles) {
  ModelConfig config;
  config.rope_dimensions = 8;
  EXPECT_DOUBLE_EQ(rope_angle(config, 0, {}), 1.0);
  EXPECT_DOUBLE_EQ(rope_angle(config, 2, {}), 0.01);
  config.rope_scale = 4;
  const std::vector<float> divisors = {1, 1, 2, 1};
  EXPECT_DOUBLE_EQ(rope_angle(config, 2, divisors), 0.01 / 8);
}

}  // namespace
}  // namespace imo::model
