#include "imo/node/key_prover.hpp"

#include "imo/base/check.hpp"
#include "imo/zkml/model_witness.hpp"
#include "imo/zkml/registered_cell.hpp"
#include "imo/zkml/weight.hpp"

#include <algorithm>
#include <span>

namespace imo::node {

Bytes part_witness(const opml::ModelProver& model, const zkml::ProgramFault& part) {
  using Part = zkml::ProgramFault::Part;
  switch (part.part) {
    case Part::kOperator:
      return model.operator_opening(part.index);
    case Part::kTensor:
      return model.tensor_opening(part.index);
    case Part::kTable:
      return model.table_opening(part.index);
    case Part::kRow: {
      Bytes bytes = model.tensor_opening(part.index);
      append(bytes, model.row_opening(part.index, part.row));
      return bytes;
    }
    case Part::kNumbers:
      break;
  }
  check_failed(__FILE__, __LINE__, "the numbers of a program are opened with every key");
}

Result<KeyProver> KeyProver::make(const opml::ModelProver& model, const zkml::ModelShape& shape,
                                  ThreadPool& pool) {
  auto circuit = zkml::ModelCircuit::make(shape, {{0}, {0}});
  IMO_TRY(std::vector<zkml::Fp> values, registered_values(model.program(), *circuit));
  return KeyProver(model, std::move(circuit), std::move(values), pool);
}

zkml::Fp3 KeyProver::sum(const zkml::Fp3& x, std::uint64_t cell, unsigned left) const {
  const auto cells = std::span(values_).subspan(cell, std::size_t{1} << left);
  return x.pow(cell) * zkml::evaluate_univariate(cells, x, *pool_);
}

std::vector<zkml::Fp3> KeyProver::split(const zkml::Fp3& x, std::uint64_t cell,
                                        unsigned left) const {
  const unsigned levels = std::min(left, kRevealBits);
  std::vector<zkml::Fp3> sums;
  for (std::uint64_t i = 0; i < std::uint64_t{1} << levels; ++i) {
    sums.push_back(sum(x, cell + (i << (left - levels)), left - levels));
  }
  return sums;
}

Bytes KeyProver::cell_witness(std::uint64_t cell) const {
  using Kind = zkml::CellSource::Kind;
  const zkml::CellSource source = source_of(*circuit_, cell);
  Bytes bytes;
  if (source.kind == Kind::kZero) return bytes;
  if (source.kind == Kind::kEntry) {
    append(bytes, model_->table_opening(source.table));
    append(bytes, model_->entry_opening(source.table, source.entry));
    return bytes;
  }
  if (source.kind == Kind::kEmbedding) append(bytes, model_->operator_opening(0));
  append(bytes, model_->tensor_opening(source.tensor));
  append(bytes, model_->row_opening(source.tensor, source.row));
  return bytes;
}

}  // namespace imo::node
