#include "imo/node/answer_service.hpp"

#include "imo/engine/verify.hpp"
#include "imo/node/prompt.hpp"
#include "imo/node/test_world.hpp"

#include <atomic>
#include <future>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::node {
namespace {

using namespace std::chrono_literals;
using test::must;
using testing::HasSubstr;

std::shared_ptr<const ServedModel> tales() {
  return test::test_models().find("tales");
}

AnswerRequest request(std::uint32_t max_tokens, std::string_view text = "Once upon a time") {
  return {tales(), must(completion_prompt(*tales(), text)), max_tokens};
}

// As long as the model can write.
AnswerRequest long_request() {
  auto asked = request(1);
  asked.max_tokens =
      tales()->model.context_length() - static_cast<std::uint32_t>(asked.prompt.size());
  return asked;
}

/// Takes text so slowly that a long request is under way for seconds, however fast the model
/// writes. (Only a test may block in a callback.)
class SlowReader {
 public:
  AnswerService::OnText on_text() {
    return [this](std::string_view) {
      if (!told_.exchange(true)) started_.set_value();
      std::this_thread::sleep_for(20ms);
    };
  }
  /// Until the first text has come.
  void wait_for_start() { started_.get_future().wait(); }

 private:
  std::promise<void> started_;
  std::atomic<bool> told_ = false;
};

TEST(AnswerService, GivesWhatTheModelWrites) {
  AnswerService service(8);
  const auto answer = must(service.answer(request(12)));
  const auto verdict = must(engine::verify(tales()->model, request(12).prompt, answer.tokens, 12));
  EXPECT_TRUE(verdict.matches) << verdict.reason;
  EXPECT_EQ(answer.text, must(answer_text(tales()->tokenizer(), answer.tokens)));
  EXPECT_FALSE(answer.text.empty());
  EXPECT_EQ(service.answers_given(), 1U);
  EXPECT_EQ(service.tokens_given(), answer.tokens.size());
}

TEST(AnswerService, TheSameRequestGivesTheSameTokensWhateverElseRuns) {
  AnswerService service(64, 3);
  const auto expected = must(service.answer(request(16)));
  std::vector<std::future<Result<Answer>>> answers;
  for (int i = 0; i < 12; ++i) {
    answers.push_back(std::async(std::launch::async, [&, i] {
      return service.answer(i % 2 == 0 ? request(16) : request(9, "The cat"));
    }));
  }
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto answer = must(answers[i].get());
    if (i % 2 == 0) {
      EXPECT_EQ(answer.tokens, expected.tokens);
    }
  }
}

TEST(AnswerService, TextComesAsItIsMade) {
  AnswerService service(8);
  std::promise<Answer> done;
  std::string pieces;
  int calls = 0;
  must(service.submit(
      request(20), [&](Result<Answer> answer) { done.set_value(must(std::move(answer))); },
      [&](std::string_view text) {
        pieces += text;
        ++calls;
      }));
  EXPECT_EQ(pieces, done.get_future().get().text);
  EXPECT_GT(calls, 3);
}

TEST(AnswerService, RefusesWhatTheModelCannotTake) {
  AnswerService service(8);
  EXPECT_FALSE(service.answer({tales(), {}, 5}));
  EXPECT_FALSE(service.answer(request(0)));
  auto too_long = long_request();
  ++too_long.max_tokens;
  EXPECT_FALSE(service.answer(too_long));
  EXPECT_FALSE(service.answer({tales(), {tales()->model.vocabulary_size()}, 5}));
}

TEST(AnswerService, CancelsWhatRunsAndWhatWaits) {
  AnswerService service(8);
  SlowReader reader;
  std::promise<Result<Answer>> first;
  std::promise<Result<Answer>> second;
  const auto running = must(service.submit(
      long_request(), [&](Result<Answer> answer) { first.set_value(std::move(answer)); },
      reader.on_text()));
  const auto waiting = must(service.submit(
      request(5), [&](Result<Answer> answer) { second.set_value(std::move(answer)); }));
  reader.wait_for_start();
  waiting->cancel();
  running->cancel();
  const auto stopped = first.get_future().get();
  ASSERT_FALSE(stopped);
  EXPECT_THAT(stopped.error().message, HasSubstr("cancelled"));
  EXPECT_FALSE(second.get_future().get());
  EXPECT_TRUE(service.answer(request(3))) << "the next one is served";
}

TEST(AnswerService, SaysBusyWhenTheQueueIsFull) {
  AnswerService service(2, 1);
  SlowReader reader;
  const auto ignore = [](const Result<Answer>&) {};
  const auto running = must(service.submit(long_request(), ignore, reader.on_text()));
  reader.wait_for_start();
  const auto a = must(service.submit(request(2), ignore));
  const auto b = must(service.submit(request(2), ignore));
  const auto c = service.submit(request(2), ignore);
  ASSERT_FALSE(c);
  EXPECT_EQ(c.error().kind, ErrorKind::kRejected);
  EXPECT_EQ(service.waiting(), 2U);
  running->cancel();
  EXPECT_TRUE(service.drain(60s));
  EXPECT_EQ(service.waiting(), 0U);
  EXPECT_FALSE(service.submit(request(2), ignore)) << "draining takes nothing new";
}

TEST(AnswerService, EndsWithoutWaitingForALongAnswer) {
  SlowReader reader;
  std::atomic<bool> answered = false;
  auto service = std::make_unique<AnswerService>(8);
  must(service->submit(
      long_request(), [&](const Result<Answer>& answer) { answered = answer.has_value(); },
      reader.on_text()));
  reader.wait_for_start();
  service.reset();
  EXPECT_FALSE(answered);
}

}  // namespace
}  // namespace imo::node
