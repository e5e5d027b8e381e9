// What some models write, for good: the roots, the tokens, and the story that one of them is known
// by. A change of an operator or of the compiler changes these, and must be meant.

#include "imo/base/hex.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/engine/quality.hpp"
#include "imo/engine/session.hpp"
#include "imo/engine/verify.hpp"
#include "imo/model/program_test_support.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace imo::engine {
namespace {

using model::testing::read_text;
using model::testing::shared_file;
using ::testing::StartsWith;

const std::filesystem::path kDemo = std::filesystem::path(IMO_SOURCE_DIR) / "models/demo";

Result<Model> compiled(const std::filesystem::path& path, unsigned weight_bits = 8) {
  model::CompileOptions options;
  options.weight_bits = weight_bits;
  IMO_TRY(model::Compiled compiled, model::compile_file(path, options));
  return Model::from_program(std::move(compiled.program), compiled.root);
}

// keccak256 of the ids as big-endian 32-bit numbers.
std::string hash_of(std::span<const TokenId> tokens) {
  Bytes packed;
  for (const TokenId token : tokens) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      packed.push_back(static_cast<std::uint8_t>(token >> shift));
    }
  }
  return to_hex(crypto::keccak256(packed));
}

void expect_stream(const Model& model, const std::string& prompt, std::uint32_t max_tokens,
                   std::size_t count, const std::string& hash) {
  const auto tokens = model.tokenizer().encode(prompt);
  ASSERT_TRUE(tokens) << tokens.error().message;
  const auto generation = model.generate(*tokens, max_tokens);
  ASSERT_TRUE(generation) << generation.error().message;
  EXPECT_EQ(generation->tokens.size(), count) << prompt;
  EXPECT_EQ(hash_of(generation->tokens), hash) << prompt;
  const auto verdict = verify(model, *tokens, generation->tokens, max_tokens);
  ASSERT_TRUE(verdict);
  EXPECT_TRUE(verdict->matches) << verdict->reason;
}

TEST(Golden, DemoModel) {
  const auto model = compiled(kDemo / "imo-demo.gguf");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(to_hex(model->root()),
            "0xce853ff206f867c5178962563872890860ef4a027eeda9629afd0edbf4c40eb9");
  expect_stream(*model, "Question: Where does Mara keep the lamp?\nAnswer:", 48, 18,
                "0x967823e5bd20b9be393612f157374c0769958fe5acc29dce8f52dc6427b87f53");
  expect_stream(*model, "Question: Tell me a story about Finn and lantern night.\nAnswer:", 200,
                126, "0x854706f09c4d1d70b2c4a14d8b7f030aee8413bfb5ad53d1699087c041f49013");
  expect_stream(*model, "One day the sea was as flat as a plate, and Tomas", 200, 94,
                "0x6b1be5104dbe4ce3eb3f74ba8666749b7de87f2bf6b4c90dcb2fb2e53101b335");
  expect_stream(*model, "Once", 250, 128,
                "0x0f58e07314f651ee360453c5b97a045e0a3529aa2911b61c5d7cd6fbead66d91");
}

TEST(Golden, DemoModelInFourBits) {
  const auto model = compiled(kDemo / "imo-demo.gguf", 4);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(to_hex(model->root()),
            "0x73cfa7b3b459e784989865e3818c2dd501054b5d5deae467842810c5b153a60e");
  expect_stream(*model, "Question: Where does Mara keep the lamp?\nAnswer:", 48, 18,
                "0x967823e5bd20b9be393612f157374c0769958fe5acc29dce8f52dc6427b87f53");
  expect_stream(*model, "Once", 250, 157,
                "0xe22f113817dfd51995289df4988e4e7f0577d77af92a54707c4c2de61bef4106");
}

TEST(Golden, Stories260KFromQ4_0) {
  const auto path = shared_file("models/stories260K/stories260K-pad192-Q4_0.gguf");
  IMO_NEED_SHARED(path);
  const auto model = compiled(path, 4);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(to_hex(model->root()),
            "0xf107ffaf8063994a9259154d66ac3a54261a546240ad6f70bd467779f559b417");
  expect_stream(*model, "", 400, 400,
                "0x4aaf1f0988db058908379d359b9eaba7b34e577890e2da184ed464a14b65727a");
}

// The card's answers come from the float model; where its choice is clear, so is ours.
TEST(Golden, DemoModelAnswersAsItsCardSays) {
  const auto model = compiled(kDemo / "imo-demo.gguf");
  ASSERT_TRUE(model) << model.error().message;
  const auto card = nlohmann::json::parse(read_text(kDemo / "card.json"));
  for (const auto& sample : card["samples"]) {
    const auto prompt = sample["prompt_tokens"].get<std::vector<TokenId>>();
    const auto generation = model->generate(prompt, sample["max_tokens"].get<std::uint32_t>());
    ASSERT_TRUE(generation);
    EXPECT_EQ(generation->tokens, sample["output_tokens"].get<std::vector<TokenId>>())
        << sample["prompt"];
  }
}

TEST(Golden, DemoModelStaysCloseToItsReference) {
  const auto model = compiled(kDemo / "imo-demo.gguf");
  const auto source = model::ModelSource::open(kDemo / "imo-demo.gguf");
  ASSERT_TRUE(model && source);
  const auto reference = model::FloatModel::load(*source);
  ASSERT_TRUE(reference);
  const auto tokens = model->tokenizer().encode(read_text(kDemo / "heldout.txt").substr(0, 4000));
  ASSERT_TRUE(tokens);
  const auto begin = model->program().vocabulary.begin;
  const auto quality = measure_quality(*model, *reference, *tokens, 128, 6, begin);
  ASSERT_TRUE(quality) << quality.error().message;
  EXPECT_LE(quality->perplexity, 1.0019 * quality->reference_perplexity);
  EXPECT_LE(quality->kl_divergence, 0.0008);
  EXPECT_GE(quality->same_top1, 0.985);
  EXPECT_EQ(quality->saturated, 0U);
}

// The story that the model's documentation prints for greedy decoding in single precision.
TEST(Golden, Stories260KWritesItsPublishedStory) {
  const auto path = shared_file("models/stories260K/stories260K-pad192-f32.gguf");
  IMO_NEED_SHARED(path);
  const auto model = compiled(path);
  ASSERT_TRUE(model) << model.error().message;
  expect_stream(*model, "", 400, 400,
                "0xb6fe3496177d988c2f884ae0177309d18e1601d63a2bdfe55c9e3e3d7aab8df9");
  expect_stream(*model, "The dog", 300, 300,
                "0xed8c6b2cd3fd760c13aa7e8791622bfe35b39a8d69136d782cb15bfb1aa9f582");
  const auto prompt = model->tokenizer().encode("");
  ASSERT_TRUE(prompt);
  const auto generation = model->generate(*prompt, 260);
  ASSERT_TRUE(generation) << generation.error().message;
  const auto text = model->tokenizer().decode(generation->tokens);
  ASSERT_TRUE(text);
  EXPECT_THAT(
      *text,
      StartsWith(
          "Once upon a time, there was a little girl named Lily. She loved to play outside in the "
          "park. One day, she saw a big, red ball. She wanted to play with it, but it was too "
          "high.\nLily's mom said, \"Lily, let's go to the park.\" Lily was sad and didn't know "
          "what to do. She said, \"I want to play with your ball, but I can't find it.\"\nLily was "
          "sad and didn't know what to do. She said, \"I'm sorry, Lily. I didn't know what to "
          "do.\"\nLily didn't want to help her mom, so she said, \"I'm sorry, mom. I didn't know "
          "what to do.\" Her mom said, \"Don't worry, Lily. We can help you."));
}

}  // namespace
}  // namespace imo::engine
