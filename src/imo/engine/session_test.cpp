#include "imo/engine/session.hpp"

#include "imo/base/file.hpp"
#include "imo/engine/verify.hpp"
#include "imo/model/program_test_support.hpp"

#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::engine {
namespace {

using model::testing::tiny_program;
using model::testing::TinyShape;
using ::testing::HasSubstr;

Model tiny(const TinyShape& shape = {}) {
  model::Compiled compiled = tiny_program(shape);
  auto model = Model::from_program(std::move(compiled.program), compiled.root);
  EXPECT_TRUE(model);
  return *model;
}

std::vector<TokenId> some_tokens(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<TokenId> tokens(count);
  for (TokenId& token : tokens)
    token = static_cast<TokenId>(random() % model::testing::kTinyVocabulary);
  return tokens;
}

TEST(Session, AnySplitGivesTheSameLogits) {
  TinyShape shape;
  shape.context = 300;  // more than two passes of the executor
  const Model model = tiny(shape);
  const auto tokens = some_tokens(300, 1);
  std::vector<std::vector<std::int32_t>> expected;
  Session whole(model);
  ASSERT_TRUE(whole.extend_choosing(tokens, 0, [&](const Choice& choice) {
    EXPECT_EQ(choice.position, expected.size());
    expected.emplace_back(choice.logits.begin(), choice.logits.end());
    return true;
  }));
  std::mt19937 random(2);
  for (int round = 0; round < 10; ++round) {
    Session session(model);
    std::size_t at = 0;
    while (at < tokens.size()) {
      const std::size_t count = std::min<std::size_t>(1 + random() % 150, tokens.size() - at);
      ASSERT_TRUE(session.extend(std::span(tokens).subspan(at, count)));
      at += count;
      ASSERT_EQ(session.position(), at);
      ASSERT_THAT(session.logits(), ::testing::ElementsAreArray(expected[at - 1]));
    }
  }
}

TEST(Session, ASmallerCapacityChangesNothing) {
  const Model model = tiny();
  const auto tokens = some_tokens(9, 3);
  Session large(model);
  Session small(model, 9);
  ASSERT_TRUE(large.extend(tokens));
  ASSERT_TRUE(small.extend(tokens));
  EXPECT_THAT(small.logits(), ::testing::ElementsAreArray(large.logits()));
  EXPECT_EQ(small.greedy(), large.greedy());
  const auto full = small.extend(some_tokens(1, 4));
  ASSERT_FALSE(full);
  EXPECT_THAT(full.error().message, HasSubstr("do not fit"));
}

TEST(Session, RefusesBeforeItRuns) {
  const Model model = tiny();
  Session session(model);
  EXPECT_FALSE(session.extend({}));
  const std::vector<TokenId> bad{1, 2, model.vocabulary_size()};
  const auto refused = session.extend(bad);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("at position 2"));
  EXPECT_EQ(session.position(), 0U);
  EXPECT_FALSE(session.extend(some_tokens(33, 5)));
  EXPECT_EQ(session.position(), 0U);
}

TEST(Session, ResetForgets) {
  const Model model = tiny();
  Session session(model);
  const auto tokens = some_tokens(10, 6);
  ASSERT_TRUE(session.extend(tokens));
  const TokenId greedy = session.greedy();
  ASSERT_TRUE(session.extend(some_tokens(5, 7)));
  session.reset();
  EXPECT_EQ(session.position(), 0U);
  ASSERT_TRUE(session.extend(tokens));
  EXPECT_EQ(session.greedy(), greedy);
}

TEST(Generate, StreamsWhatItReturns) {
  const Model model = tiny();
  std::vector<TokenId> streamed;
  const auto prompt = some_tokens(4, 8);
  const auto generation = model.generate(prompt, 12, [&](TokenId token) {
    streamed.push_back(token);
    return true;
  });
  ASSERT_TRUE(generation) << generation.error().message;
  EXPECT_EQ(generation->tokens, streamed);
  const bool has_ended = generation->tokens.back() == model.end_token();
  EXPECT_EQ(generation->stop, has_ended ? StopReason::kEndToken : StopReason::kTokenLimit);
  EXPECT_TRUE(has_ended || generation->tokens.size() == 12U);
}

TEST(Generate, CanBeCancelled) {
  const Model model = tiny();
  int left = 3;
  const auto generation =
      model.generate(some_tokens(4, 8), 12, [&](TokenId) { return --left > 0; });
  ASSERT_TRUE(generation);
  EXPECT_EQ(generation->tokens.size(), 3U);
  EXPECT_EQ(generation->stop, StopReason::kCancelled);
}

// Any program can be made to end: its end token is whatever it writes next.
TEST(Generate, StopsBehindTheEndToken) {
  model::Compiled compiled = tiny_program();
  const auto prompt = some_tokens(4, 8);
  const auto before = Model::from_program(compiled.program, {})->generate(prompt, 10);
  ASSERT_TRUE(before);
  compiled.program.end_token = before->tokens[0];
  const auto after = Model::from_program(compiled.program, {})->generate(prompt, 10);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->tokens, std::vector<TokenId>{before->tokens[0]});
  EXPECT_EQ(after->stop, StopReason::kEndToken);
}

TEST(Generate, RefusesBeforeAnyWork) {
  const Model model = tiny();
  const auto expect_refused = [&](std::span<const TokenId> prompt, std::uint32_t max_tokens,
                                  const std::string& what) {
    const auto result =
        model.generate(prompt, max_tokens, [](TokenId) { return ADD_FAILURE(), false; });
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message, HasSubstr(what));
  };
  expect_refused({}, 5, "no tokens");
  expect_refused(some_tokens(4, 9), 0, "max_tokens is 0");
  expect_refused(some_tokens(28, 9), 5, "the context holds 32");
  expect_refused(some_tokens(2, 9), 0xFFFFFFFFU, "the context holds 32");
  expect_refused(std::vector<TokenId>{9999}, 5, "token 9999 at position 0");
  EXPECT_TRUE(model.generate(some_tokens(28, 9), 4));
}

TEST(Generate, ManyThreadsShareOneModel) {
  const Model model = tiny();
  std::vector<std::vector<TokenId>> alone;
  for (unsigned i = 0; i < 6; ++i)
    alone.push_back(model.generate(some_tokens(3 + i, i), 15)->tokens);
  std::vector<std::vector<TokenId>> together(6);
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < 6; ++i) {
      threads.emplace_back([&, i] {
        for (int round = 0; round < 5; ++round) {
          together[i] = model.generate(some_tokens(3 + i, i), 15)->tokens;
        }
      });
    }
  }
  EXPECT_EQ(together, alone);
}

class VerifyTest : public ::testing::Test {
 protected:
  void expect_differs(const std::vector<TokenId>& output, std::uint32_t max_tokens,
                      std::uint32_t position, const std::string& reason) {
    const auto verdict = verify(model_, prompt_, output, max_tokens);
    ASSERT_TRUE(verdict) << verdict.error().message;
    EXPECT_FALSE(verdict->matches);
    EXPECT_EQ(verdict->position, position);
    EXPECT_THAT(verdict->reason, HasSubstr(reason));
  }

  Model model_ = tiny();
  std::vector<TokenId> prompt_ = some_tokens(5, 10);
  std::vector<TokenId> right_ = model_.generate(prompt_, 8)->tokens;
};

TEST_F(VerifyTest, AcceptsTheModelsOwnAnswer) {
  const auto verdict = verify(model_, prompt_, right_, 8);
  ASSERT_TRUE(verdict);
  EXPECT_TRUE(verdict->matches);
  EXPECT_EQ(verdict->position, right_.size());
  EXPECT_EQ(verdict->reason, "");
}

TEST_F(VerifyTest, FindsTheFirstWrongToken) {
  ASSERT_EQ(right_.size(), 8U);
  for (std::uint32_t position = 0; position < 8; ++position) {
    auto output = right_;
    output[position] = output[position] == 7 ? 8 : 7;
    expect_differs(output, 8, position, "has token");
  }
  auto output = right_;
  output[4] = 1000000;
  expect_differs(output, 8, 4, "has token 1000000");
}

TEST_F(VerifyTest, FindsAnAnswerThatStopsEarlyOrLate) {
  expect_differs({}, 8, 0, "stops where");
  expect_differs({right_.begin(), right_.begin() + 3}, 8, 3, "stops where");
  auto longer = right_;
  longer.push_back(5);
  expect_differs(longer, 8, 8, "must have ended");
  EXPECT_TRUE(verify(model_, prompt_, std::vector<TokenId>(right_.begin(), right_.begin() + 3), 3)
                  ->matches);
}

TEST_F(VerifyTest, NothingMayFollowTheEndToken) {
  model::Compiled compiled = tiny_program();
  compiled.program.end_token = right_[2];
  model_ = *Model::from_program(compiled.program, {});
  const auto ended = model_.generate(prompt_, 8)->tokens;
  EXPECT_TRUE(verify(model_, prompt_, ended, 8)->matches);
  auto longer = ended;
  longer.push_back(3);
  expect_differs(longer, 8, static_cast<std::uint32_t>(ended.size()), "must have ended");
}

TEST_F(VerifyTest, ARequestThatCannotBeAskedHasNoVerdict) {
  EXPECT_FALSE(verify(model_, {}, right_, 8));
  EXPECT_FALSE(verify(model_, prompt_, right_, 0));
  EXPECT_FALSE(verify(model_, prompt_, right_, 100));
}

TEST(Model, LoadsWhatWasSaved) {
  const auto directory = TemporaryDirectory::create();
  ASSERT_TRUE(directory);
  const model::Compiled compiled = tiny_program();
  const auto path = directory->path() / "tiny.imo";
  ASSERT_TRUE(model::save_program(compiled.program, compiled.root, path));
  const auto loaded = Model::load(path);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->root(), compiled.root);
  const auto prompt = some_tokens(4, 11);
  EXPECT_EQ(loaded->generate(prompt, 10)->tokens,
            Model::from_program(compiled.program, compiled.root)->generate(prompt, 10)->tokens);
  EXPECT_FALSE(Model::load(directory->path() / "none.imo"));
}

}  // namespace
}  // namespace imo::engine
