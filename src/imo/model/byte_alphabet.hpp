/// The alphabet in which byte-level vocabularies write bytes as visible characters (GPT-2's).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace imo::model {

/// The code point that stands for `byte`: itself when it prints in Latin-1, else 256 and up in
/// order.
std::uint32_t byte_to_letter(std::uint8_t byte);

/// The bytes that a word in this alphabet stands for; nothing when a character is not of it.
std::optional<std::string> from_byte_alphabet(std::string_view text);

}  // namespace imo::model
