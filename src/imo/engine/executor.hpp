/// Runs a program's operators over rows of positions.
#pragma once

#include "imo/engine/plan.hpp"
#include "imo/engine/session.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace imo::engine {

/// The buffers of one sequence and the loops over them. Every operator is run for all rows of a
/// batch before the next one; rows are positions first_ .. first_ + count.
class Executor {
 public:
  /// Program and plan must outlive it.
  Executor(const model::Program& program, const Plan& plan, std::uint32_t capacity);

  /// How many positions one run() takes at most.
  [[nodiscard]] std::uint32_t batch() const { return batch_; }

  /// Runs the operators before the tail for `tokens`, at positions from `first` on.
  void run_body(std::span<const TokenId> tokens, std::uint32_t first);

  /// Runs the tail for rows [begin, end) of the last run_body.
  void run_tail(std::uint32_t begin, std::uint32_t end);

  [[nodiscard]] std::span<const std::int32_t> logits(std::uint32_t row) const;
  [[nodiscard]] TokenId greedy(std::uint32_t row) const;

  OutputObserver observer;

 private:
  struct Buffer {
    std::vector<std::int16_t> narrow;
    std::vector<std::int32_t> wide;
    std::vector<std::int64_t> large;
    std::size_t stride = 0;  ///< elements from one row to the next
  };

  template <typename T>
  std::vector<T>& elements(Buffer& buffer);
  /// Row `row` of the batch in the output of operator `index`.
  template <typename T>
  T* row(std::uint32_t index, std::size_t row);
  /// The keys or values of `position`, whichever batch it was in.
  const std::int16_t* cached(std::uint32_t index, std::size_t position);

  void run(std::uint32_t index, std::uint32_t begin, std::uint32_t end);
  void show(std::uint32_t index, std::uint32_t begin, std::uint32_t end);

  void run_row(const model::Operator& op, std::uint32_t index, std::uint32_t row);
  template <typename T>
  void matmul(const model::Operator& op, std::uint32_t index, std::uint32_t begin,
              std::uint32_t end);
  template <typename T>
  void scale(const model::Operator& op, std::uint32_t index, std::uint32_t row);
  void embed(const model::Operator& op, std::uint32_t index, std::uint32_t row);
  void rope(const model::Operator& op, std::uint32_t index, std::uint32_t row);
  void scores(const model::Operator& op, std::uint32_t index, std::uint32_t row);
  void exp(const model::Operator& op, std::uint32_t index, std::uint32_t row);
  void mix(const model::Operator& op, std::uint32_t index, std::uint32_t row);
  void block_max(const model::Operator& op, std::uint32_t index, std::uint32_t row);
  void argmax(const model::Operator& op, std::uint32_t index, std::uint32_t row);

  [[nodiscard]] std::size_t keys(std::uint32_t row) const { return first_ + row + 1; }

  const model::Program& program_;
  const Plan& plan_;
  std::uint32_t capacity_;
  std::uint32_t batch_;
  std::vector<Buffer> buffers_;
  std::span<const TokenId> tokens_;
  std::size_t first_ = 0;
};

}  // namespace imo::engine
