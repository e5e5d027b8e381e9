#include "imo/base/base64.hpp"

namespace imo {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr unsigned kDigitBits = 6;

}  // namespace

std::string to_base64(BytesView bytes) {
  std::string text;
  std::uint32_t window = 0;
  unsigned bits = 0;
  for (const std::uint8_t byte : bytes) {
    window = window << 8 | byte;
    for (bits += 8; bits >= kDigitBits; bits -= kDigitBits) {
      text += kDigits[window >> (bits - kDigitBits) & 63];
    }
  }
  if (bits != 0) text += kDigits[window << (kDigitBits - bits) & 63];
  while (text.size() % 4 != 0) text += '=';
  return text;
}

Result<Bytes> from_base64(std::string_view text) {
  std::string_view digits = text;
  while (!digits.empty() && text.size() - digits.size() < 2 && digits.back() == '=') {
    digits.remove_suffix(1);
  }
  Bytes bytes;
  std::uint32_t window = 0;
  unsigned bits = 0;
  for (const char digit : digits) {
    const auto value = kDigits.find(digit);
    if (value == std::string_view::npos) return invalid("not base64: a character that it has not");
    window = window << kDigitBits | static_cast<std::uint32_t>(value);
    bits += kDigitBits;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push_back(static_cast<std::uint8_t>(window >> bits));
  }
  // One text for the same bytes: no bits left over that say something, and whole groups.
  if (to_base64(bytes) != text) return invalid("not base64: of no whole bytes");
  return bytes;
}

}  // namespace imo
