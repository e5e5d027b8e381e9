/// Runs a program's operators over rows: positions of one or of several sequences.
#pragma once

#include "imo/engine/cache.hpp"
#include "imo/engine/execution.hpp"
#include "imo/engine/session.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace imo::engine {

/// One position to run. All earlier positions of its sequence have been run into `cache`, or are
/// rows of the same pass.
struct Row {
  TokenId token = 0;
  std::uint32_t position = 0;
  Cache* cache = nullptr;
};

/// The buffers of a pass and the loops over them. Every operator is run for all rows before the
/// next one, so weights are read once a pass, whatever number of sequences the rows belong to.
class Executor {
 public:
  /// Program, plan and the execution's pool must outlive it.
  Executor(const model::Program& program, const Plan& plan, const Execution& execution);

  /// How many rows a pass should take at most whose first of any sequence is at `position`, or
  /// before it.
  [[nodiscard]] static std::uint32_t room(std::uint32_t position);

  /// Runs the operators before the tail.
  void run_body(std::span<const Row> rows);

  /// Runs the tail for rows [begin, end) of the last run_body, whose rows must still exist.
  void run_tail(std::uint32_t begin, std::uint32_t end);

  [[nodiscard]] std::span<const std::int32_t> logits(std::uint32_t row) const;
  [[nodiscard]] TokenId greedy(std::uint32_t row) const;

  OutputObserver observer;

 private:
  struct Buffer {
    AlignedVector<std::int16_t> narrow;
    AlignedVector<std::int32_t> wide;
    AlignedVector<std::int64_t> large;
    std::size_t stride = 0;  ///< elements from one row to the next

    void reserve(model::ElementType type, std::size_t rows);
  };

  /// Row `row` of the pass in the output of operator `index`.
  template <typename T>
  T* row(std::uint32_t index, std::size_t row);
  /// One head's keys or values at all positions up to that of `row`.
  HeadRows cached(std::uint32_t index, std::uint32_t row, std::size_t head, std::size_t dimension);
  /// Elements of operator `index` at `row`.
  [[nodiscard]] std::size_t row_size(std::uint32_t index, std::uint32_t row) const;
  [[nodiscard]] std::size_t keys(std::uint32_t row) const { return rows_[row].position + 1; }

  /// Makes room for the scores of `keys` keys a row, for one pass.
  void reserve(std::uint32_t keys, std::size_t rows);
  void run(std::uint32_t index, std::uint32_t begin, std::uint32_t end);
  void show(std::uint32_t index, std::uint32_t begin, std::uint32_t end);
  /// Calls body(first, last) over n items, on all threads where `elements` are worth it.
  template <typename Body>
  void split(std::size_t n, std::size_t elements, Body&& body);

  void run_row(const model::Operator& op, std::uint32_t index, std::uint32_t row);
  void run_heads(const model::Operator& op, std::uint32_t index, std::uint32_t begin,
                 std::uint32_t end);
  void run_head(const model::Operator& op, std::uint32_t index, std::uint32_t row,
                std::size_t head);
  /// sums[t * count + r] of rows [first, first + count).
  void products(const model::WeightTensor& tensor, std::size_t first, std::size_t count,
                const InputRows& x, std::int64_t* sums) const;
  template <typename T>
  void matmul(const model::Operator& op, std::uint32_t index, std::uint32_t begin,
              std::uint32_t end);
  void scale(const model::Operator& op, std::uint32_t index, std::uint32_t row);
  /// Row `from` of the operator's tensor: that of a token, or of a position.
  void embed(const model::Operator& op, std::uint32_t index, std::uint32_t row, std::uint32_t from);
  void rope(const model::Operator& op, std::uint32_t index, std::uint32_t row);
  void block_max(const model::Operator& op, std::uint32_t index, std::uint32_t row);
  void argmax(const model::Operator& op, std::uint32_t index, std::uint32_t row);

  const model::Program& program_;
  const Plan& plan_;
  const Kernels& kernels_;
  ThreadPool* pool_;
  std::size_t split_from_;
  std::vector<Buffer> buffers_;
  std::span<const Row> rows_;
};

}  // namespace imo::engine
