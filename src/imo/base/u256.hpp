/// Unsigned 256-bit integers, the numbers of the EVM.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace imo {

/// An integer modulo 2^256 in four 64-bit limbs, least significant first. Plain operators wrap as
/// the EVM's do; the checked_ functions say when they would.
class U256 {
 public:
  constexpr U256() = default;
  constexpr U256(std::uint64_t value) : limbs_{value, 0, 0, 0} {}  // NOLINT: numbers are numbers
  constexpr explicit U256(std::array<std::uint64_t, 4> limbs) : limbs_(limbs) {}

  /// From decimal digits, or hexadecimal ones behind `0x`; nothing else around them.
  static Result<U256> parse(std::string_view text);
  /// From at most 32 big-endian bytes.
  static Result<U256> from_be(BytesView bytes);
  static constexpr U256 max() { return U256({~0ULL, ~0ULL, ~0ULL, ~0ULL}); }

  [[nodiscard]] Hash32 to_be() const;
  [[nodiscard]] std::string to_dec() const;
  /// As JSON-RPC's quantities: `0x` and no leading zeros, `0x0` for zero.
  [[nodiscard]] std::string to_quantity() const;
  [[nodiscard]] std::optional<std::uint64_t> to_u64() const;
  /// For charts and logs only; loses digits.
  [[nodiscard]] double to_double() const;
  [[nodiscard]] constexpr bool is_zero() const {
    return (limbs_[0] | limbs_[1] | limbs_[2] | limbs_[3]) == 0;
  }
  /// Position of the highest set bit plus one; 0 for zero.
  [[nodiscard]] int bit_length() const;
  [[nodiscard]] constexpr const std::array<std::uint64_t, 4>& limbs() const { return limbs_; }

  friend constexpr bool operator==(const U256&, const U256&) = default;
  friend constexpr std::strong_ordering operator<=>(const U256& a, const U256& b) {
    for (std::size_t i = 4; i-- > 0;) {
      if (a.limbs_[i] != b.limbs_[i]) return a.limbs_[i] <=> b.limbs_[i];
    }
    return std::strong_ordering::equal;
  }

  friend U256 operator+(const U256& a, const U256& b);
  friend U256 operator-(const U256& a, const U256& b);
  friend U256 operator*(const U256& a, const U256& b);
  /// Division by zero is a programmer's error.
  friend U256 operator/(const U256& a, const U256& b);
  friend U256 operator%(const U256& a, const U256& b);
  friend U256 operator<<(const U256& a, unsigned bits);
  friend U256 operator>>(const U256& a, unsigned bits);
  U256& operator+=(const U256& b) { return *this = *this + b; }
  U256& operator-=(const U256& b) { return *this = *this - b; }

 private:
  std::array<std::uint64_t, 4> limbs_{};
};

/// a + b, or nothing when it does not fit.
std::optional<U256> checked_add(const U256& a, const U256& b);
/// a - b, or nothing when b > a.
std::optional<U256> checked_sub(const U256& a, const U256& b);
/// a * b, or nothing when it does not fit.
std::optional<U256> checked_mul(const U256& a, const U256& b);
/// floor(a * b / d) over a 512-bit product, or nothing when d is zero or the result does not fit.
std::optional<U256> mul_div_down(const U256& a, const U256& b, const U256& d);
/// ceil(a * b / d), likewise.
std::optional<U256> mul_div_up(const U256& a, const U256& b, const U256& d);

}  // namespace imo
