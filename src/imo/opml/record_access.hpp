/// The step's access that reads as DirectAccess does and writes down what proves it. Internal to
/// opml and its tests.
#pragma once

#include "imo/opml/access.hpp"
#include "imo/opml/witness.hpp"

namespace imo::opml {

/// The witness begins with the opening of the contested operator, which is to be opened first.
/// Where a step fails, the witness goes as far as its reader needs to find the same fault.
class RecordAccess {
 public:
  /// All must outlive it; `prefix` is that of `tokens`.
  RecordAccess(const ModelProver& model, const Trace& trace, const ClaimTokens& tokens,
               std::span<const engine::TokenId> prefix)
      : model_(model), trace_(trace), tokens_(tokens), direct_(model.program(), trace, prefix) {}

  [[nodiscard]] const TraceShape& shape() const { return trace_.shape(); }
  Checked<InputTensor> open(std::uint32_t op);
  Checked<Values> row(const InputTensor& from, std::uint32_t position, std::uint64_t first,
                      std::uint64_t count);
  Checked<Values> column(const InputTensor& self, std::uint64_t column, std::uint64_t count);
  Checked<WeightRow> weights(std::uint32_t tensor, std::uint32_t row);
  Checked<Values> table(std::uint32_t table, model::TableKind kind, std::uint64_t first,
                        std::uint64_t count);
  Checked<std::uint32_t> token(std::uint32_t position);

  [[nodiscard]] const Bytes& witness() const { return witness_; }

 private:
  void append_leaves(std::uint32_t op, std::uint64_t offset, std::uint64_t size);

  const ModelProver& model_;
  const Trace& trace_;
  const ClaimTokens& tokens_;
  DirectAccess direct_;
  Bytes witness_;
};

}  // namespace imo::opml
