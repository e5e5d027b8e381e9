#include "imo/opml/record_access.hpp"

#include "imo/opml/range_proof.hpp"

namespace imo::opml {

Checked<InputTensor> RecordAccess::open(std::uint32_t op) {
  if (op < trace_.shape().operators) append(witness_, model_.operator_opening(op));
  return direct_.open(op);
}

Checked<Values> RecordAccess::row(const InputTensor& from, std::uint32_t position,
                                  std::uint64_t first, std::uint64_t count) {
  append_leaves(from.index, from.layout.offset(position, first), count * from.layout.row_bytes());
  return direct_.row(from, position, first, count);
}

Checked<Values> RecordAccess::column(const InputTensor& self, std::uint64_t column,
                                     std::uint64_t count) {
  append_leaves(self.index, self.layout.value_offset(column, 0), 2 * count);
  return direct_.column(self, column, count);
}

Checked<WeightRow> RecordAccess::weights(std::uint32_t tensor, std::uint32_t row) {
  auto found = direct_.weights(tensor, row);
  const bool is_there = found || found.error() != StepFault::kTensorOutOfRange;
  if (is_there) append(witness_, model_.tensor_opening(tensor));
  if (found) append(witness_, model_.row_opening(tensor, row));
  return found;
}

Checked<Values> RecordAccess::table(std::uint32_t table, model::TableKind kind, std::uint64_t first,
                                    std::uint64_t count) {
  auto found = direct_.table(table, kind, first, count);
  const bool is_there = found || found.error() != StepFault::kTableOutOfRange;
  if (is_there) append(witness_, model_.table_opening(table));
  if (found) append(witness_, model_.entry_opening(table, first));
  return found;
}

Checked<std::uint32_t> RecordAccess::token(std::uint32_t position) {
  const bool is_prompt = position < tokens_.prompt.size();
  append(witness_, pack_tokens(is_prompt ? tokens_.prompt : tokens_.output));
  return direct_.token(position);
}

void RecordAccess::append_leaves(std::uint32_t op, std::uint64_t offset, std::uint64_t size) {
  const TraceShape& shape = trace_.shape();
  const std::uint64_t lo = shape.leaf_index(op, offset / kLeafBytes);
  const std::uint64_t hi = shape.leaf_index(op, (offset + size - 1) / kLeafBytes);
  for (std::uint64_t index = lo; index <= hi; ++index) append(witness_, trace_.leaf(index));
  append_range_siblings(witness_, trace_, lo, hi);
}

}  // namespace imo::opml
