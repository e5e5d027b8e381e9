#include "imo/zkml/registered_cell.hpp"

#include "imo/base/check.hpp"
#include "imo/zkml/model_program.hpp"

#include <algorithm>
#include <limits>

namespace imo::zkml {
namespace {

using Kind = CellSource::Kind;

/// A cell behind the last element of a head.
constexpr std::uint32_t kNowhere = std::numeric_limits<std::uint32_t>::max();

class Cells {
 public:
  explicit Cells(const ModelCircuit& circuit)
      : circuit_(circuit), shape_(circuit.shape()), bits_(circuit.bits()) {}

  /// Of cell `index` of a column.
  [[nodiscard]] CellSource at(ColumnId id, std::uint64_t index) const {
    const RegisteredColumns& columns = circuit_.registered;
    if (id == columns.embedding) return embedding(index);
    if (id == columns.logits) return weight(tensor_count(shape_) - 1, index, bits_.feature);
    if (id == columns.cosines) return angle(index, 0);
    if (id == columns.sines) return angle(index, 1);
    if (id == columns.exp) return entry(program_tables::kExp, index);
    if (id == columns.gate) {
      return entry(program_tables::kGate, index == 0 ? model::kActivationEntries / 2 : index);
    }
    const unsigned bits = circuit_.circuit().columns[id].block_variables();
    const auto layer = static_cast<std::uint32_t>(index >> bits);
    const std::uint64_t in_layer = index & ((std::uint64_t{1} << bits) - 1);
    for (std::size_t m = 0; m < kMatrices; ++m) {
      const auto matrix = static_cast<Matrix>(m);
      if (id == columns.matrices.at(m)) return of_matrix(layer, matrix, in_layer);
      if (shape_.has_biases && m < columns.biases.size() && id == columns.biases.at(m)) {
        return bias(layer, matrix, in_layer);
      }
    }
    check_failed(__FILE__, __LINE__, "a registered column of no kind");
  }

 private:
  [[nodiscard]] CellSource embedding(std::uint64_t index) const {
    CellSource source = weight(0, index, bits_.feature);
    if (source.kind == Kind::kWeight) source.kind = Kind::kEmbedding;
    return source;
  }

  [[nodiscard]] CellSource weight(std::uint32_t tensor, std::uint64_t index,
                                  unsigned column_bits) const {
    return place(tensor, static_cast<std::uint32_t>(index >> column_bits),
                 static_cast<std::uint32_t>(index & ((std::uint64_t{1} << column_bits) - 1)));
  }

  [[nodiscard]] CellSource place(std::uint32_t tensor, std::uint32_t row,
                                 std::uint32_t column) const {
    const TensorSize size = expected_tensor(shape_, tensor);
    if (row >= size.rows || column >= size.columns) return {};
    return {.kind = Kind::kWeight, .tensor = tensor, .row = row, .column = column};
  }

  [[nodiscard]] CellSource of_matrix(std::uint32_t layer, Matrix matrix,
                                     std::uint64_t index) const {
    const std::uint32_t tensor = tensor_of(layer, matrix);
    if (matrix == Matrix::kDown) return weight(tensor, index, bits_.feed_forward);
    if (matrix == Matrix::kGate || matrix == Matrix::kUp) {
      return weight(tensor, index, bits_.feature);
    }
    const unsigned bits = matrix == Matrix::kOutput ? bits_.head + bits_.heads : bits_.feature;
    auto row = static_cast<std::uint32_t>(index >> bits);
    auto column = static_cast<std::uint32_t>(index & ((std::uint64_t{1} << bits) - 1));
    if (matrix == Matrix::kOutput) {
      column = head_element(column, false);
    } else {
      row = head_element(row, matrix != Matrix::kValue);
    }
    return place(tensor, row, column);
  }

  [[nodiscard]] CellSource bias(std::uint32_t layer, Matrix matrix, std::uint64_t index) const {
    const std::uint32_t row =
        head_element(static_cast<std::uint32_t>(index), matrix != Matrix::kValue);
    CellSource source = place(tensor_of(layer, matrix), row, 0);
    if (source.kind == Kind::kWeight) source.kind = Kind::kBias;
    return source;
  }

  /// The inverse of ModelShape::head_cell.
  [[nodiscard]] std::uint32_t head_element(std::uint32_t cell, bool is_turned) const {
    std::uint32_t element = cell & ((1U << bits_.head) - 1);
    if (element >= shape_.head) return kNowhere;
    if (is_turned && shape_.is_half_split) element = element / 2 + element % 2 * (shape_.head / 2);
    return (cell >> bits_.head) * shape_.head + element;
  }

  [[nodiscard]] CellSource angle(std::uint64_t index, unsigned is_sine) const {
    const std::uint32_t pairs = shape_.head / 2;
    const unsigned bits = bits_.head - 1;
    const std::uint64_t position = index >> bits;
    const std::uint64_t pair = index & ((std::uint64_t{1} << bits) - 1);
    if (position >= shape_.context || pair >= pairs) return {};
    return entry(program_tables::kRope, 2 * (position * pairs + pair) + is_sine);
  }

  static CellSource entry(std::uint32_t table, std::uint64_t entry) {
    return {.kind = Kind::kEntry, .table = table, .entry = entry};
  }

  const ModelCircuit& circuit_;
  const ModelShape& shape_;
  const AxisBits& bits_;
};

}  // namespace

CellSource source_of(const ModelCircuit& circuit, std::uint64_t cell) {
  IMO_CHECK(cell >> circuit.circuit().registered_variables == 0, "no such cell");
  const std::vector<Column>& columns = circuit.circuit().columns;
  for (ColumnId id = 0; id < columns.size(); ++id) {
    const Column& column = columns[id];
    if (column.source != Source::kRegistered) continue;
    if (cell >= column.offset && cell - column.offset < column.size()) {
      return Cells(circuit).at(id, cell - column.offset);
    }
  }
  return {};
}

}  // namespace imo::zkml
