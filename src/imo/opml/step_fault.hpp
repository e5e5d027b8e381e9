/// Why a witness is refused; the names are those of the errors of IStepVerifier.
#pragma once

#include <cstdint>
#include <string_view>

#include <tl/expected.hpp>

namespace imo::opml {

enum class StepFault : std::uint8_t {
  kNoLeaf,
  kElementOutOfRange,
  kBadLeafLength,
  kLeafMismatch,
  kSumOutOfRange,
  kNoSums,
  kUnknownKind,
  kBadDescriptor,
  kTensorTooLarge,
  kInputNotEarlier,
  kWrongInputType,
  kInputOutOfRange,
  kValueOutOfBounds,
  kOperatorMismatch,
  kTraceMismatch,
  kTensorOutOfRange,
  kTensorMismatch,
  kRowOutOfRange,
  kRowMismatch,
  kTableOutOfRange,
  kTableMismatch,
  kEntryOutOfRange,
  kEntryMismatch,
  kTokensMismatch,
  kWitnessTooShort,
  kWitnessTooLong,
};

/// "WitnessTooShort".
std::string_view fault_name(StepFault fault);

/// Of the program, as far as it has been proven: there is no element to be computed, so that
/// whatever is claimed is wrong. The other faults are of whoever made the witness.
bool is_programs_fault(StepFault fault);

/// A value, or why there is none.
template <typename T>
using Checked = tl::expected<T, StepFault>;

}  // namespace imo::opml
