#include "imo/model/tokenizer_json.hpp"

#include "imo/model/checkpoint_test_support.hpp"
#include "imo/model/gguf.hpp"
#include "imo/model/tokenizer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::model {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A byte-level tokenizer: 256 bytes would hide what matters, so few letters are all there is.
json byte_level(json pre_tokenizer) {
  return {{"added_tokens",
           {{{"id", 6}, {"content", "<|im_end|>"}, {"special", true}},
            {{"id", 7}, {"content", "  tab"}, {"special", false}}}},
          {"pre_tokenizer", std::move(pre_tokenizer)},
          {"model",
           {{"type", "BPE"},
            {"vocab", {{"a", 0}, {"b", 1}, {"\u0120", 2}, {"ab", 3}, {"\u0120ab", 4}, {"1", 5}}},
            {"merges", {"a b", json::array({"\u0120", "ab"})}}}}};
}

const json kGpt2 = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}};

Result<Vocabulary> read(const json& tokenizer, const json& config = json::object(),
                        std::uint32_t tokens = 8) {
  return read_tokenizer_json({tokenizer.dump(), config.dump(), ""}, tokens);
}

std::string error_of(const json& tokenizer) {
  const auto vocabulary = read(tokenizer);
  return vocabulary ? "none" : vocabulary.error().message;
}

TEST(TokenizerJson, ReadsByteLevelTokens) {
  const auto vocabulary = read(byte_level(kGpt2), {{"eos_token", {{"content", "<|im_end|>"}}}}, 10);
  ASSERT_TRUE(vocabulary) << vocabulary.error().message;
  EXPECT_EQ(vocabulary->kind, TokenizerKind::kByteLevelBpe);
  EXPECT_EQ(vocabulary->pre_tokenizer, PreTokenizer::kGpt2);
  EXPECT_EQ(vocabulary->entries[4].bytes, " ab");
  EXPECT_EQ(vocabulary->entries[6].type, TokenType::kControl);
  EXPECT_EQ(vocabulary->entries[7].type, TokenType::kUserDefined);
  EXPECT_EQ(vocabulary->entries[7].bytes, "  tab");
  EXPECT_EQ(vocabulary->entries[9].type, TokenType::kUnused) << "fills the embedding up";
  EXPECT_EQ(vocabulary->entries[9].bytes, "[PAD9]");
  EXPECT_EQ(vocabulary->end, 6U);
  EXPECT_EQ(vocabulary->end_of_turn, 6U);
  EXPECT_FALSE(vocabulary->begin.has_value());
  EXPECT_FALSE(vocabulary->add_begin);
  EXPECT_THAT(vocabulary->merges, ElementsAre(Merge{0, 1, 3}, Merge{2, 3, 4}));
  const auto tokenizer = Tokenizer::create(*vocabulary);
  ASSERT_TRUE(tokenizer);
  EXPECT_THAT(tokenizer->encode("ab ab1").value(), ElementsAre(3, 4, 5));
}

TEST(TokenizerJson, KnowsThePublishedPatterns) {
  const auto split = [](const std::string& pattern) {
    return json{{"type", "Sequence"},
                {"pretokenizers",
                 {{{"type", "Split"}, {"pattern", {{"Regex", pattern}}}},
                  {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
  };
  const std::string tail = R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  const std::string head = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})";
  EXPECT_EQ(read(byte_level(split(head + "{1,3}" + tail)))->pre_tokenizer, PreTokenizer::kLlama3);
  EXPECT_EQ(read(byte_level(split(head + tail)))->pre_tokenizer, PreTokenizer::kQwen2);
  EXPECT_THAT(error_of(byte_level(split(".+"))), HasSubstr("the pattern \".+\" is not known"));
  const json digits = {
      {"type", "Sequence"},
      {"pretokenizers", {{{"type", "Digits"}, {"individual_digits", true}}, kGpt2}}};
  EXPECT_EQ(read(byte_level(digits))->pre_tokenizer, PreTokenizer::kSmolLm);
  json other = digits;
  other["pretokenizers"][0]["individual_digits"] = false;
  EXPECT_THAT(error_of(byte_level(other)), HasSubstr("sequence of pre-tokenizers is not known"));
  json spaced = kGpt2;
  spaced["add_prefix_space"] = true;
  EXPECT_THAT(error_of(byte_level(spaced)), HasSubstr("that add no space"));
  EXPECT_THAT(error_of(byte_level(nullptr)), HasSubstr("only byte-level pre-tokenizers"));
}

TEST(TokenizerJson, BeginsTextsAsTheFilesSay) {
  json tokenizer = testing::checkpoint_tokenizer({});
  const auto begins = [&](const json& config) {
    const auto vocabulary = read_tokenizer_json(
        {tokenizer.dump(), config.dump(), R"({"bos_token_id": 1})"}, testing::kTinyVocabulary);
    EXPECT_TRUE(vocabulary) << vocabulary.error().message;
    return vocabulary->add_begin;
  };
  EXPECT_TRUE(begins(json::object())) << "as SentencePiece's models do";
  EXPECT_FALSE(begins({{"add_bos_token", false}}));
  tokenizer["post_processor"] = {{"type", "TemplateProcessing"},
                                 {"single", {{{"Sequence", {{"id", "A"}}}}}}};
  EXPECT_FALSE(begins(json::object()));
  tokenizer["post_processor"]["single"] = {{{"SpecialToken", {{"id", "<s>"}}}},
                                           {{"Sequence", {{"id", "A"}}}}};
  EXPECT_TRUE(begins(json::object()));
}

// Where ids do not follow the merges, the merges' order is that of the ranks.
TEST(TokenizerJson, MergesOrderPiecesWhoseIdsDoNot) {
  json tokenizer = testing::checkpoint_tokenizer({});
  tokenizer["model"]["merges"] = {"ab a", "a b", "\u2581 a"};
  const auto vocabulary = read_tokenizer_json({tokenizer.dump(), "", ""}, testing::kTinyVocabulary);
  ASSERT_TRUE(vocabulary) << vocabulary.error().message;
  const auto rank = [&](std::size_t piece) { return vocabulary->entries[259 + piece].rank; };
  EXPECT_GT(rank(5), rank(4));
  EXPECT_GT(rank(4), rank(3));
  EXPECT_GT(rank(3), rank(0));
  EXPECT_GT(vocabulary->entries[0].rank, rank(5));
}

TEST(TokenizerJson, TemplatesAreOneOrNamed) {
  EXPECT_EQ(read(byte_level(kGpt2), {{"chat_template", "one"}})->chat_template, "one");
  const json named = {{{"name", "tool"}, {"template", "x"}},
                      {{"name", "default"}, {"template", "y"}}};
  EXPECT_EQ(read(byte_level(kGpt2), {{"chat_template", named}})->chat_template, "y");
}

TEST(TokenizerJson, WhatIsNoTokenizerIsRefused) {
  EXPECT_THAT(read_tokenizer_json({"[]", "", ""}, 8).error().message,
              HasSubstr("tokenizer.json is not a JSON object"));
  EXPECT_THAT(read_tokenizer_json({byte_level(kGpt2).dump(), "{", ""}, 8).error().message,
              HasSubstr("tokenizer_config.json is not a JSON object"));
  EXPECT_THAT(error_of(json::object()), HasSubstr("BPE is supported"));
  json wrong = byte_level(kGpt2);
  wrong["model"]["type"] = "Unigram";
  EXPECT_THAT(error_of(wrong), HasSubstr("of type \"Unigram\""));
  wrong = byte_level(kGpt2);
  wrong["model"]["vocab"]["a"] = 8;
  EXPECT_THAT(error_of(wrong), HasSubstr("\"a\" has no id below the 8 embeddings"));
  wrong["model"]["vocab"]["a"] = -1;
  EXPECT_THAT(error_of(wrong), HasSubstr("has no id below"));
  wrong["model"]["vocab"]["a"] = 1;
  EXPECT_THAT(error_of(wrong), HasSubstr("have the same id 1"));
  wrong = byte_level(kGpt2);
  wrong["model"]["merges"].push_back("a 1");
  EXPECT_THAT(error_of(wrong), HasSubstr("merge 2 is of, or makes, no token"));
  wrong["model"]["merges"][2] = 5;
  EXPECT_THAT(error_of(wrong), HasSubstr("merge 2 is not two tokens"));
  wrong = byte_level(kGpt2);
  wrong["model"]["vocab"].erase("1");
  wrong["model"]["vocab"]["\u4e00"] = 5;
  EXPECT_THAT(error_of(wrong), HasSubstr("not in the byte-level alphabet"));
}

}  // namespace
}  // namespace imo::model
