/// Several requests answered together: each pass over the weights serves all of them.
#pragma once

#include "imo/engine/execution.hpp"
#include "imo/engine/model.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace imo::engine {

/// Requests come and go while it runs (continuous batching). What each one gets is what
/// Model::generate gives it alone, bit for bit. One thread at a time.
class Batch {
 public:
  using OnDone = std::function<void(Generation)>;

  /// The pool of `execution` must outlive it.
  explicit Batch(Model model, const Execution& execution = {});
  ~Batch();
  Batch(Batch&&) noexcept;
  Batch& operator=(Batch&&) noexcept;

  /// Takes a request; refuses what Model::check_request refuses. Its keys and values are allocated
  /// at once. The callbacks come from step(): `on_token` may be empty, `on_done` comes last.
  Result<void> add(std::vector<TokenId> prompt, std::uint32_t max_tokens, OnToken on_token,
                   OnDone on_done);

  /// Requests that are not done.
  [[nodiscard]] std::size_t size() const;

  /// One pass: the newest token of every request that writes, then as much of the prompts of the
  /// others, in the order of their coming, as the pass has room for. No effect when size() is 0.
  void step();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace imo::engine
