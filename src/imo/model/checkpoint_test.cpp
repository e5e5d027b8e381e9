#include "imo/model/checkpoint.hpp"

#include "imo/base/file.hpp"
#include "imo/model/checkpoint_test_support.hpp"
#include "imo/model/program_test_support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::model {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::checkpoint_config;
using ::testing::HasSubstr;
using testing::safetensors_bytes;
using testing::TinyShape;
using testing::write_checkpoint;
using testing::write_json;

class CheckpointTest : public ::testing::Test {
 protected:
  fs::path folder() const { return folder_.path(); }

  std::string error() const {
    const auto source = ModelSource::open(folder());
    return source ? "none" : source.error().message;
  }

  void configure(const std::string& key, const json& value, const TinyShape& shape = {}) const {
    json config = checkpoint_config(shape);
    config[key] = value;
    write_json(folder() / "config.json", config);
  }

 private:
  TemporaryDirectory folder_ = TemporaryDirectory::create().value();
};

CompileOptions quick() {
  CompileOptions options;
  options.calibration_tokens = 40;
  return options;
}

// The point of reading folders as GGUF has the model: the same function, so the same root.
TEST_F(CheckpointTest, HasTheRootOfTheSameModelAsGguf) {
  for (const char* architecture : {"llama", "qwen2"}) {
    for (const bool biases : {false, true}) {
      for (const std::size_t shards : {1U, 3U}) {
        TinyShape shape;
        shape.architecture = architecture;
        shape.biases = biases;
        shape.tied = shards == 1;
        const auto fresh = TemporaryDirectory::create().value();
        write_checkpoint(fresh.path(), shape, shards);
        const auto compiled = compile_file(fresh.path(), quick());
        ASSERT_TRUE(compiled) << compiled.error().message;
        const Compiled expected = testing::tiny_program(shape);
        EXPECT_EQ(compiled->program.vocabulary, expected.program.vocabulary);
        EXPECT_EQ(compiled->root, expected.root) << architecture << biases << shards;
      }
    }
  }
}

TinyShape gpt2_shape() {
  TinyShape shape;
  shape.architecture = "gpt2";
  shape.heads = shape.kv_heads = 4;
  return shape;
}

TEST_F(CheckpointTest, OfGpt2HasTheRootOfTheSameModelAsGguf) {
  for (const bool tied : {false, true}) {
    TinyShape shape = gpt2_shape();
    shape.tied = tied;
    write_checkpoint(folder(), shape);
    const auto compiled = compile_file(folder(), quick());
    ASSERT_TRUE(compiled) << compiled.error().message;
    EXPECT_EQ(compiled->root, testing::tiny_program(shape).root) << tied;
  }
}

TEST_F(CheckpointTest, OfGpt2MayHaveAPrefix) {
  const TinyShape shape = gpt2_shape();
  write_checkpoint(folder(), shape);
  auto tensors = testing::checkpoint_tensors(shape);
  for (testing::SafeTensor& tensor : tensors) {
    if (tensor.name != "lm_head.weight") tensor.name = "transformer." + tensor.name;
  }
  ASSERT_TRUE(write_file_atomic(folder() / "model.safetensors", safetensors_bytes(tensors)));
  EXPECT_EQ(error(), "none");
}

TEST_F(CheckpointTest, OfGpt2IsChecked) {
  const TinyShape shape = gpt2_shape();
  write_checkpoint(folder(), shape);
  for (const auto& [key, value] : std::initializer_list<std::pair<const char*, json>>{
           {"activation_function", "relu"},
           {"n_head", 5},
           {"n_embd", nullptr},
           {"layer_norm_epsilon", 0},
           {"scale_attn_weights", false},
           {"add_cross_attention", true},
           {"scale_attn_by_inverse_layer_idx", true}}) {
    configure(key, value, shape);
    EXPECT_THAT(error(), HasSubstr("config.json")) << key;
  }
  configure("n_inner", 2 * shape.hidden, shape);
  EXPECT_THAT(error(), HasSubstr("'h.0.mlp.c_fc.weight' is"));
  configure("n_inner", shape.hidden, shape);
  auto tensors = testing::checkpoint_tensors(shape);
  const auto at = std::find_if(tensors.begin(), tensors.end(), [](const testing::SafeTensor& t) {
    return t.name == "h.1.mlp.c_proj.weight";
  });
  ASSERT_NE(at, tensors.end());
  const std::size_t second = 4 * shape.width + 8;  // row 1, column 2 of the file
  std::fill_n(at->bytes.begin() + static_cast<std::ptrdiff_t>(second), 4, std::uint8_t{0xFF});
  ASSERT_TRUE(write_file_atomic(folder() / "model.safetensors", safetensors_bytes(tensors)));
  EXPECT_THAT(error(), HasSubstr("tensor 'h.1.mlp.c_proj.weight' row 1 column 2 is NaN"));
}

TEST_F(CheckpointTest, IsNamedAndHashed) {
  write_checkpoint(folder(), {});
  const auto source = ModelSource::open(folder());
  ASSERT_TRUE(source) << source.error().message;
  EXPECT_EQ(source->name().value(), folder().filename().string());
  EXPECT_EQ(source->size(), fs::file_size(folder() / "model.safetensors"));
  const Hash32 before = source->hash();
  EXPECT_EQ(ModelSource::open(folder())->hash(), before);
  json tokenizer = testing::checkpoint_tokenizer({});
  tokenizer["version"] = "1.0";
  write_json(folder() / "tokenizer.json", tokenizer);
  const Hash32 second = ModelSource::open(folder())->hash();
  EXPECT_NE(second, before);
  ASSERT_TRUE(write_file_atomic(folder() / "tokenizer.model",
                                testing::sentence_piece_model({{"<unk>", 0.0F}})));
  EXPECT_NE(ModelSource::open(folder())->hash(), second);
}

TEST_F(CheckpointTest, TakesRanksFromTokenizerModel) {
  write_checkpoint(folder(), {});
  const auto rank_of_last = [&] {
    return ModelSource::open(folder())->vocabulary()->entries.back().rank;
  };
  EXPECT_NE(rank_of_last(), 5U);
  std::vector<std::pair<std::string, float>> pieces;
  for (int i = 0; i < 259; ++i) pieces.emplace_back("", 0.0F);
  float score = 0;
  for (const char* piece : {"\u2581", "a", "b", "\u2581a", "ab", "aba"}) {
    pieces.emplace_back(piece, score++);
  }
  ASSERT_TRUE(
      write_file_atomic(folder() / "tokenizer.model", testing::sentence_piece_model(pieces)));
  EXPECT_EQ(rank_of_last(), 5U);
}

TEST_F(CheckpointTest, TensorsMustBeThoseOfTheArchitecture) {
  TinyShape shape;
  auto tensors = testing::checkpoint_tensors(shape);
  const auto write = [&] {
    ASSERT_TRUE(write_file_atomic(folder() / "model.safetensors", safetensors_bytes(tensors)));
  };
  write_checkpoint(folder(), shape);
  tensors.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", {2}, Bytes(8)});
  write();
  EXPECT_EQ(error(), "none") << "old checkpoints have these";
  tensors.push_back({"lm_head.weight", {2}, Bytes(8)});
  write();
  EXPECT_THAT(error(), HasSubstr("\"lm_head.weight\" has no part in this architecture"));
  tensors.pop_back();
  tensors.front().dtype = "I32";
  write();
  EXPECT_THAT(error(), HasSubstr("'model.embed_tokens.weight' is of dtype I32"));
  tensors.front().dtype = "F32";
  std::swap(tensors.front().shape[0], tensors.front().shape[1]);
  write();
  EXPECT_THAT(error(), HasSubstr("'model.embed_tokens.weight' is 16 x 265, but config.json says"));
  tensors.erase(tensors.begin());
  write();
  EXPECT_THAT(error(), HasSubstr("'model.embed_tokens.weight' is missing"));
}

TEST_F(CheckpointTest, ConfigurationsOutOfRangeAreNamed) {
  write_checkpoint(folder(), {});
  const std::pair<const char*, json> wrong[] = {{"model_type", "mamba"},
                                                {"hidden_act", "gelu"},
                                                {"num_hidden_layers", 0},
                                                {"num_hidden_layers", "two"},
                                                {"num_hidden_layers", 1e9},
                                                {"num_key_value_heads", 3},
                                                {"num_attention_heads", 5},
                                                {"head_dim", 3},
                                                {"rms_norm_eps", 0},
                                                {"rms_norm_eps", nullptr},
                                                {"rope_theta", -1},
                                                {"use_sliding_window", true},
                                                {"rope_scaling", {{"type", "yarn"}}}};
  for (const auto& [key, value] : wrong) {
    configure(key, value);
    EXPECT_THAT(error(), HasSubstr("config.json")) << key;
  }
  configure("rope_scaling", {{"type", "linear"}, {"factor", 2.0}});
  EXPECT_EQ(ModelSource::open(folder())->config().rope_scale, 2.0);
  configure("head_dim", nullptr);
  EXPECT_EQ(error(), "none") << "null is absent";
  ASSERT_TRUE(write_file_atomic(folder() / "config.json", as_bytes("{")));
  EXPECT_THAT(error(), HasSubstr("config.json is not a JSON object"));
  fs::remove(folder() / "config.json");
  EXPECT_THAT(error(), HasSubstr("config.json"));
}

TEST_F(CheckpointTest, AnIndexThatLiesIsRefused) {
  write_checkpoint(folder(), {}, 2);
  const fs::path path = folder() / "model.safetensors.index.json";
  const json good = json::parse(testing::read_text(path));
  const std::string first = "model-00001-of-00002.safetensors";
  const std::string second = "model-00002-of-00002.safetensors";
  json index = good;
  index["weight_map"]["model.norm.weight"] =
      good["weight_map"]["model.norm.weight"] == first ? second : first;
  write_json(path, index);
  EXPECT_THAT(error(), HasSubstr("says otherwise"));
  index = good;
  index["weight_map"]["ghost"] = first;
  write_json(path, index);
  EXPECT_THAT(error(), HasSubstr("\"ghost\" is in " + first + ", but it is not"));
  index = good;
  index["weight_map"].erase("model.norm.weight");
  write_json(path, index);
  EXPECT_THAT(error(), HasSubstr("says otherwise"));
  for (const json& name :
       {json("../" + first), json(".safetensors"), json("/etc/passwd"), json(7)}) {
    index = good;
    index["weight_map"]["model.norm.weight"] = name;
    write_json(path, index);
    EXPECT_THAT(error(), HasSubstr("no name of a file in the folder")) << name;
  }
  write_json(path, json::object());
  EXPECT_THAT(error(), HasSubstr("has no weight_map"));
  write_json(path, good);
  EXPECT_EQ(error(), "none");
}

TEST_F(CheckpointTest, ADamagedWeightIsNamed) {
  TinyShape shape;
  write_checkpoint(folder(), shape);
  auto tensors = testing::checkpoint_tensors(shape);
  for (auto& tensor : tensors) {
    if (tensor.name != "model.layers.1.self_attn.k_proj.weight") continue;
    const float bad = std::numeric_limits<float>::quiet_NaN();
    std::memcpy(tensor.bytes.data() + 4 * (2 * shape.width + 5), &bad, sizeof bad);
  }
  ASSERT_TRUE(write_file_atomic(folder() / "model.safetensors", safetensors_bytes(tensors)));
  const auto compiled = compile_file(folder(), quick());
  ASSERT_FALSE(compiled);
  EXPECT_THAT(compiled.error().message,
              HasSubstr("'model.layers.1.self_attn.k_proj.weight' row 1 column 5 is NaN"))
      << "row 2 of the file is row 1 of the head, pair by pair";
}

}  // namespace
}  // namespace imo::model
