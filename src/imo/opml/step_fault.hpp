/// Why a witness is refused; the names are those of the errors of IStepVerifier.
#pragma once

#include <cstdint>
#include <string_view>

#include <tl/expected.hpp>

namespace imo::opml {

enum class StepFault : std::uint8_t {
  kOperatorOutOfRange,
  kLeafOutOfRange,
  kElementOutOfRange,
  kBadLeafLength,
  kLeafMismatch,
  kNonZeroPadding,
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

/// A value, or why there is none.
template <typename T>
using Checked = tl::expected<T, StepFault>;

}  // namespace imo::opml
