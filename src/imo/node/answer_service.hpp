/// The one way to run a model in a node: the chain's requests and the HTTP door's go through the
/// same queue and the same batches, so the same request gives the same tokens at every door, and
/// one pass over the weights serves all that are under way.
#pragma once

#include "imo/base/result.hpp"
#include "imo/engine/batch.hpp"
#include "imo/engine/model.hpp"
#include "imo/node/model_shelf.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace imo::node {

/// The text of output tokens that continue a prompt: valid UTF-8, without the end token. This is
/// what `Oracle.answer` posts as text and what a receipt's textHash is of.
Result<std::string> answer_text(const model::Tokenizer& tokenizer,
                                std::span<const engine::TokenId> tokens);

struct AnswerRequest {
  std::shared_ptr<const ServedModel> model;
  std::vector<engine::TokenId> prompt;
  std::uint32_t max_tokens = 0;
};

struct Answer {
  std::vector<engine::TokenId> tokens;  ///< the end token, when it came, is the last
  std::string text;
  engine::StopReason stop = engine::StopReason::kTokenLimit;
};

/// Lets the one who asked change his mind.
class AnswerTicket {
 public:
  /// The answer ends as soon as the next token is there, and fails with kRejected.
  void cancel() { cancelled_ = true; }
  [[nodiscard]] bool cancelled() const { return cancelled_; }

 private:
  std::atomic<bool> cancelled_ = false;
};

class AnswerService {
 public:
  /// Sees the text that each token completes (often one token's, sometimes none).
  using OnText = std::function<void(std::string_view text)>;
  /// Called exactly once for every request that submit() took, unless the service ends first.
  using OnDone = std::function<void(Result<Answer>)>;

  /// At most `queue_limit` requests wait while `at_once` are under way, on all cores.
  explicit AnswerService(std::size_t queue_limit, std::size_t at_once = 8);
  /// Cancels what runs and drops what waits.
  ~AnswerService();
  AnswerService(const AnswerService&) = delete;
  AnswerService& operator=(const AnswerService&) = delete;

  /// Queues a request that the model can take (engine::Model::check_request). The callbacks come
  /// on the service's thread and must not block. kRejected when the queue is full or draining.
  Result<std::shared_ptr<AnswerTicket>> submit(AnswerRequest request, OnDone done,
                                               OnText on_text = {});

  /// submit, then wait.
  Result<Answer> answer(AnswerRequest request);

  [[nodiscard]] std::size_t waiting() const;
  [[nodiscard]] std::size_t running() const;
  /// Answers given, and the tokens in them, since the start.
  [[nodiscard]] std::uint64_t answers_given() const { return answers_given_; }
  [[nodiscard]] std::uint64_t tokens_given() const { return tokens_given_; }

  /// Takes nothing new and waits until all is answered; true when that took at most `limit`.
  bool drain(std::chrono::milliseconds limit);

 private:
  struct Job {
    AnswerRequest request;
    OnDone done;
    OnText on_text;
    std::shared_ptr<AnswerTicket> ticket;
  };
  /// A job under way: what its tokens have spelled so far.
  struct Running;
  /// The batch of each model that has something under way.
  using Batches = std::map<std::shared_ptr<const ServedModel>, engine::Batch>;

  void serve();
  void start(Job job, Batches& batches, const engine::Execution& execution);
  void finish(Running& running, engine::Generation generation);
  void deliver(const OnDone& done, Result<Answer> answer);

  const std::size_t queue_limit_;
  const std::size_t at_once_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable quiet_;
  std::deque<Job> waiting_;
  std::size_t running_ = 0;
  bool draining_ = false;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> answers_given_ = 0;
  std::atomic<std::uint64_t> tokens_given_ = 0;
  std::thread thread_;
};

}  // namespace imo::node
