// The demo model is what its card says.

#include "imo/model/float_reference.hpp"
#include "imo/model/test_support.hpp"
#include "imo/model/tokenizer.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace imo::model {
namespace {

// Documents are separated by an empty line.
std::vector<std::string> read_documents(const std::filesystem::path& path) {
  std::string text = testing::read_text(path);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::vector<std::string> documents;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find("\n\n", at), text.size());
    documents.push_back(text.substr(at, end - at));
    at = std::min(end + 2, text.size());
  }
  return documents;
}

class DemoModel : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::filesystem::path folder = std::filesystem::path(IMO_SOURCE_DIR) / "models/demo";
    ASSERT_TRUE(std::filesystem::exists(folder / "card.json")) << folder;
    card_ = nlohmann::json::parse(testing::read_text(folder / "card.json"));
    auto source = ModelSource::open(folder / card_["model"].get<std::string>());
    ASSERT_TRUE(source.has_value()) << source.error().message;
    EXPECT_EQ(source->parameter_count(), card_["parameters"].get<std::uint64_t>());
    EXPECT_EQ(source->size(), card_["bytes"].get<std::uint64_t>());
    model_ = FloatModel::load(*source).value();
    tokenizer_ = Tokenizer::create(source->vocabulary().value()).value();
    documents_ = read_documents(folder / "heldout.txt");
  }

  nlohmann::json card_;
  std::optional<FloatModel> model_;
  std::optional<Tokenizer> tokenizer_;
  std::vector<std::string> documents_;
};

TEST_F(DemoModel, HeldOutLossIsTheCards) {
  Likelihood total;
  for (const std::string& document : documents_) {
    auto ids = tokenizer_->encode(document).value();
    ids.push_back(*tokenizer_->vocabulary().end);
    const auto one = sequence_likelihood(*model_, ids);
    ASSERT_TRUE(one.has_value()) << one.error().message;
    total.negative_log += one->negative_log;
    total.tokens += one->tokens;
  }
  EXPECT_EQ(documents_.size(), card_["held_out_documents"].get<std::size_t>());
  EXPECT_EQ(total.tokens, card_["held_out_tokens"].get<std::uint64_t>());
  EXPECT_NEAR(total.mean(), card_["held_out_loss"].get<double>(), 1e-4);
}

TEST_F(DemoModel, SamplesAreTheCards) {
  for (const auto& sample : card_["samples"]) {
    const auto text = sample["prompt"].get<std::string>();
    const auto prompt = tokenizer_->encode(text).value();
    EXPECT_EQ(prompt, sample["prompt_tokens"].get<std::vector<TokenId>>()) << text;
    const auto answer = generate_greedy(*model_, prompt, sample["max_tokens"].get<std::uint32_t>(),
                                        [&](TokenId id) { return tokenizer_->is_end(id); });
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
    EXPECT_EQ(*answer, sample["output_tokens"].get<std::vector<TokenId>>()) << text;
  }
}

}  // namespace
}  // namespace imo::model
