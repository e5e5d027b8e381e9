// The integer program of a real model against its float reference.

#include "imo/engine/quality.hpp"

#include "imo/model/program_test_support.hpp"

#include <filesystem>

#include <gtest/gtest.h>

namespace imo::engine {
namespace {

using model::testing::read_text;
using model::testing::shared_file;

std::filesystem::path stories_path() {
  return shared_file("models/stories260K/stories260K-pad192-f32.gguf");
}

struct Loaded {
  Model model;
  model::FloatModel reference;
};

Result<Loaded> load(const std::filesystem::path& path) {
  IMO_TRY(model::Compiled compiled, model::compile_file(path));
  IMO_TRY(Model model, Model::from_program(std::move(compiled.program), compiled.root));
  IMO_TRY(const model::ModelSource source, model::ModelSource::open(path));
  IMO_TRY(model::FloatModel reference, model::FloatModel::load(source));
  return Loaded{std::move(model), std::move(reference)};
}

TEST(Quality, Stories260KStaysCloseToItsReference) {
  IMO_NEED_SHARED(stories_path());
  const auto loaded = load(stories_path());
  ASSERT_TRUE(loaded) << loaded.error().message;
  const std::string text = read_text(shared_file("text/tinystories_1000.txt")).substr(0, 20000);
  const auto tokens = loaded->model.tokenizer().encode(text);
  ASSERT_TRUE(tokens);
  const auto begin = loaded->model.program().vocabulary.begin;
  const auto quality = measure_quality(loaded->model, loaded->reference, *tokens, 256, 8, begin);
  ASSERT_TRUE(quality) << quality.error().message;
  EXPECT_EQ(quality->tokens, 8U * 127);
  EXPECT_LE(quality->perplexity, 1.0019 * quality->reference_perplexity);
  EXPECT_LE(quality->kl_divergence, 0.0008);
  EXPECT_GE(quality->same_top1, 0.98);
  EXPECT_EQ(quality->saturated, 0U);

  // Both sides are measured as the reference's own evaluation does it.
  const auto likelihood = model::chunked_likelihood(loaded->reference, *tokens, 256, 8, begin);
  ASSERT_TRUE(likelihood);
  EXPECT_NEAR(quality->reference_perplexity, likelihood->perplexity(), 1e-6);
}

Quality quality_of(const model::testing::TinyShape& shape) {
  const Bytes bytes = model::testing::tiny_model(shape);
  const auto source = model::ModelSource::from_gguf(*model::GgufFile::parse(bytes));
  EXPECT_TRUE(source) << source.error().message;
  model::CompileOptions options;
  options.calibration_tokens = 320;
  const auto compiled = model::compile(*source, options);
  EXPECT_TRUE(compiled) << compiled.error().message;
  const auto model = Model::from_program(compiled->program, compiled->root);
  const auto reference = model::FloatModel::load(*source);
  std::vector<TokenId> tokens;
  for (std::uint32_t i = 0; i < 320; ++i) tokens.push_back((i * i + 7 * i) % 265);
  const auto quality = measure_quality(*model, *reference, tokens, 32, 0, {});
  EXPECT_TRUE(quality) << quality.error().message;
  return *quality;
}

// LayerNorm, its bias and the means of what is added are all gone into matrices and biases; that
// this is the same model, and as close to it as one of the Llama family is to its own, shows here.
TEST(Quality, Gpt2IsAsCloseToItsReference) {
  for (const bool tied : {true, false}) {
    model::testing::TinyShape shape{.width = 32, .hidden = 128, .heads = 4, .kv_heads = 4};
    shape.tied = tied;
    const Quality llama = quality_of(shape);
    shape.architecture = "gpt2";
    const Quality gpt2 = quality_of(shape);
    EXPECT_EQ(gpt2.saturated, 0U);
    EXPECT_LT(gpt2.kl_divergence, llama.kl_divergence);
    EXPECT_GE(gpt2.same_top1, 0.95);
    EXPECT_NEAR(gpt2.perplexity / gpt2.reference_perplexity, 1, 0.05);
  }
}

TEST(Quality, RefusesWhatItCannotMeasure) {
  const model::Compiled compiled = model::testing::tiny_program();
  const auto model = Model::from_program(compiled.program, compiled.root);
  ASSERT_TRUE(model);
  const Bytes bytes = model::testing::tiny_model();
  const auto source = model::ModelSource::from_gguf(*model::GgufFile::parse(bytes));
  const auto reference = model::FloatModel::load(*source);
  ASSERT_TRUE(reference);
  std::vector<TokenId> tokens(40, 3);
  EXPECT_TRUE(measure_quality(*model, *reference, tokens, 16, 0, {}));
  EXPECT_FALSE(measure_quality(*model, *reference, tokens, 64, 0, {})) << "beyond the context";
  EXPECT_FALSE(measure_quality(*model, *reference, tokens, 2, 0, {})) << "nothing to score";
  EXPECT_FALSE(measure_quality(*model, *reference, std::vector<TokenId>(9), 16, 0, {}));
  tokens[3] = 100000;
  EXPECT_FALSE(measure_quality(*model, *reference, tokens, 16, 0, {}));
}

TEST(Quality, CountsSaturationPerOperator) {
  const model::Compiled compiled = model::testing::tiny_program();
  auto program = compiled.program;
  const auto model = Model::from_program(program, compiled.root);
  const std::vector<TokenId> tokens(20, 3);
  const auto before = count_saturation(*model, tokens);
  ASSERT_TRUE(before);
  std::size_t target = 0;
  while (program.operators[target].kind != model::OperatorKind::kMultiply) ++target;
  program.operators[target].shift = 1;
  const auto after = count_saturation(*Model::from_program(program, {}), tokens);
  ASSERT_TRUE(after);
  const auto of = [&](const std::vector<Saturation>& all) {
    return *std::find_if(all.begin(), all.end(),
                         [&](const Saturation& s) { return s.operator_index == target; });
  };
  EXPECT_EQ(of(*before).saturated, 0U);
  EXPECT_GT(of(*after).saturated, 0U);
  EXPECT_EQ(of(*after).largest, 32767);
  EXPECT_EQ(of(*after).elements, 20U * program.operators[target].width);
}

}  // namespace
}  // namespace imo::engine
