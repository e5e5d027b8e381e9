// Requests answered together get what each gets alone.

#include "imo/engine/batch.hpp"

#include "imo/model/program_test_support.hpp"

#include <map>
#include <random>

#include <gtest/gtest.h>

namespace imo::engine {
namespace {

Model tiny_model(std::uint32_t context = 96) {
  model::testing::TinyShape shape;
  shape.context = context;
  model::Compiled compiled = model::testing::tiny_program(shape);
  return *Model::from_program(std::move(compiled.program), {});
}

struct Request {
  std::vector<TokenId> prompt;
  std::uint32_t max_tokens;
};

Request random_request(const Model& model, std::mt19937& random) {
  Request request;
  const std::size_t length = 1 + random() % 60;
  for (std::size_t i = 0; i < length; ++i) {
    request.prompt.push_back(static_cast<TokenId>(random() % model.vocabulary_size()));
  }
  request.max_tokens = 1 + static_cast<std::uint32_t>(random() % 30);
  return request;
}

TEST(Batch, RequestsThatComeAndGoGetWhatEachGetsAlone) {
  const Model model = tiny_model();
  std::mt19937 random(3);
  for (const std::size_t threads : {1U, 3U}) {
    ThreadPool pool(threads);
    Execution execution;
    execution.pool = &pool;
    execution.split_from = 0;
    Batch batch(model, execution);
    std::map<std::size_t, Request> requests;
    std::map<std::size_t, Generation> answers;
    std::map<std::size_t, std::vector<TokenId>> streamed;
    // More of them than a pass has rows, so that prompts are cut and wait for each other.
    while (answers.size() < 80) {
      if (requests.size() < 80 && (batch.size() == 0 || random() % 3 != 0)) {
        const std::size_t id = requests.size();
        requests[id] = random_request(model, random);
        ASSERT_TRUE(batch.add(
            requests[id].prompt, requests[id].max_tokens,
            [&streamed, id](TokenId token) {
              streamed[id].push_back(token);
              return true;
            },
            [&answers, id](Generation answer) { answers[id] = std::move(answer); }));
      } else {
        batch.step();
      }
    }
    EXPECT_EQ(batch.size(), 0U);
    for (const auto& [id, request] : requests) {
      const auto alone = model.generate(request.prompt, request.max_tokens);
      ASSERT_TRUE(alone);
      ASSERT_EQ(answers[id].tokens, alone->tokens);
      ASSERT_EQ(answers[id].stop, alone->stop);
      ASSERT_EQ(streamed[id], alone->tokens);
    }
  }
}

TEST(Batch, ManyWritersTakeTurnsWhenAPassHasNoRoomForAll) {
  const Model model = tiny_model();
  Batch batch(model);
  std::size_t done = 0;
  const std::vector<TokenId> prompt{5, 6, 7};
  const auto alone = model.generate(prompt, 4);
  ASSERT_TRUE(alone);
  for (int i = 0; i < 70; ++i) {
    ASSERT_TRUE(batch.add(prompt, 4, {}, [&](const Generation& answer) {
      ++done;
      EXPECT_EQ(answer.tokens, alone->tokens);
    }));
  }
  for (int i = 0; i < 100 && batch.size() != 0; ++i) batch.step();
  EXPECT_EQ(done, 70U);
}

TEST(Batch, ACancelledRequestLeavesTheOthersAlone) {
  const Model model = tiny_model();
  Batch batch(model);
  const std::vector<TokenId> prompt{9, 8, 7};
  Generation cancelled;
  Generation other;
  ASSERT_TRUE(batch.add(
      prompt, 20, [](TokenId) { return false; },
      [&](Generation answer) { cancelled = std::move(answer); }));
  ASSERT_TRUE(batch.add(prompt, 20, {}, [&](Generation answer) { other = std::move(answer); }));
  while (batch.size() != 0) batch.step();
  EXPECT_EQ(cancelled.stop, StopReason::kCancelled);
  EXPECT_EQ(cancelled.tokens.size(), 1U);
  EXPECT_EQ(other.tokens, model.generate(prompt, 20)->tokens);
}

TEST(Batch, RefusesWhatTheModelCannotTake) {
  const Model model = tiny_model(32);
  Batch batch(model);
  EXPECT_FALSE(batch.add({}, 4, {}, {}));
  EXPECT_FALSE(batch.add({1}, 0, {}, {}));
  EXPECT_FALSE(batch.add({1}, 32, {}, {}));
  EXPECT_FALSE(batch.add({model.vocabulary_size()}, 4, {}, {}));
  batch.step();
  EXPECT_EQ(batch.size(), 0U);
}

}  // namespace
}  // namespace imo::engine
