#include "imo/model/unicode_tables.hpp"

#include <algorithm>

namespace imo::model {
namespace {

bool contains(std::span<const CodePointRange> ranges, std::uint32_t code_point) {
  const auto after = std::upper_bound(
      ranges.begin(), ranges.end(), code_point,
      [](std::uint32_t value, const CodePointRange& range) { return value < range.first; });
  return after != ranges.begin() && code_point <= std::prev(after)->last;
}

// White_Space of Unicode's PropList, which has not changed since version 6.3.
bool is_space(std::uint32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

}  // namespace

CharClass char_class(std::uint32_t code_point) {
  if (code_point == '\n' || code_point == '\r') return CharClass::kNewline;
  if (is_space(code_point)) return CharClass::kSpace;
  if (contains(letter_ranges(), code_point)) return CharClass::kLetter;
  if (contains(number_ranges(), code_point)) return CharClass::kNumber;
  return CharClass::kOther;
}

}  // namespace imo::model
