#include "imo/zkml/program_fault.hpp"

#include "imo/model/tables.hpp"
#include "imo/zkml/model_program.hpp"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

namespace imo::zkml {
namespace {

using model::Program;
using model::TableKind;
using model::WeightTensor;
using Part = ProgramFault::Part;
__extension__ using Wide = __int128;

/// |sum * multiplier * 2^(S-s)| stays under this, so that no equation of the circuit wraps.
constexpr Wide kProductMax = Wide{1} << 61;

std::optional<ProgramFault> fault(Part part, std::uint32_t index, std::string message,
                                  std::uint32_t row = 0) {
  return ProgramFault{part, index, row, std::move(message)};
}

bool has_numbers_of(const ModelShape& shape, const Program& program) {
  return program.operators.size() == operator_count(shape) &&
         program.tensors.size() == tensor_count(shape) &&
         program.tables.size() == program_tables::kCount &&
         program.context_length == shape.context && program.vocabulary_size == shape.vocabulary &&
         program.end_token == shape.end_token && program.layers == shape.layers.size() &&
         program.tail == first_operator(program.layers);
}

/// 2^(S-s) of a tensor's layer; 1 outside of layers.
std::uint64_t factor_of(const ModelShape& shape, std::uint32_t tensor) {
  if (tensor == 0 || tensor + 1 == tensor_count(shape)) return 1;
  const std::size_t matrix = (tensor - 1) % kMatrices;
  unsigned most = 0;
  for (const LayerShape& layer : shape.layers) {
    most = std::max<unsigned>(most, layer.matrix_shifts.at(matrix));
  }
  const LayerShape& own = shape.layers[(tensor - 1) / kMatrices];
  return std::uint64_t{1} << (most - own.matrix_shifts.at(matrix));
}

std::optional<ProgramFault> row_fault(const ModelShape& shape, const WeightTensor& tensor,
                                      std::uint32_t index) {
  const std::uint64_t factor = factor_of(shape, index);
  for (std::uint32_t row = 0; row < tensor.rows; ++row) {
    if (tensor.bias(row) != 0 && !may_have_bias(shape, index)) {
      return fault(Part::kRow, index, fmt::format("tensor '{}' has biases", tensor.name), row);
    }
    if (index == 0) continue;  // nothing takes sums of the embedding's rows
    std::uint64_t l1 = 0;
    for (const std::int8_t weight : tensor.row(row)) {
      l1 += static_cast<std::uint64_t>(std::abs(int{weight}));
    }
    Wide most = Wide{l1} * model::kActivationMax;
    most += tensor.bias(row) < 0 ? -Wide{tensor.bias(row)} : Wide{tensor.bias(row)};
    if (most * tensor.multipliers[row] * factor >= kProductMax) {
      return fault(Part::kRow, index,
                   fmt::format("row {} of tensor '{}' could leave the field", row, tensor.name),
                   row);
    }
  }
  return std::nullopt;
}

std::optional<ProgramFault> table_fault(const ModelShape& shape, const Program& program,
                                        std::uint32_t index) {
  const model::Table& table = program.tables[index];
  const TableKind kind = index == program_tables::kExp    ? TableKind::kExp
                         : index == program_tables::kRope ? TableKind::kRope
                                                          : TableKind::kSilu;
  const std::size_t entries = index == program_tables::kExp ? std::size_t{model::kExpEntries}
                              : index == program_tables::kRope
                                  ? std::size_t{shape.context} * shape.head
                                  : std::size_t{model::kActivationEntries};
  if (table.kind != kind || table.entries() != entries) {
    return fault(Part::kTable, index, fmt::format("table {} is not what it should be", index));
  }
  // A circuit relies on a table that falls to zero and stays there: there is one such.
  if (kind == TableKind::kExp && !std::ranges::equal(table.wide, model::make_exp_table())) {
    return fault(Part::kTable, index, "its exp table is another than the compiler's");
  }
  return std::nullopt;
}

}  // namespace

std::optional<ProgramFault> find_fault(const ModelShape& shape, const Program& program) {
  if (!has_numbers_of(shape, program)) {
    return fault(Part::kNumbers, 0, "it has other tensors or tables than the Llama family");
  }
  for (std::uint32_t i = 0; i < program.operators.size(); ++i) {
    if (is_expected(shape, i, program.operators[i])) continue;
    return fault(Part::kOperator, i,
                 fmt::format("operator {} is not one of the Llama family",
                             model::operator_name(program, i)));
  }
  for (std::uint32_t i = 0; i < program.tables.size(); ++i) {
    if (auto found = table_fault(shape, program, i)) return found;
  }
  for (std::uint32_t i = 0; i < program.tensors.size(); ++i) {
    const WeightTensor& tensor = program.tensors[i];
    if (TensorSize{tensor.rows, tensor.columns} != expected_tensor(shape, i)) {
      return fault(Part::kTensor, i,
                   fmt::format("tensor '{}' has other sizes than it should", tensor.name));
    }
    if (auto found = row_fault(shape, tensor, i)) return found;
  }
  return std::nullopt;
}

}  // namespace imo::zkml
