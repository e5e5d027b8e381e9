/// The step's access to a witness, every word of which is proven. Internal to opml.
#pragma once

#include "imo/opml/step.hpp"
#include "imo/opml/witness.hpp"

namespace imo::opml {

/// Reads sections off a witness in order and checks them in the order of docs/dispute.md.
class ReplayAccess {
 public:
  /// Both must outlive it.
  ReplayAccess(const StepClaim& claim, BytesView witness);

  Checked<InputTensor> open(std::uint32_t op);
  Checked<Values> row(const InputTensor& from, std::uint32_t position, std::uint64_t first,
                      std::uint64_t count);
  Checked<Values> column(const InputTensor& self, std::uint64_t column, std::uint64_t count);
  Checked<WeightRow> weights(std::uint32_t tensor, std::uint32_t row);
  Checked<Values> table(std::uint32_t table, model::TableKind kind, std::uint64_t first,
                        std::uint64_t count);
  Checked<std::uint32_t> token(std::uint32_t position);

  [[nodiscard]] const TraceShape& shape() const { return shape_; }
  /// WitnessTooLong unless everything has been read.
  [[nodiscard]] Checked<void> finish() const;

 private:
  Checked<BytesView> take(std::uint64_t size);
  /// A leaf of `size` bytes and its siblings in the tree of `root`.
  Checked<BytesView> take_leaf(std::uint64_t size, std::uint64_t index, std::uint64_t count,
                               const Hash32& root, StepFault mismatch);
  Checked<Values> read(std::uint32_t op, std::uint64_t offset, std::uint64_t count, unsigned size);

  const StepClaim& claim_;
  TraceShape shape_;
  BytesView rest_;
};

}  // namespace imo::opml
