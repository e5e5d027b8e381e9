#include "imo/model/sentence_piece_scores.hpp"

#include "imo/base/file.hpp"
#include "imo/model/checkpoint_test_support.hpp"
#include "imo/model/gguf.hpp"
#include "imo/model/tokenizer_json.hpp"

#include <cmath>
#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::model {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using testing::sentence_piece_model;

std::string error_of(BytesView file) {
  const auto pieces = read_sentence_piece_scores(file);
  return pieces ? "none" : pieces.error().message;
}

TEST(SentencePieceScores, AreOrderedAsNumbersAre) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> ascending{-infinity, -1e30F, -2, -1.5F, -1e-40F, 0, 1e-40F, 3, infinity};
  std::vector<std::pair<std::string, float>> pieces;
  for (const float score : ascending) pieces.emplace_back(std::to_string(score), score);
  pieces.emplace_back("-0", -0.0F);
  const auto read = read_sentence_piece_scores(sentence_piece_model(pieces));
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), pieces.size());
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    EXPECT_EQ((*read)[i].text, pieces[i].first);
    if (i != 0) {
      EXPECT_LT((*read)[i - 1].order, (*read)[i].order) << i;
    }
  }
  EXPECT_EQ(read->back().order, 0);
}

TEST(SentencePieceScores, OtherFieldsArePassedOver) {
  // A varint, 64 bits, bytes and 32 bits; then a piece "a" with a type, a score of 1 and two more.
  const Bytes file{0x10, 0x96, 0x01, 0x19, 1, 2,    3,    4,    5,    6,  7,    8,    0x12,
                   0x02, 9,    9,    0x25, 1, 2,    3,    4,    0x0A, 16, 0x0A, 0x01, 'a',
                   0x18, 0x01, 0x15, 0,    0, 0x80, 0x3F, 0x22, 0x02, 7,  7,    0x2A, 0x00};
  const auto read = read_sentence_piece_scores(file);
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 1U);
  EXPECT_EQ(read->front().text, "a");
  EXPECT_EQ(read->front().order, 0x3F800000);
}

TEST(SentencePieceScores, WhatIsNoMessageIsRefusedByItsByte) {
  EXPECT_EQ(error_of({}), "none");
  EXPECT_THAT(error_of(Bytes{0x0B}), HasSubstr("at byte 1 is a field of a kind"));
  EXPECT_THAT(error_of(Bytes{0x0A, 0x05, 0x0A}), HasSubstr("at byte 2 is a field that reaches"));
  EXPECT_THAT(error_of(Bytes{0x0A, 0x03, 0x0A, 0x02, 'a'}), HasSubstr("at byte 4 is a field that"));
  EXPECT_THAT(error_of(Bytes{0x10, 0x80}), HasSubstr("at byte 2 is a number that does not end"));
  EXPECT_THAT(error_of(Bytes(12, 0x80)), HasSubstr("at byte 10 is a number of more than 64 bits"));
  EXPECT_THAT(error_of(sentence_piece_model({{"a", std::nanf("")}})),
              HasSubstr("the score at byte 6 is NaN"));
}

TEST(SentencePieceScores, DamageIsAnErrorOrOtherPieces) {
  const Bytes good = sentence_piece_model({{"<unk>", 0}, {"a", -1}, {"ab", -2}});
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto pieces = read_sentence_piece_scores(BytesView(good).first(size));
    if (pieces) {
      EXPECT_LT(pieces->size(), 3U) << size;
    }
  }
  std::mt19937 random(1);
  for (int round = 0; round < 10'000; ++round) {
    Bytes bad = good;
    bad[random() % bad.size()] = static_cast<std::uint8_t>(random());
    const auto pieces = read_sentence_piece_scores(bad);
    if (!pieces) {
      EXPECT_THAT(pieces.error().message, HasSubstr("tokenizer.model"));
    }
  }
}

std::vector<std::pair<std::string, float>> tiny_pieces() {
  std::vector<std::pair<std::string, float>> pieces{{"<unk>", 0}, {"<s>", 0}, {"</s>", 0}};
  const json tokenizer = testing::checkpoint_tokenizer({});
  const json& vocab = tokenizer["model"]["vocab"];
  pieces.resize(vocab.size());
  for (const auto& [piece, id] : vocab.items()) {
    pieces[id.get<std::size_t>()] = {piece, 0.0F};
  }
  return pieces;
}

Result<Vocabulary> vocabulary_of(const std::vector<std::pair<std::string, float>>& pieces) {
  const Bytes model = sentence_piece_model(pieces);
  return read_tokenizer_json(
      {testing::checkpoint_tokenizer({}).dump(), "", "", std::string(model.begin(), model.end())},
      testing::kTinyVocabulary);
}

TEST(TokenizerJson, RanksAreThoseOfTheScores) {
  auto pieces = tiny_pieces();
  for (std::size_t i = 259; i < pieces.size(); ++i) pieces[i].second = static_cast<float>(i % 3);
  const auto vocabulary = vocabulary_of(pieces);
  ASSERT_TRUE(vocabulary) << vocabulary.error().message;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    EXPECT_EQ(vocabulary->entries[i].rank, static_cast<std::uint32_t>(pieces[i].second)) << i;
  }
  pieces.pop_back();
  const auto shorter = vocabulary_of(pieces);
  ASSERT_TRUE(shorter) << shorter.error().message;
  EXPECT_EQ(shorter->entries.back().rank, 0U) << "what has no score comes last";
  EXPECT_EQ(shorter->entries.front().rank, 1U);
}

TEST(TokenizerJson, ScoresOfOtherPiecesAreRefused) {
  auto pieces = tiny_pieces();
  pieces[0].first = "<other>";
  EXPECT_TRUE(vocabulary_of(pieces)) << "names of control tokens may differ";
  pieces[260].first = "z";
  EXPECT_THAT(vocabulary_of(pieces).error().message,
              HasSubstr("piece 260 is \"z\", but tokenizer.json says \"a\""));
  pieces = tiny_pieces();
  pieces.emplace_back("more", 0.0F);
  EXPECT_THAT(vocabulary_of(pieces).error().message,
              HasSubstr("has 266 pieces, more than the 265 embeddings"));
}

// A published tokenizer.model against the GGUF file that was made with it.
TEST(TokenizerJson, RealScoresGiveTheRanksOfGguf) {
  const auto path = testing::shared_file("models/stories260K/tok512.model");
  const auto gguf_path = testing::shared_file("models/stories260K/stories260K-f32.gguf");
  IMO_NEED_SHARED(path);
  IMO_NEED_SHARED(gguf_path);
  const auto scores = read_text_file(path, 1 << 20);
  const auto gguf = GgufFile::open(gguf_path);
  ASSERT_TRUE(scores && gguf);
  const auto expected = Vocabulary::from_gguf(*gguf);
  const auto pieces = read_sentence_piece_scores(as_bytes(*scores));
  ASSERT_TRUE(expected && pieces);
  json tokenizer = testing::checkpoint_tokenizer({});
  json& vocab = tokenizer["model"]["vocab"];
  vocab = json::object();
  for (std::size_t id = 0; id < pieces->size(); ++id) vocab[(*pieces)[id].text] = id;
  tokenizer["model"]["merges"] = json::array();
  const auto vocabulary = read_tokenizer_json({tokenizer.dump(), "", "", *scores}, 512);
  ASSERT_TRUE(vocabulary) << vocabulary.error().message;
  ASSERT_EQ(vocabulary->entries.size(), expected->entries.size());
  for (std::size_t id = 3; id < 512; ++id) {
    EXPECT_EQ(vocabulary->entries[id], expected->entries[id]) << id;
  }
}

}  // namespace
}  // namespace imo::model
