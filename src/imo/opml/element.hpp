/// One element as the bytes of a leaf: big-endian two's complement.
#pragma once

#include "imo/base/bytes.hpp"

#include <cstdint>
#include <span>

namespace imo::opml {

/// 1 to 8 bytes.
constexpr std::int64_t read_element(BytesView bytes) {
  std::uint64_t value = (bytes[0] & 0x80) != 0 ? ~std::uint64_t{0} : 0;
  for (const std::uint8_t byte : bytes) value = value << 8 | byte;
  return static_cast<std::int64_t>(value);
}

/// Keeps the low bytes of `value`, as many as there are `bytes`.
constexpr void write_element(std::span<std::uint8_t> bytes, std::int64_t value) {
  auto rest = static_cast<std::uint64_t>(value);
  for (std::size_t i = bytes.size(); i-- > 0; rest >>= 8) {
    bytes[i] = static_cast<std::uint8_t>(rest);
  }
}

}  // namespace imo::opml
