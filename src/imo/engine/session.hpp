/// One sequence under way: its keys and values, and the logits of its last position.
#pragma once

#include "imo/engine/execution.hpp"
#include "imo/engine/model.hpp"

#include <cstddef>

namespace imo::engine {

/// The row of one operator at one position, as it is computed. Exactly one span is not empty, by
/// the operator's type; rows of Scores and Exp are ordered [head][key] with position + 1 keys.
struct Output {
  std::uint32_t operator_index = 0;
  std::uint32_t position = 0;
  std::span<const std::int16_t> narrow;
  std::span<const std::int32_t> wide;
  std::span<const std::int64_t> large;
};

/// Sees every row: operator by operator, and within one the positions of a batch in order. For
/// traces, statistics and tests.
using OutputObserver = std::function<void(const Output&)>;

/// What follows one position.
struct Choice {
  std::uint32_t position = 0;
  std::span<const std::int32_t> logits;  ///< in units of 2^-logits_fraction(), valid in the call
  TokenId greedy = 0;
};

using OnChoice = std::function<bool(const Choice&)>;

/// Owns its buffers and shares the model. One thread at a time; different sessions are
/// independent. The same tokens give the same bits in whatever pieces they arrive.
class Session {
 public:
  /// Room for `capacity` positions, at most the model's context (checked).
  Session(Model model, std::uint32_t capacity, const Execution& execution = {});
  explicit Session(const Model& model, const Execution& execution = {});  ///< the whole context
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  /// Runs `tokens` (not empty) at the next positions; then logits() and greedy() are those of the
  /// last. Fails, with nothing done, on a token outside the vocabulary and when they do not fit.
  Result<void> extend(std::span<const TokenId> tokens);

  /// As extend, and calls `each` for tokens[first] and every one behind it, in order. When it
  /// returns false, nothing more is run and the session can only be reset.
  Result<void> extend_choosing(std::span<const TokenId> tokens, std::size_t first,
                               const OnChoice& each);

  /// Logits of the last position, in units of 2^-logits_fraction().
  [[nodiscard]] std::span<const std::int32_t> logits() const;
  [[nodiscard]] int logits_fraction() const;
  /// The token that greedy decoding chooses next: the program's Argmax.
  [[nodiscard]] TokenId greedy() const;

  [[nodiscard]] std::uint32_t position() const;
  [[nodiscard]] std::uint32_t capacity() const;

  /// Back to position 0; the buffers stay.
  void reset();

  void observe(OutputObserver observer);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace imo::engine
