/// UTF-8, strictly: no surrogates, no overlong forms, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace imo::model {

/// The character at the front of some bytes.
struct Utf8Char {
  enum class State : std::uint8_t {
    kWhole,
    kCutShort,  ///< the bytes end, but more of them could make it whole
    kBroken,    ///< no continuation makes it a character
  };
  State state;
  std::uint8_t length;       ///< bytes, when whole; 1 otherwise
  std::uint32_t code_point;  ///< when whole
};

/// Looks at the front of `bytes`, which is not empty.
Utf8Char front_char(std::string_view bytes);

/// Index of the first byte that does not belong to a whole character; npos when there is none.
std::size_t find_bad_utf8(std::string_view text);

/// `code_point` <= 0x10FFFF as UTF-8.
std::string to_utf8(std::uint32_t code_point);

/// The front of `text` for a message: in double quotes, at most 40 bytes, what does not print in
/// ASCII as \xNN. (Not fmt's {:?}, which version 9 aborts on when the text is not UTF-8.)
std::string in_quotes(std::string_view text);

/// U+FFFD, which stands for what cannot be shown.
inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

}  // namespace imo::model
