/// One sequence under way: its keys and values, and the logits of its last position.
#pragma once

#include "imo/engine/model.hpp"

#include <cstddef>

namespace imo::engine {

/// Rows of one operator's output, as they are computed: positions first_position onwards.
/// Exactly one span is not empty, by the operator's type.
struct Output {
  std::uint32_t operator_index = 0;
  std::uint32_t first_position = 0;
  std::uint32_t positions = 0;
  std::span<const std::int16_t> narrow;
  std::span<const std::int32_t> wide;
  std::span<const std::int64_t> large;
};

/// Sees every output of every operator in program order: for traces, statistics and tests.
using OutputObserver = std::function<void(const Output&)>;

/// Owns its buffers and shares the model. One thread at a time; different sessions are
/// independent. The same tokens give the same bits in whatever pieces they arrive.
class Session {
 public:
  /// Room for `capacity` positions, at most the model's context (checked).
  Session(Model model, std::uint32_t capacity);
  explicit Session(Model model);  ///< the whole context
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  /// Runs `tokens` (not empty) at the next positions; then logits() and greedy() are those of the
  /// last. Fails, with nothing done, on a token outside the vocabulary and when they do not fit.
  Result<void> extend(std::span<const TokenId> tokens);

  /// As extend, and calls `each` at every position of `tokens` with its logits.
  Result<void> extend_with_logits(
      std::span<const TokenId> tokens,
      const std::function<void(std::uint32_t position, std::span<const std::int32_t> logits)>&
          each);

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
  class Executor;
  std::unique_ptr<Executor> executor_;
};

}  // namespace imo::engine
