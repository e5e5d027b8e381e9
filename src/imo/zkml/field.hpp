/// The fields of the proof: Goldilocks, p = 2^64 - 2^32 + 1, and its cubic extension.
///
/// Both types are always canonical: equality of values is equality of representations, and no
/// number below has two encodings. Arithmetic is free of branches that depend on values.
#pragma once

#include "imo/base/bytes.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>

namespace imo::zkml {

__extension__ using Wide = unsigned __int128;

/// An element of Z/p, p = 2^64 - 2^32 + 1.
class Fp {
 public:
  static constexpr std::uint64_t kModulus = 0xffff'ffff'0000'0001;
  /// 2^32 divides p - 1 and 2^33 does not.
  static constexpr unsigned kTwoAdicity = 32;
  static constexpr std::size_t kBytes = 8;

  constexpr Fp() = default;
  /// The element `value` mod p.
  constexpr explicit Fp(std::uint64_t value) : value_(canonical(value)) {}
  /// `value` mod p, also of a negative number: what an int8 weight or an int16 activation is here.
  static constexpr Fp from_signed(std::int64_t value) {
    const auto word = static_cast<std::uint64_t>(value);
    return raw(value < 0 ? word + kModulus : word);
  }
  /// `value` mod p.
  static constexpr Fp from_wide(Wide value) { return raw(reduce(value)); }
  /// Nothing when `value` is p or more.
  static constexpr std::optional<Fp> from_canonical(std::uint64_t value) {
    if (value >= kModulus) return std::nullopt;
    return raw(value);
  }
  /// A primitive root of unity of order 2^log_order; log_order is at most kTwoAdicity. Each is the
  /// square of the next.
  static Fp root_of_unity(unsigned log_order);

  /// The representative below p.
  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }

  friend constexpr Fp operator+(Fp a, Fp b) {
    // a + b - p when that does not borrow, else a + b; a + b may leave 64 bits, a - (p - b) may
    // not.
    const std::uint64_t negated = kModulus - b.value_;
    return raw(a.value_ - negated + (kModulus & mask(a.value_ < negated)));
  }
  friend constexpr Fp operator-(Fp a, Fp b) {
    return raw(a.value_ - b.value_ + (kModulus & mask(a.value_ < b.value_)));
  }
  friend constexpr Fp operator-(Fp a) { return Fp{} - a; }
  friend constexpr Fp operator*(Fp a, Fp b) {
    return raw(reduce(static_cast<Wide>(a.value_) * b.value_));
  }
  constexpr Fp& operator+=(Fp b) { return *this = *this + b; }
  constexpr Fp& operator-=(Fp b) { return *this = *this - b; }
  constexpr Fp& operator*=(Fp b) { return *this = *this * b; }
  friend constexpr bool operator==(Fp, Fp) = default;

  [[nodiscard]] constexpr Fp pow(std::uint64_t exponent) const {
    Fp result(1);
    for (Fp power = *this; exponent != 0; exponent >>= 1, power *= power) {
      if (exponent & 1) result *= power;
    }
    return result;
  }
  /// 1 / this; the caller knows that this is not zero (checked).
  [[nodiscard]] Fp inverse() const;

 private:
  friend class Fp3;
  static constexpr std::uint64_t kEpsilon = 0xffff'ffff;  // 2^64 mod p = 2^32 - 1

  /// Wraps a representative that is known to be below p.
  static constexpr Fp raw(std::uint64_t value) {
    Fp result;
    result.value_ = value;
    return result;
  }
  static constexpr std::uint64_t canonical(std::uint64_t value) {
    return value - (kModulus & mask(value >= kModulus));
  }
  /// With x = low + 2^64 (middle + 2^32 top): 2^64 = 2^32 - 1 and 2^96 = -1, so
  /// x = low - top + middle (2^32 - 1).
  static constexpr std::uint64_t reduce(Wide x) {
    const auto low = static_cast<std::uint64_t>(x);
    const auto high = static_cast<std::uint64_t>(x >> 64);
    const std::uint64_t top = high >> 32;
    const std::uint64_t middle = (high & kEpsilon) * kEpsilon;
    const std::uint64_t difference = low - top - (kEpsilon & mask(low < top));
    const std::uint64_t sum = difference + middle;
    return canonical(sum + (kEpsilon & mask(sum < middle)));
  }
  /// All ones or zero. The empty instruction hides from the compiler that there are but two values:
  /// it would branch on them, and half of the branches would be predicted wrong.
  static constexpr std::uint64_t mask(bool condition) {
    std::uint64_t bits = std::uint64_t{0} - static_cast<std::uint64_t>(condition);
    if (!std::is_constant_evaluated()) __asm__("" : "+r"(bits));
    return bits;
  }

  std::uint64_t value_ = 0;
};

/// An element a0 + a1 X + a2 X^2 of F_p[X] / (X^3 - 2); 2 is no cube mod p.
class Fp3 {
 public:
  static constexpr std::size_t kBytes = 24;

  constexpr Fp3() = default;
  constexpr Fp3(Fp a0, Fp a1, Fp a2) : c_{a0, a1, a2} {}
  constexpr Fp3(Fp a0) : c_{a0, Fp{}, Fp{}} {}  // NOLINT: the subfield is part of the field
  constexpr explicit Fp3(std::uint64_t value) : Fp3(Fp(value)) {}

  /// The coefficient of X^i.
  [[nodiscard]] constexpr Fp coefficient(std::size_t i) const { return c_.at(i); }
  [[nodiscard]] constexpr bool is_zero() const { return *this == Fp3{}; }

  friend constexpr Fp3 operator+(const Fp3& a, const Fp3& b) {
    return {a.c_[0] + b.c_[0], a.c_[1] + b.c_[1], a.c_[2] + b.c_[2]};
  }
  friend constexpr Fp3 operator-(const Fp3& a, const Fp3& b) {
    return {a.c_[0] - b.c_[0], a.c_[1] - b.c_[1], a.c_[2] - b.c_[2]};
  }
  friend constexpr Fp3 operator-(const Fp3& a) { return Fp3{} - a; }
  friend constexpr Fp3 operator*(const Fp3& a, Fp b) {
    return {a.c_[0] * b, a.c_[1] * b, a.c_[2] * b};
  }
  friend constexpr Fp3 operator*(Fp a, const Fp3& b) { return b * a; }
  friend constexpr Fp3 operator*(const Fp3& a, const Fp3& b) {
    const Fp twice1 = b.c_[1] + b.c_[1];
    const Fp twice2 = b.c_[2] + b.c_[2];
    return {sum3(a.c_[0], b.c_[0], a.c_[1], twice2, a.c_[2], twice1),
            sum3(a.c_[0], b.c_[1], a.c_[1], b.c_[0], a.c_[2], twice2),
            sum3(a.c_[0], b.c_[2], a.c_[1], b.c_[1], a.c_[2], b.c_[0])};
  }
  constexpr Fp3& operator+=(const Fp3& b) { return *this = *this + b; }
  constexpr Fp3& operator-=(const Fp3& b) { return *this = *this - b; }
  constexpr Fp3& operator*=(const Fp3& b) { return *this = *this * b; }
  friend constexpr bool operator==(const Fp3&, const Fp3&) = default;

  [[nodiscard]] constexpr Fp3 pow(std::uint64_t exponent) const {
    Fp3 result(Fp(1));
    for (Fp3 power = *this; exponent != 0; exponent >>= 1, power *= power) {
      if (exponent & 1) result *= power;
    }
    return result;
  }
  /// 1 / this; the caller knows that this is not zero (checked).
  [[nodiscard]] Fp3 inverse() const;

 private:
  /// a0 b0 + a1 b1 + a2 b2 with one reduction: 2^128 = -2^32 mod p takes the carries back in.
  static constexpr Fp sum3(Fp a0, Fp b0, Fp a1, Fp b1, Fp a2, Fp b2) {
    const Wide first = static_cast<Wide>(a0.value_) * b0.value_;
    const Wide second = static_cast<Wide>(a1.value_) * b1.value_;
    const Wide third = static_cast<Wide>(a2.value_) * b2.value_;
    const Wide two = first + second;
    const Wide three = two + third;
    const std::uint64_t carries =
        static_cast<std::uint64_t>(two < second) + static_cast<std::uint64_t>(three < third);
    return Fp::raw(Fp::reduce(three)) - Fp::raw(carries << 32);
  }

  std::array<Fp, 3> c_{};
};

/// Writes the 8 bytes of `a`, big-endian, to `out`.
void write_field(Fp a, std::span<std::uint8_t, Fp::kBytes> out);

/// Writes a0, a1, a2 to `out`, each as above.
void write_field(const Fp3& a, std::span<std::uint8_t, Fp3::kBytes> out);

FixedBytes<Fp3::kBytes> field_bytes(const Fp3& a);

/// The element that write_field wrote; nothing when a word is p or more.
std::optional<Fp> read_fp(std::span<const std::uint8_t, Fp::kBytes> bytes);
std::optional<Fp3> read_fp3(std::span<const std::uint8_t, Fp3::kBytes> bytes);

}  // namespace imo::zkml
