#include "imo/base/check.hpp"
#include "imo/zkml/model_witness.hpp"
#include "imo/zkml/program_fault.hpp"

#include <algorithm>
#include <bit>
#include <functional>

#include <fmt/format.h>

namespace imo::zkml {
namespace {

using model::Program;
using model::WeightTensor;

class Registration {
 public:
  Registration(const Program& program, const ModelCircuit& circuit)
      : program_(program),
        circuit_(circuit),
        values_(std::size_t{1} << circuit.circuit().registered_variables) {}

  std::vector<Fp> make() {
    add_embedding();
    const RegisteredColumns& columns = circuit_.registered;
    const std::array<const CommonShift*, kMatrices> shifts = {
        &circuit_.query.common,  &circuit_.key.common,  &circuit_.value.common,
        &circuit_.output.common, &circuit_.gate.common, &circuit_.up.common,
        &circuit_.down.common};
    for (std::size_t m = 0; m < kMatrices; ++m) {
      const Layout layout = layout_of(static_cast<Matrix>(m));
      for (std::uint32_t layer = 0; layer < program_.layers; ++layer) {
        const std::uint32_t op = first_operator(layer) + operator_of(static_cast<Matrix>(m));
        const WeightTensor& tensor = program_.tensors[program_.operators[op].tensor];
        add_matrix(tensor, columns.matrices.at(m), layout, layer, shifts.at(m)->factors[layer]);
        if (circuit_.shape().has_biases && m < columns.biases.size()) {
          add_biases(tensor, columns.biases.at(m), layout, layer, shifts.at(m)->factors[layer]);
        }
      }
    }
    const WeightTensor& logits =
        program_.tensors[program_.operators[program_.logits_operator()].tensor];
    add_matrix(logits, columns.logits,
               {.column_bits = circuit_.bits().feature, .row_bits = circuit_.bits().token}, 0,
               Fp(1));
    add_tables();
    return std::move(values_);
  }

 private:
  [[nodiscard]] std::size_t offset(ColumnId id) const {
    return circuit_.circuit().columns[id].offset;
  }

  void add_embedding() {
    const model::Operator& op = program_.operators[0];
    const WeightTensor& tensor = program_.tensors[op.tensor];
    const unsigned bits = circuit_.bits().feature;
    for (std::size_t token = 0; token < tensor.rows; ++token) {
      const auto row = tensor.row(token);
      const auto multiplier = std::int64_t{tensor.multipliers[token]};
      for (std::size_t i = 0; i < row.size(); ++i) {
        values_[offset(circuit_.registered.embedding) + (token << bits) + i] =
            Fp::from_signed(model::rescale(row[i] * multiplier, op.shift, model::kResidualBits));
      }
    }
  }

  /// Where rows and columns of a matrix are.
  struct Layout {
    unsigned column_bits;
    unsigned row_bits;
    std::function<std::size_t(std::uint32_t)> row = [](std::uint32_t i) { return i; };
    std::function<std::size_t(std::uint32_t)> column = [](std::uint32_t j) { return j; };
  };

  [[nodiscard]] Layout layout_of(Matrix matrix) const {
    const AxisBits& b = circuit_.bits();
    const auto in_heads = [&shape = circuit_.shape()](bool is_turned) {
      return [&shape, is_turned](std::uint32_t i) { return shape.head_cell(i, is_turned); };
    };
    switch (matrix) {
      case Matrix::kQuery:
        return {.column_bits = b.feature, .row_bits = b.head + b.heads, .row = in_heads(true)};
      case Matrix::kKey:
      case Matrix::kValue:
        return {.column_bits = b.feature,
                .row_bits = b.head + b.heads - b.group,
                .row = in_heads(matrix == Matrix::kKey)};
      case Matrix::kOutput:
        return {.column_bits = b.head + b.heads, .row_bits = b.feature, .column = in_heads(false)};
      case Matrix::kGate:
      case Matrix::kUp:
        return {.column_bits = b.feature, .row_bits = b.feed_forward};
      case Matrix::kDown:
        break;
    }
    return {.column_bits = b.feed_forward, .row_bits = b.feature};
  }

  void add_matrix(const WeightTensor& tensor, ColumnId id, const Layout& layout,
                  std::uint32_t layer, Fp layer_factor) {
    const unsigned block_bits = layout.column_bits + layout.row_bits;
    Fp* matrix = &values_[offset(id) + (std::size_t{layer} << block_bits)];
    for (std::uint32_t i = 0; i < tensor.rows; ++i) {
      const Fp factor = Fp(tensor.multipliers[i]) * layer_factor;
      const auto row = tensor.row(i);
      Fp* cells = matrix + (layout.row(i) << layout.column_bits);
      for (std::uint32_t j = 0; j < row.size(); ++j) {
        cells[layout.column(j)] = Fp::from_signed(row[j]) * factor;
      }
    }
  }

  void add_biases(const WeightTensor& tensor, ColumnId id, const Layout& layout,
                  std::uint32_t layer, Fp layer_factor) {
    Fp* biases = &values_[offset(id) + (std::size_t{layer} << layout.row_bits)];
    for (std::uint32_t i = 0; i < tensor.rows; ++i) {
      biases[layout.row(i)] =
          Fp::from_signed(tensor.bias(i)) * Fp(tensor.multipliers[i]) * layer_factor;
    }
  }

  void add_tables() {
    const RegisteredColumns& columns = circuit_.registered;
    const auto table_of = [&](model::OperatorKind kind) -> const model::Table& {
      for (const model::Operator& op : program_.operators) {
        if (op.kind == kind) return program_.tables[op.table];
      }
      check_failed(__FILE__, __LINE__, "a shape was made of a program without this operator");
    };
    const model::Table& rope = table_of(model::OperatorKind::kRope);
    const std::size_t pairs = circuit_.shape().head / 2;
    for (std::size_t i = 0; i < pairs * circuit_.shape().context; ++i) {
      const std::size_t cell = (i / pairs << (circuit_.bits().head - 1)) + i % pairs;
      values_[offset(columns.cosines) + cell] = Fp::from_signed(rope.narrow[2 * i]);
      values_[offset(columns.sines) + cell] = Fp::from_signed(rope.narrow[2 * i + 1]);
    }
    const model::Table& exp = table_of(model::OperatorKind::kExp);
    for (std::size_t i = 0; i < exp.wide.size(); ++i) {
      values_[offset(columns.exp) + i] = Fp::from_signed(exp.wide[i]);
    }
    const model::Table& gate = table_of(model::OperatorKind::kActivation);
    const std::size_t zero = gate.narrow.size() / 2;
    for (std::size_t i = 0; i < gate.narrow.size(); ++i) {
      // Row 0 would be that of -32768, which no activation is: it repeats the row of 0.
      values_[offset(columns.gate) + i] = Fp::from_signed(gate.narrow[i == 0 ? zero : i]);
    }
  }

  const Program& program_;
  const ModelCircuit& circuit_;
  std::vector<Fp> values_;
};

}  // namespace

Result<std::vector<Fp>> registered_values(const Program& program, const ModelCircuit& circuit) {
  if (const auto fault = find_fault(circuit.shape(), program)) {
    return invalid(fmt::format("the model cannot be proven: {}", fault->message));
  }
  return Registration(program, circuit).make();
}

}  // namespace imo::zkml
