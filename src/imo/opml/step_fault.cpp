#include "imo/opml/step_fault.hpp"

namespace imo::opml {

std::string_view fault_name(StepFault fault) {
  switch (fault) {
    case StepFault::kOperatorOutOfRange:
      return "OperatorOutOfRange";
    case StepFault::kLeafOutOfRange:
      return "LeafOutOfRange";
    case StepFault::kElementOutOfRange:
      return "ElementOutOfRange";
    case StepFault::kBadLeafLength:
      return "BadLeafLength";
    case StepFault::kLeafMismatch:
      return "LeafMismatch";
    case StepFault::kNonZeroPadding:
      return "NonZeroPadding";
    case StepFault::kUnknownKind:
      return "UnknownKind";
    case StepFault::kBadDescriptor:
      return "BadDescriptor";
    case StepFault::kTensorTooLarge:
      return "TensorTooLarge";
    case StepFault::kInputNotEarlier:
      return "InputNotEarlier";
    case StepFault::kWrongInputType:
      return "WrongInputType";
    case StepFault::kInputOutOfRange:
      return "InputOutOfRange";
    case StepFault::kValueOutOfBounds:
      return "ValueOutOfBounds";
    case StepFault::kOperatorMismatch:
      return "OperatorMismatch";
    case StepFault::kTraceMismatch:
      return "TraceMismatch";
    case StepFault::kTensorOutOfRange:
      return "TensorOutOfRange";
    case StepFault::kTensorMismatch:
      return "TensorMismatch";
    case StepFault::kRowOutOfRange:
      return "RowOutOfRange";
    case StepFault::kRowMismatch:
      return "RowMismatch";
    case StepFault::kTableOutOfRange:
      return "TableOutOfRange";
    case StepFault::kTableMismatch:
      return "TableMismatch";
    case StepFault::kEntryOutOfRange:
      return "EntryOutOfRange";
    case StepFault::kEntryMismatch:
      return "EntryMismatch";
    case StepFault::kTokensMismatch:
      return "TokensMismatch";
    case StepFault::kWitnessTooShort:
      return "WitnessTooShort";
    case StepFault::kWitnessTooLong:
      return "WitnessTooLong";
  }
  return "unknown";
}

}  // namespace imo::opml
