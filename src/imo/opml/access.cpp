#include "imo/opml/access.hpp"

#include "imo/base/check.hpp"
#include "imo/opml/element.hpp"

namespace imo::opml {

Checked<InputTensor> DirectAccess::open(std::uint32_t op) {
  const TraceShape& shape = trace_.shape();
  IMO_CHECK(op < shape.operators, "no such operator");
  const model::Operator& descriptor = program_.operators[op];
  if (auto fits = check_tensor(descriptor, op, shape); !fits) return tl::unexpected(fits.error());
  return InputTensor{op, descriptor, TensorLayout::of(descriptor, op, shape)};
}

Values DirectAccess::read(std::uint32_t op, std::uint64_t offset, std::uint64_t count,
                          unsigned size) {
  Values values;
  values.reserve(count);
  Leaf leaf{};
  std::uint64_t held = ~std::uint64_t{0};
  for (std::uint64_t at = offset; values.size() < count; at += size) {
    if (at / kLeafBytes != held) {
      held = at / kLeafBytes;
      leaf = trace_.leaf(trace_.shape().leaf_index(op, held));
    }
    values.push_back(read_element(BytesView(leaf).subspan(at % kLeafBytes, size)));
  }
  return values;
}

Checked<Values> DirectAccess::row(const InputTensor& from, std::uint32_t position,
                                  std::uint64_t first, std::uint64_t count) {
  return read(from.index, from.layout.offset(position, first), count, from.layout.row_bytes());
}

Checked<Values> DirectAccess::column(const InputTensor& self, std::uint64_t column,
                                     std::uint64_t count) {
  return read(self.index, self.layout.value_offset(column, 0), count, 2);
}

Checked<WeightRow> DirectAccess::weights(std::uint32_t tensor, std::uint32_t row) {
  if (tensor >= program_.tensors.size()) return tl::unexpected(StepFault::kTensorOutOfRange);
  const model::WeightTensor& from = program_.tensors[tensor];
  if (row >= from.rows) return tl::unexpected(StepFault::kRowOutOfRange);
  const auto weights = from.row(row);
  return WeightRow{from.multipliers[row], from.bias(row), {weights.begin(), weights.end()}};
}

Checked<Values> DirectAccess::table(std::uint32_t table, model::TableKind kind, std::uint64_t first,
                                    std::uint64_t count) {
  if (table >= program_.tables.size()) return tl::unexpected(StepFault::kTableOutOfRange);
  const model::Table& from = program_.tables[table];
  if (from.kind != kind) return tl::unexpected(StepFault::kBadDescriptor);
  if (first >= from.entries() || count > from.entries() - first) {
    return tl::unexpected(StepFault::kEntryOutOfRange);
  }
  Values values;
  for (std::uint64_t i = first; i < first + count; ++i) {
    values.push_back(kind == model::TableKind::kExp ? from.wide[i] : from.narrow[i]);
  }
  return values;
}

Checked<std::uint32_t> DirectAccess::token(std::uint32_t position) {
  IMO_CHECK(position < tokens_.size(), "a trace with more positions than tokens");
  return tokens_[position];
}

}  // namespace imo::opml
