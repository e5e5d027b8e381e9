#include "imo/base/hex.hpp"

#include <fmt/format.h>

namespace imo {
namespace {

constexpr int kNotADigit = -1;

constexpr int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return kNotADigit;
}

std::string_view without_prefix(std::string_view text) {
  const bool prefixed = text.starts_with("0x") || text.starts_with("0X");
  return prefixed ? text.substr(2) : text;
}

/// `out` has exactly half as many bytes as `digits` has characters. The message names the position
/// but not the text: it may be a secret key.
Result<void> decode(std::string_view digits, std::span<std::uint8_t> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = digit_value(digits[2 * i]);
    const int low = digit_value(digits[2 * i + 1]);
    if (high == kNotADigit || low == kNotADigit) {
      const std::size_t place = 2 * i + (high == kNotADigit ? 0 : 1);
      return invalid(fmt::format("hex: character {} is not a hexadecimal digit", place + 1));
    }
    out[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return {};
}

}  // namespace

std::string to_hex(BytesView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "0x";
  text.reserve(2 + 2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 0x0f]);
  }
  return text;
}

Result<Bytes> from_hex(std::string_view text) {
  const std::string_view digits = without_prefix(text);
  if (digits.size() % 2 != 0) {
    return invalid(fmt::format("hex: {} digits; a byte takes two", digits.size()));
  }
  Bytes bytes(digits.size() / 2);
  IMO_TRY_VOID(decode(digits, bytes));
  return bytes;
}

Result<void> from_hex_into(std::string_view text, std::span<std::uint8_t> out) {
  const std::string_view digits = without_prefix(text);
  if (digits.size() != 2 * out.size()) {
    return invalid(fmt::format("hex: {} digits where {} bytes take {}", digits.size(), out.size(),
                               2 * out.size()));
  }
  return decode(digits, out);
}

}  // namespace imo
