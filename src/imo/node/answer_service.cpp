#include "imo/node/answer_service.hpp"

#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"

#include <future>

#include <fmt/format.h>

namespace imo::node {

Result<std::string> answer_text(const model::Tokenizer& tokenizer,
                                std::span<const engine::TokenId> tokens) {
  model::StreamDecoder decoder(tokenizer);
  std::string text;
  for (const auto token : tokens) {
    IMO_TRY(const auto piece, decoder.push(token));
    text += piece;
  }
  return text + decoder.finish();
}

struct AnswerService::Running {
  explicit Running(Job taken) : job(std::move(taken)), decoder(job.request.model->tokenizer()) {}

  /// Says the text of one more token.
  void push(engine::TokenId token) {
    // Every id comes from the model's own vocabulary, so decoding cannot fail.
    const auto piece = decoder.push(token);
    IMO_CHECK(piece.has_value(), "the model chose a token outside its vocabulary");
    say(*piece);
  }
  void say(const std::string& piece) {
    if (job.on_text && !piece.empty()) job.on_text(piece);
    text += piece;
  }

  Job job;
  model::StreamDecoder decoder;
  std::string text;
};

AnswerService::AnswerService(std::size_t queue_limit, std::size_t at_once)
    : queue_limit_(queue_limit), at_once_(at_once), thread_([this] { serve(); }) {}

AnswerService::~AnswerService() {
  stopping_ = true;
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

Result<std::shared_ptr<AnswerTicket>> AnswerService::submit(AnswerRequest request, OnDone done,
                                                            OnText on_text) {
  IMO_CHECK(request.model != nullptr, "an answer needs a model");
  IMO_TRY_VOID(request.model->model.check_request(request.prompt, request.max_tokens));
  auto ticket = std::make_shared<AnswerTicket>();
  {
    const std::lock_guard lock(mutex_);
    if (draining_) return fail(ErrorKind::kRejected, "the node is shutting down; ask another one");
    if (waiting_.size() >= queue_limit_) {
      return fail(ErrorKind::kRejected,
                  fmt::format("{} requests wait already; try again later", queue_limit_));
    }
    waiting_.push_back({std::move(request), std::move(done), std::move(on_text), ticket});
  }
  wake_.notify_one();
  return ticket;
}

Result<Answer> AnswerService::answer(AnswerRequest request) {
  // The future breaks, rather than hangs, when the service ends before the answer.
  auto promise = std::make_shared<std::promise<Result<Answer>>>();
  auto future = promise->get_future();
  IMO_TRY_VOID(submit(std::move(request), [promise = std::move(promise)](Result<Answer> answer) {
                 promise->set_value(std::move(answer));
               }).map([](const auto&) {}));
  try {
    return future.get();
  } catch (const std::future_error&) {
    return fail(ErrorKind::kRejected, "the node stopped before the answer was there");
  }
}

std::size_t AnswerService::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

std::size_t AnswerService::running() const {
  const std::lock_guard lock(mutex_);
  return running_;
}

bool AnswerService::drain(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  draining_ = true;
  return quiet_.wait_for(lock, limit, [this] { return waiting_.empty() && running_ == 0; });
}

void AnswerService::serve() {
  ThreadPool pool;
  engine::Execution execution;
  execution.pool = &pool;
  Batches batches;
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty() || running_ != 0; });
    if (stopping_) return;
    std::vector<Job> taken;
    for (; running_ < at_once_ && !waiting_.empty(); ++running_) {
      taken.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    lock.unlock();
    for (Job& job : taken) start(std::move(job), batches, execution);
    for (auto& [model, batch] : batches) batch.step();
    std::erase_if(batches, [](const auto& entry) { return entry.second.size() == 0; });
    lock.lock();
  }
}

void AnswerService::start(Job job, Batches& batches, const engine::Execution& execution) {
  auto running = std::make_shared<Running>(std::move(job));
  const AnswerRequest& request = running->job.request;
  const auto goes_on = [this, running = running.get()] {
    return !stopping_ && !running->job.ticket->cancelled();
  };
  if (!goes_on()) return finish(*running, {{}, engine::StopReason::kCancelled});
  const auto batch = batches.try_emplace(request.model, request.model->model, execution).first;
  const auto added = batch->second.add(
      request.prompt, request.max_tokens,
      [running, goes_on](engine::TokenId token) {
        running->push(token);
        return goes_on();
      },
      [this, running](engine::Generation generation) { finish(*running, std::move(generation)); });
  IMO_CHECK(added.has_value(), "submit() let a request pass that the model cannot take");
}

void AnswerService::finish(Running& running, engine::Generation generation) {
  if (generation.stop == engine::StopReason::kCancelled) {
    return deliver(running.job.done, fail(ErrorKind::kRejected, "the request was cancelled"));
  }
  running.say(running.decoder.finish());
  ++answers_given_;
  tokens_given_ += generation.tokens.size();
  deliver(running.job.done,
          Answer{std::move(generation.tokens), std::move(running.text), generation.stop});
}

void AnswerService::deliver(const OnDone& done, Result<Answer> answer) {
  if (!stopping_) done(std::move(answer));
  {
    const std::lock_guard lock(mutex_);
    --running_;
  }
  quiet_.notify_all();
}

}  // namespace imo::node
