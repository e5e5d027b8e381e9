#include "imo/model/byte_alphabet.hpp"

#include "imo/model/utf8.hpp"

#include <array>

namespace imo::model {
namespace {

constexpr std::uint32_t kLetters = 256 + 68;  // 68 bytes do not print in Latin-1

constexpr bool prints(std::uint32_t byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  std::array<std::uint32_t, 256> letter_of{};
  std::array<int, kLetters> byte_of{};

  constexpr Alphabet() {
    byte_of.fill(-1);
    std::uint32_t next = 256;
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      letter_of[byte] = prints(byte) ? byte : next++;
      byte_of[letter_of[byte]] = static_cast<int>(byte);
    }
  }
};

constexpr Alphabet kAlphabet;

}  // namespace

std::uint32_t byte_to_letter(std::uint8_t byte) {
  return kAlphabet.letter_of[byte];
}

std::optional<std::string> from_byte_alphabet(std::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    const Utf8Char c = front_char(text);
    if (c.state != Utf8Char::State::kWhole || c.code_point >= kLetters) return std::nullopt;
    const int byte = kAlphabet.byte_of[c.code_point];
    if (byte < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(byte));
    text.remove_prefix(c.length);
  }
  return bytes;
}

}  // namespace imo::model
