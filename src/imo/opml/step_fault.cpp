#include "imo/opml/step_fault.hpp"

namespace imo::opml {

std::string_view fault_name(StepFault fault) {
  switch (fault) {
    case StepFault::kNoLeaf:
      return "NoLeaf";
    case StepFault::kElementOutOfRange:
      return "ElementOutOfRange";
    case StepFault::kBadLeafLength:
      return "BadLeafLength";
    case StepFault::kLeafMismatch:
      return "LeafMismatch";
    case StepFault::kSumOutOfRange:
      return "SumOutOfRange";
    case StepFault::kNoSums:
      return "NoSums";
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

bool is_programs_fault(StepFault fault) {
  switch (fault) {
    case StepFault::kUnknownKind:
    case StepFault::kBadDescriptor:
    case StepFault::kTensorTooLarge:
    case StepFault::kInputNotEarlier:
    case StepFault::kWrongInputType:
    case StepFault::kInputOutOfRange:
    case StepFault::kValueOutOfBounds:
    case StepFault::kTensorOutOfRange:
    case StepFault::kRowOutOfRange:
    case StepFault::kTableOutOfRange:
    case StepFault::kEntryOutOfRange:
      return true;
    default:
      return false;
  }
}

}  // namespace imo::opml
