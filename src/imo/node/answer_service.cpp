#include "imo/node/answer_service.hpp"

#include "imo/base/check.hpp"
#include "imo/base/log.hpp"

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

AnswerService::AnswerService(std::size_t queue_limit, std::size_t threads)
    : queue_limit_(queue_limit) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
}

AnswerService::~AnswerService() {
  stopping_ = true;
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
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
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    auto job = std::move(waiting_.front());
    waiting_.pop_front();
    ++running_;
    lock.unlock();
    auto answer = run(job);
    if (answer) {
      ++answers_given_;
      tokens_given_ += answer->tokens.size();
    }
    if (!stopping_) job.done(std::move(answer));
    job = {};  // what its callbacks hold ends outside the lock
    lock.lock();
    --running_;
    quiet_.notify_all();
  }
}

Result<Answer> AnswerService::run(const Job& job) {
  const auto cancelled = [&] { return stopping_ || job.ticket->cancelled(); };
  const auto gone = [] { return fail(ErrorKind::kRejected, "the request was cancelled"); };
  if (cancelled()) return gone();
  const auto& served = *job.request.model;
  model::StreamDecoder decoder(served.tokenizer());
  std::string text;
  // Every id comes from the model's own vocabulary, so decoding cannot fail.
  const auto on_token = [&](engine::TokenId token) {
    const auto piece = decoder.push(token);
    IMO_CHECK(piece.has_value(), "the model chose a token outside its vocabulary");
    if (job.on_text && !piece->empty()) job.on_text(*piece);
    text += *piece;
    return !cancelled();
  };
  IMO_TRY(auto generated,
          served.model.generate(job.request.prompt, job.request.max_tokens, on_token));
  if (generated.stop == engine::StopReason::kCancelled) return gone();
  const auto rest = decoder.finish();
  if (job.on_text && !rest.empty()) job.on_text(rest);
  return Answer{std::move(generated.tokens), text + rest, generated.stop};
}

}  // namespace imo::node
