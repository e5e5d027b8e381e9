/// Byte strings: owned, viewed, and of fixed size.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace imo {

/// An owned byte string.
using Bytes = std::vector<std::uint8_t>;

/// A borrowed byte string; valid as long as its owner is.
using BytesView = std::span<const std::uint8_t>;

/// Exactly `N` bytes, zero unless said otherwise, ordered as big-endian numbers are.
template <std::size_t N>
struct FixedBytes {
  std::array<std::uint8_t, N> bytes{};

  static constexpr std::size_t kSize = N;

  [[nodiscard]] constexpr BytesView view() const { return BytesView{bytes}; }
  constexpr operator BytesView() const { return view(); }  // NOLINT: a fixed string is a string
  [[nodiscard]] constexpr bool is_zero() const {
    return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; });
  }
  friend constexpr auto operator<=>(const FixedBytes&, const FixedBytes&) = default;
};

/// A 32-byte value: a hash, a root, a storage word.
using Hash32 = FixedBytes<32>;

/// An Ethereum account address.
using Address = FixedBytes<20>;

/// The bytes of `text`, borrowed.
inline BytesView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// `bytes` as text, borrowed; says nothing about its encoding.
inline std::string_view as_text(BytesView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Appends `tail` to `bytes`.
inline void append(Bytes& bytes, BytesView tail) {
  bytes.insert(bytes.end(), tail.begin(), tail.end());
}

}  // namespace imo
