/// Which characters are letters, numbers and spaces, by Unicode 15.0.
#pragma once

#include <cstdint>
#include <span>

namespace imo::model {

struct CodePointRange {
  std::uint32_t first;
  std::uint32_t last;
};

/// General categories L* and N*, ordered, disjoint.
std::span<const CodePointRange> letter_ranges();
std::span<const CodePointRange> number_ranges();

enum class CharClass : std::uint8_t {
  kLetter,
  kNumber,
  kNewline,  ///< CR and LF: white space that the newer patterns treat apart
  kSpace,    ///< other white space (Unicode's White_Space)
  kOther,
};

CharClass char_class(std::uint32_t code_point);

}  // namespace imo::model
