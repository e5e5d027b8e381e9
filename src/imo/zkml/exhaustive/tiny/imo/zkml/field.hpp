/// A field small enough to try all of its elements, under the names of the proof's two fields.
///
/// The verifiers' own sources are compiled with this header in place of src/imo/zkml/field.hpp: the
/// order of include directories says which one is meant. Base field and extension are the same
/// prime field here, so a challenge is one of IMO_TINY_MODULUS elements.
#pragma once

#include <cstddef>
#include <cstdint>

namespace imo::zkml {

class Fp {
 public:
  static constexpr std::uint64_t kModulus = IMO_TINY_MODULUS;
  static constexpr std::size_t kBytes = 8;

  constexpr Fp() = default;
  constexpr explicit Fp(std::uint64_t value) : value_(value % kModulus) {}
  static constexpr Fp from_signed(std::int64_t value) {
    constexpr auto kSigned = static_cast<std::int64_t>(kModulus);
    return Fp(static_cast<std::uint64_t>(value % kSigned + kSigned));
  }

  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }

  friend constexpr Fp operator+(Fp a, Fp b) { return Fp(a.value_ + b.value_); }
  friend constexpr Fp operator-(Fp a, Fp b) { return Fp(a.value_ + kModulus - b.value_); }
  friend constexpr Fp operator-(Fp a) { return Fp() - a; }
  friend constexpr Fp operator*(Fp a, Fp b) { return Fp(a.value_ * b.value_); }
  constexpr Fp& operator+=(Fp b) { return *this = *this + b; }
  constexpr Fp& operator-=(Fp b) { return *this = *this - b; }
  constexpr Fp& operator*=(Fp b) { return *this = *this * b; }
  friend constexpr bool operator==(Fp, Fp) = default;

  [[nodiscard]] constexpr Fp pow(std::uint64_t exponent) const {
    Fp result(1);
    for (; exponent != 0; --exponent) result *= *this;
    return result;
  }
  [[nodiscard]] constexpr Fp inverse() const { return pow(kModulus - 2); }

 private:
  std::uint64_t value_ = 0;
};

class Fp3 {
 public:
  static constexpr std::size_t kBytes = 24;

  constexpr Fp3() = default;
  constexpr Fp3(Fp a) : a_(a) {}  // NOLINT: the subfield is part of the field
  constexpr explicit Fp3(std::uint64_t value) : a_(value) {}

  [[nodiscard]] constexpr Fp coefficient(std::size_t /*always 0*/) const { return a_; }
  [[nodiscard]] constexpr bool is_zero() const { return a_ == Fp(); }

  friend constexpr Fp3 operator+(const Fp3& a, const Fp3& b) { return a.a_ + b.a_; }
  friend constexpr Fp3 operator-(const Fp3& a, const Fp3& b) { return a.a_ - b.a_; }
  friend constexpr Fp3 operator-(const Fp3& a) { return -a.a_; }
  friend constexpr Fp3 operator*(const Fp3& a, Fp b) { return a.a_ * b; }
  friend constexpr Fp3 operator*(Fp a, const Fp3& b) { return a * b.a_; }
  friend constexpr Fp3 operator*(const Fp3& a, const Fp3& b) { return a.a_ * b.a_; }
  constexpr Fp3& operator+=(const Fp3& b) { return *this = *this + b; }
  constexpr Fp3& operator-=(const Fp3& b) { return *this = *this - b; }
  constexpr Fp3& operator*=(const Fp3& b) { return *this = *this * b; }
  friend constexpr bool operator==(const Fp3& a, const Fp3& b) { return a.a_ == b.a_; }

  [[nodiscard]] constexpr Fp3 pow(std::uint64_t exponent) const { return a_.pow(exponent); }
  [[nodiscard]] constexpr Fp3 inverse() const { return a_.inverse(); }

 private:
  Fp a_;
  /// As large as the field that it stands for: the prover's loops, which share sources with the
  /// verifiers and are never called here, count words.
  Fp unused_[2];
};

}  // namespace imo::zkml
