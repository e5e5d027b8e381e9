/// Hexadecimal text, as Ethereum writes it: lower case behind `0x`.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"

#include <string>
#include <string_view>

namespace imo {

/// `0x` and two lower-case digits a byte.
std::string to_hex(BytesView bytes);

/// Reads an even number of digits of either case, with or without `0x`.
Result<Bytes> from_hex(std::string_view text);

/// Fills `out` from exactly `2 * out.size()` digits, with or without `0x`.
Result<void> from_hex_into(std::string_view text, std::span<std::uint8_t> out);

/// As from_hex, for a value of known size: `fixed_from_hex<32>("0x…")`.
template <std::size_t N>
Result<FixedBytes<N>> fixed_from_hex(std::string_view text) {
  FixedBytes<N> value;
  IMO_TRY_VOID(from_hex_into(text, value.bytes));
  return value;
}

}  // namespace imo
