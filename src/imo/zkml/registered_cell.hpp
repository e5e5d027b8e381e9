/// Where each element of a model's registered vector comes from.
///
/// docs/proof.md, "Registration", is normative; contracts/src/zkml/RegisteredCells.sol is the twin.
#pragma once

#include "imo/zkml/model_circuit.hpp"

#include <cstdint>

namespace imo::zkml {

/// What determines a cell.
struct CellSource {
  enum class Kind : std::uint8_t {
    kZero,       ///< nothing: the cell is zero for every model
    kEmbedding,  ///< a weight of tensor 0, and the shift of operator 0
    kWeight,     ///< a weight of a matrix, and its row's multiplier
    kBias,       ///< a row's bias and multiplier
    kEntry,      ///< an entry of a table
  };
  Kind kind = Kind::kZero;
  std::uint32_t tensor = 0;
  std::uint32_t row = 0;
  std::uint32_t column = 0;
  std::uint32_t table = 0;
  std::uint64_t entry = 0;

  friend bool operator==(const CellSource&, const CellSource&) = default;
};

/// `cell` is below 2^registered_variables (checked).
CellSource source_of(const ModelCircuit& circuit, std::uint64_t cell);

}  // namespace imo::zkml
