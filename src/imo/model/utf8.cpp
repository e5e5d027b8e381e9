#include "imo/model/utf8.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace imo::model {
namespace {

// For each lead byte: how long the character is, and which second bytes keep it from being
// overlong, a surrogate or too great (Unicode Standard, table 3-7).
struct Lead {
  std::uint8_t length;
  std::uint8_t second_low;
  std::uint8_t second_high;
};

Lead lead_of(std::uint8_t byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

constexpr Utf8Char kBrokenChar{Utf8Char::State::kBroken, 1, 0};
constexpr Utf8Char kCutShortChar{Utf8Char::State::kCutShort, 1, 0};

}  // namespace

Utf8Char front_char(std::string_view bytes) {
  const auto first = static_cast<std::uint8_t>(bytes[0]);
  const Lead lead = lead_of(first);
  if (lead.length == 0) return kBrokenChar;
  if (lead.length == 1) return {Utf8Char::State::kWhole, 1, first};
  std::uint32_t code_point = first & (0x7FU >> lead.length);
  for (std::size_t i = 1; i < lead.length; ++i) {
    if (i == bytes.size()) return kCutShortChar;
    const auto byte = static_cast<std::uint8_t>(bytes[i]);
    const bool fits =
        i == 1 ? byte >= lead.second_low && byte <= lead.second_high : (byte & 0xC0U) == 0x80U;
    if (!fits) return kBrokenChar;
    code_point = (code_point << 6) | (byte & 0x3FU);
  }
  return {Utf8Char::State::kWhole, lead.length, code_point};
}

std::size_t find_bad_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const Utf8Char c = front_char(text.substr(at));
    if (c.state != Utf8Char::State::kWhole) return at;
    at += c.length;
  }
  return std::string_view::npos;
}

std::string to_utf8(std::uint32_t c) {
  const auto byte = [](std::uint32_t value) { return static_cast<char>(value); };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xC0 | (c >> 6)), byte(0x80 | (c & 63))};
  if (c < 0x10000) {
    return {byte(0xE0 | (c >> 12)), byte(0x80 | ((c >> 6) & 63)), byte(0x80 | (c & 63))};
  }
  return {byte(0xF0 | (c >> 18)), byte(0x80 | ((c >> 12) & 63)), byte(0x80 | ((c >> 6) & 63)),
          byte(0x80 | (c & 63))};
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kMost = 40;
  std::string out = "\"";
  for (const char c : text.substr(0, kMost)) {
    const bool prints = c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
    out += prints ? std::string(1, c) : fmt::format("\\x{:02X}", static_cast<std::uint8_t>(c));
  }
  return out + (text.size() > kMost ? "...\"" : "\"");
}

}  // namespace imo::model
