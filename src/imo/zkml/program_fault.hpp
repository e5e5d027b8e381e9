/// What keeps a program from being the one that a shape stands for.
///
/// Everything that a circuit relies on and that weights or operators could break is looked at here,
/// part by part; RegistrationVerifier.isRight decides the same of one part. docs/proof.md,
/// "Registration", is normative.
#pragma once

#include "imo/zkml/model_shape.hpp"

#include <optional>
#include <string>

namespace imo::zkml {

struct ProgramFault {
  /// Of IRegistrationVerifier; kNumbers for what a key of the program cannot even be registered
  /// with.
  enum class Part : std::uint8_t { kOperator, kTensor, kRow, kTable, kNumbers };
  Part part = Part::kNumbers;
  std::uint32_t index = 0;  ///< of the operator, tensor or table
  std::uint32_t row = 0;    ///< of the tensor; for kRow
  std::string message;
};

/// The first fault, if any. `shape` is one that decodes (ModelShape::decode).
std::optional<ProgramFault> find_fault(const ModelShape& shape, const model::Program& program);

}  // namespace imo::zkml
