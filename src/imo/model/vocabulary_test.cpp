#include "imo/model/vocabulary.hpp"

#include "imo/model/test_support.hpp"
#include "imo/model/tokenizer.hpp"

#include <functional>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::model {
namespace {

using ::testing::HasSubstr;

Vocabulary tiny() {
  GgufWriter writer;
  testing::add_tiny_vocabulary(writer);
  const Bytes bytes = writer.finish();
  return GgufFile::parse(bytes).and_then(Vocabulary::from_gguf).value();
}

/// "a", "b", "ab", "<|eot_id|>": byte-level.
GgufWriter byte_level(const std::vector<std::string>& merges, const char* pattern = "llama-bpe") {
  GgufWriter writer;
  const std::vector<std::string> tokens = {"a", "b", "ab", "<|eot_id|>"};
  const std::vector<std::int32_t> types = {1, 1, 1, 3};
  writer.add_string("tokenizer.ggml.model", "gpt2");
  writer.add_string("tokenizer.ggml.pre", pattern);
  writer.add_strings("tokenizer.ggml.tokens", tokens);
  writer.add_int32s("tokenizer.ggml.token_type", types);
  writer.add_strings("tokenizer.ggml.merges", merges);
  return writer;
}

std::string error_of(const GgufWriter& writer) {
  const Bytes bytes = writer.finish();
  const auto vocabulary = GgufFile::parse(bytes).and_then(Vocabulary::from_gguf);
  return vocabulary ? "no error" : vocabulary.error().message;
}

TEST(Vocabulary, ReadsSentencePiece) {
  const Vocabulary vocabulary = tiny();
  EXPECT_EQ(vocabulary.kind, TokenizerKind::kSentencePiece);
  EXPECT_TRUE(vocabulary.add_begin);
  EXPECT_FALSE(vocabulary.add_end);
  EXPECT_TRUE(vocabulary.add_space_prefix);
  EXPECT_EQ(vocabulary.begin, 1U);
  EXPECT_EQ(vocabulary.end, 2U);
  EXPECT_EQ(vocabulary.entries[3 + 0x41].bytes, "A");
  EXPECT_EQ(vocabulary.entries[262].bytes, " a");
  // Scores 0 (all special and byte tokens), -1, ... -6 from the best to the worst.
  EXPECT_EQ(vocabulary.entries[0].rank, 6U);
  EXPECT_EQ(vocabulary.entries[100].rank, 6U);
  EXPECT_EQ(vocabulary.entries[259].rank, 5U);
  EXPECT_EQ(vocabulary.entries[264].rank, 0U);
}

TEST(Vocabulary, ReadsByteLevel) {
  const Bytes bytes = byte_level({"a b"}).finish();
  const auto vocabulary = GgufFile::parse(bytes).and_then(Vocabulary::from_gguf);
  ASSERT_TRUE(vocabulary.has_value()) << vocabulary.error().message;
  EXPECT_EQ(vocabulary->merges, (std::vector<Merge>{{0, 1, 2}}));
  EXPECT_EQ(vocabulary->end_of_turn, 3U) << "known by its name";
  EXPECT_FALSE(vocabulary->add_begin) << "there is none to add";
  const auto tokenizer = Tokenizer::create(*vocabulary);
  ASSERT_TRUE(tokenizer.has_value());
  EXPECT_EQ(*tokenizer->encode("abab"), (std::vector<TokenId>{2, 2}));
  EXPECT_EQ(tokenizer->encode("c").error().message, "the vocabulary has no token for byte 0x63");
}

TEST(Vocabulary, RefusesWhatIsWrongByName) {
  EXPECT_THAT(error_of(byte_level({"ab"})), HasSubstr("merge 0 is not two tokens"));
  EXPECT_THAT(error_of(byte_level({"a b", "b a"})), HasSubstr("merge 1 is of, or makes, no token"));
  EXPECT_THAT(error_of(byte_level({}, "unheard-of")), HasSubstr("\"unheard-of\""));

  GgufWriter unigram;
  unigram.add_string("tokenizer.ggml.model", "t5");
  EXPECT_THAT(error_of(unigram), HasSubstr("'tokenizer.ggml.model' is \"t5\""));
  EXPECT_THAT(error_of(GgufWriter()), HasSubstr("'tokenizer.ggml.model' is missing"));

  GgufWriter outside;
  testing::add_tiny_vocabulary(outside);
  outside.add_uint32("tokenizer.ggml.eot_token_id", 265);
  EXPECT_THAT(error_of(outside), HasSubstr("'tokenizer.ggml.eot_token_id' is 265, outside"));

  GgufWriter short_scores;
  const std::vector<std::string> two = {"a", "b"};
  const std::vector<float> one = {0};
  short_scores.add_string("tokenizer.ggml.model", "llama");
  short_scores.add_strings("tokenizer.ggml.tokens", two);
  short_scores.add_floats("tokenizer.ggml.scores", one);
  EXPECT_THAT(error_of(short_scores), HasSubstr("has 1 elements for 2 tokens"));
}

TEST(Vocabulary, ChecksItself) {
  const auto wrong = [](const std::function<void(Vocabulary&)>& change) {
    Vocabulary vocabulary = tiny();
    change(vocabulary);
    const auto result = vocabulary.check();
    return result ? std::string("no error") : result.error().message;
  };
  EXPECT_EQ(wrong([](Vocabulary&) {}), "no error");
  EXPECT_THAT(wrong([](Vocabulary& v) { v.entries.clear(); }), HasSubstr("empty"));
  EXPECT_THAT(wrong([](Vocabulary& v) { v.begin = 265; }), HasSubstr("begin token 265 is outside"));
  EXPECT_THAT(wrong([](Vocabulary& v) { v.begin.reset(); }), HasSubstr("names none"));
  EXPECT_THAT(wrong([](Vocabulary& v) { v.entries[264].bytes = "ab"; }),
              HasSubstr("tokens 263 and 264 have the same text"));
  EXPECT_THAT(wrong([](Vocabulary& v) { v.entries[9].bytes = "xy"; }), HasSubstr("of one byte"));
  EXPECT_THAT(wrong([](Vocabulary& v) { v.entries[264].bytes.assign(1025, 'x'); }),
              HasSubstr("1025 bytes long"));
  EXPECT_THAT(wrong([](Vocabulary& v) { v.merges.push_back({260, 261, 263}); }),
              HasSubstr("scores, not merges"));
  EXPECT_THAT(wrong([](Vocabulary& v) { v.kind = TokenizerKind::kByteLevelBpe; }),
              HasSubstr("needs a pre-tokenizer"));
}

TEST(Vocabulary, ByteFormIsCheckedAtEveryByte) {
  const Vocabulary vocabulary = tiny();
  const Bytes bytes = vocabulary.serialize();
  ASSERT_TRUE(Vocabulary::deserialize(bytes).has_value());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_FALSE(Vocabulary::deserialize(BytesView(bytes).first(size)).has_value()) << size;
  }
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_FALSE(Vocabulary::deserialize(longer).has_value());

  // Whatever is read back has that byte form and no other.
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    Bytes damaged = bytes;
    damaged[random() % damaged.size()] = static_cast<std::uint8_t>(random());
    if (const auto other = Vocabulary::deserialize(damaged)) {
      ASSERT_EQ(other->serialize(), damaged);
    }
  }
}

}  // namespace
}  // namespace imo::model
