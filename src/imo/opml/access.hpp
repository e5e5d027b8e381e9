/// The step's access to what is there: a trace, a program, tokens.
#pragma once

#include "imo/opml/step.hpp"
#include "imo/opml/trace.hpp"

namespace imo::opml {

/// Reads without proving anything; all three must outlive it. The program has passed check_program.
class DirectAccess {
 public:
  /// `tokens`: one for each position of the trace.
  DirectAccess(const model::Program& program, const Trace& trace,
               std::span<const engine::TokenId> tokens)
      : program_(program), trace_(trace), tokens_(tokens) {}

  [[nodiscard]] const TraceShape& shape() const { return trace_.shape(); }
  Checked<InputTensor> open(std::uint32_t op);
  Checked<Values> row(const InputTensor& from, std::uint32_t position, std::uint64_t first,
                      std::uint64_t count);
  Checked<Values> column(const InputTensor& self, std::uint64_t column, std::uint64_t count);
  Checked<WeightRow> weights(std::uint32_t tensor, std::uint32_t row);
  Checked<Values> table(std::uint32_t table, model::TableKind kind, std::uint64_t first,
                        std::uint64_t count);
  Checked<std::uint32_t> token(std::uint32_t position);

 private:
  Values read(std::uint32_t op, std::uint64_t offset, std::uint64_t count, unsigned size);

  const model::Program& program_;
  const Trace& trace_;
  std::span<const engine::TokenId> tokens_;
};

}  // namespace imo::opml
