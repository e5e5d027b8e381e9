#include "imo/base/u256.hpp"

#include "imo/base/check.hpp"
#include "imo/base/hex.hpp"

#include <bit>
#include <cmath>
#include <span>

#include <fmt/format.h>

namespace imo {
namespace {

using Limbs = std::array<std::uint64_t, 4>;
using WideLimbs = std::array<std::uint64_t, 8>;
__extension__ using u128 = unsigned __int128;

constexpr std::uint64_t low_half(u128 x) {
  return static_cast<std::uint64_t>(x);
}
constexpr std::uint64_t high_half(u128 x) {
  return static_cast<std::uint64_t>(x >> 64);
}

struct Sum {
  Limbs limbs;
  bool carry;
};

Sum add_limbs(const Limbs& a, const Limbs& b) {
  Sum sum{};
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const u128 t = u128{a[i]} + b[i] + carry;
    sum.limbs[i] = low_half(t);
    carry = high_half(t);
  }
  sum.carry = carry != 0;
  return sum;
}

Sum sub_limbs(const Limbs& a, const Limbs& b) {
  Sum difference{};
  std::uint64_t borrow = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const u128 t = u128{a[i]} - b[i] - borrow;
    difference.limbs[i] = low_half(t);
    borrow = high_half(t) & 1;
  }
  difference.carry = borrow != 0;
  return difference;
}

WideLimbs mul_limbs(const Limbs& a, const Limbs& b) {
  WideLimbs product{};
  for (std::size_t i = 0; i < 4; ++i) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      // (2^64-1)^2 + 2 (2^64-1) = 2^128-1: never overflows.
      const u128 t = u128{a[i]} * b[j] + product[i + j] + carry;
      product[i + j] = low_half(t);
      carry = high_half(t);
    }
    product[i + 4] = carry;
  }
  return product;
}

std::size_t significant(std::span<const std::uint64_t> limbs) {
  std::size_t n = limbs.size();
  while (n > 0 && limbs[n - 1] == 0) --n;
  return n;
}

struct Division {
  WideLimbs quotient{};
  Limbs remainder{};
};

/// By one limb: school division, most significant limb first.
Division divide_by_limb(const WideLimbs& a, std::uint64_t d) {
  Division result;
  std::uint64_t rest = 0;
  for (std::size_t i = 8; i-- > 0;) {
    const u128 t = u128{rest} << 64 | a[i];
    result.quotient[i] = low_half(t / d);
    rest = low_half(t % d);
  }
  result.remainder[0] = rest;
  return result;
}

/// One digit of the quotient, at most one too large: Knuth, TAOCP vol. 2, 4.3.1, step D3.
/// `top` are the three most significant limbs of the current window, highest first.
std::uint64_t estimate_digit(const std::array<std::uint64_t, 3>& top, std::uint64_t d1,
                             std::uint64_t d2) {
  const u128 window = u128{top[0]} << 64 | top[1];
  u128 q = window / d1;
  u128 rest = window % d1;
  while (high_half(q) != 0 || u128{low_half(q)} * d2 > (rest << 64 | top[2])) {
    --q;
    rest += d1;
    if (high_half(rest) != 0) break;
  }
  return low_half(q);
}

/// window -= q * divisor; says whether it went below zero.
bool subtract_multiple(std::span<std::uint64_t> window, std::span<const std::uint64_t> divisor,
                       std::uint64_t q) {
  std::uint64_t carry = 0;
  std::uint64_t borrow = 0;
  for (std::size_t i = 0; i < window.size(); ++i) {
    const u128 product = u128{i < divisor.size() ? divisor[i] : 0} * q + carry;
    carry = high_half(product);
    const u128 t = u128{window[i]} - low_half(product) - borrow;
    window[i] = low_half(t);
    borrow = high_half(t) & 1;
  }
  return borrow != 0;
}

void add_back(std::span<std::uint64_t> window, std::span<const std::uint64_t> divisor) {
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < window.size(); ++i) {
    const u128 t = u128{window[i]} + (i < divisor.size() ? divisor[i] : 0) + carry;
    window[i] = low_half(t);
    carry = high_half(t);
  }
}

/// Knuth's algorithm D in base 2^64, for a divisor of n = 2..4 limbs.
Division divide_long(const WideLimbs& a, const Limbs& divisor, std::size_t n) {
  const int shift = std::countl_zero(divisor[n - 1]);
  const auto shifted = [shift](std::uint64_t high, std::uint64_t low) {
    return shift == 0 ? high : high << shift | low >> (64 - shift);
  };
  Limbs d{};
  for (std::size_t i = 0; i < n; ++i) d[i] = shifted(divisor[i], i == 0 ? 0 : divisor[i - 1]);
  std::array<std::uint64_t, 9> u{};
  for (std::size_t i = 0; i < 9; ++i) u[i] = shifted(i == 8 ? 0 : a[i], i == 0 ? 0 : a[i - 1]);

  Division result;
  const std::span<const std::uint64_t> normal(d.data(), n);
  for (std::size_t j = 9 - n; j-- > 0;) {
    std::uint64_t q = estimate_digit({u[j + n], u[j + n - 1], u[j + n - 2]}, d[n - 1], d[n - 2]);
    const std::span<std::uint64_t> window(u.data() + j, n + 1);
    if (subtract_multiple(window, normal, q)) {
      --q;
      add_back(window, normal);
    }
    result.quotient[j] = q;
  }
  for (std::size_t i = 0; i < n; ++i) {
    result.remainder[i] = shift == 0 ? u[i] : u[i] >> shift | u[i + 1] << (64 - shift);
  }
  return result;
}

Division divide(const WideLimbs& a, const Limbs& d) {
  const std::size_t n = significant(d);
  IMO_CHECK(n != 0, "division of a U256 by zero");
  return n == 1 ? divide_by_limb(a, d[0]) : divide_long(a, d, n);
}

WideLimbs widen(const Limbs& a) {
  return {a[0], a[1], a[2], a[3], 0, 0, 0, 0};
}

Limbs low_limbs(const WideLimbs& a) {
  return {a[0], a[1], a[2], a[3]};
}

bool fits(const WideLimbs& a) {
  return significant(a) <= 4;
}

Result<U256> parse_hex(std::string_view digits) {
  if (digits.empty() || digits.size() > 64) {
    return invalid(
        fmt::format("number: {} hexadecimal digits; 1 to 64 are allowed", digits.size()));
  }
  std::string padded(64 - digits.size(), '0');
  padded += digits;
  Hash32 bytes;
  if (!from_hex_into(padded, bytes.bytes)) {
    return invalid("number: something after 0x is not a hexadecimal digit");
  }
  return U256::from_be(bytes);
}

}  // namespace

Result<U256> U256::parse(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0X")) return parse_hex(text.substr(2));
  if (text.empty()) return invalid("number: empty text; expected decimal digits");
  U256 value;
  for (const char c : text) {
    if (c < '0' || c > '9') return invalid("number: expected decimal digits, or 0x and hex digits");
    const auto tenfold = checked_mul(value, 10);
    const auto next =
        tenfold ? checked_add(*tenfold, static_cast<std::uint64_t>(c - '0')) : std::nullopt;
    if (!next) return invalid("number: larger than 2^256 - 1");
    value = *next;
  }
  return value;
}

Result<U256> U256::from_be(BytesView bytes) {
  if (bytes.size() > 32) {
    return invalid(fmt::format("number: {} bytes; at most 32 are allowed", bytes.size()));
  }
  Limbs limbs{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t place = bytes.size() - 1 - i;
    limbs[place / 8] |= std::uint64_t{bytes[i]} << (8 * (place % 8));
  }
  return U256(limbs);
}

Hash32 U256::to_be() const {
  Hash32 out;
  for (std::size_t place = 0; place < 32; ++place) {
    out.bytes[31 - place] = static_cast<std::uint8_t>(limbs_[place / 8] >> (8 * (place % 8)));
  }
  return out;
}

std::string U256::to_dec() const {
  constexpr std::uint64_t kChunk = 10'000'000'000'000'000'000ULL;  // 10^19, the most in a limb
  std::string text;
  WideLimbs rest = widen(limbs_);
  while (significant(rest) > 1 || rest[0] >= kChunk) {
    const Division step = divide_by_limb(rest, kChunk);
    text.insert(0, fmt::format("{:019}", step.remainder[0]));
    rest = step.quotient;
  }
  return fmt::format("{}{}", rest[0], text);
}

std::string U256::to_quantity() const {
  if (is_zero()) return "0x0";
  const std::string digits = to_hex(to_be()).substr(2);
  return "0x" + digits.substr(digits.find_first_not_of('0'));
}

std::optional<std::uint64_t> U256::to_u64() const {
  if (significant(limbs_) > 1) return std::nullopt;
  return limbs_[0];
}

double U256::to_double() const {
  double value = 0;
  for (std::size_t i = 4; i-- > 0;) value = std::ldexp(value, 64) + static_cast<double>(limbs_[i]);
  return value;
}

int U256::bit_length() const {
  const std::size_t n = significant(limbs_);
  return n == 0 ? 0 : static_cast<int>(64 * n) - std::countl_zero(limbs_[n - 1]);
}

U256 operator+(const U256& a, const U256& b) {
  return U256(add_limbs(a.limbs_, b.limbs_).limbs);
}
U256 operator-(const U256& a, const U256& b) {
  return U256(sub_limbs(a.limbs_, b.limbs_).limbs);
}
U256 operator*(const U256& a, const U256& b) {
  return U256(low_limbs(mul_limbs(a.limbs_, b.limbs_)));
}
U256 operator/(const U256& a, const U256& b) {
  return U256(low_limbs(divide(widen(a.limbs_), b.limbs_).quotient));
}
U256 operator%(const U256& a, const U256& b) {
  return U256(divide(widen(a.limbs_), b.limbs_).remainder);
}

U256 operator<<(const U256& a, unsigned bits) {
  Limbs out{};
  if (bits >= 256) return U256(out);
  const std::size_t limbs = bits / 64;
  const unsigned rest = bits % 64;
  for (std::size_t i = limbs; i < 4; ++i) {
    out[i] = a.limbs_[i - limbs] << rest;
    if (rest != 0 && i > limbs) out[i] |= a.limbs_[i - limbs - 1] >> (64 - rest);
  }
  return U256(out);
}

U256 operator>>(const U256& a, unsigned bits) {
  Limbs out{};
  if (bits >= 256) return U256(out);
  const std::size_t limbs = bits / 64;
  const unsigned rest = bits % 64;
  for (std::size_t i = 0; i + limbs < 4; ++i) {
    out[i] = a.limbs_[i + limbs] >> rest;
    if (rest != 0 && i + limbs + 1 < 4) out[i] |= a.limbs_[i + limbs + 1] << (64 - rest);
  }
  return U256(out);
}

std::optional<U256> checked_add(const U256& a, const U256& b) {
  const Sum sum = add_limbs(a.limbs(), b.limbs());
  if (sum.carry) return std::nullopt;
  return U256(sum.limbs);
}

std::optional<U256> checked_sub(const U256& a, const U256& b) {
  const Sum difference = sub_limbs(a.limbs(), b.limbs());
  if (difference.carry) return std::nullopt;
  return U256(difference.limbs);
}

std::optional<U256> checked_mul(const U256& a, const U256& b) {
  const WideLimbs product = mul_limbs(a.limbs(), b.limbs());
  if (!fits(product)) return std::nullopt;
  return U256(low_limbs(product));
}

std::optional<U256> mul_div_down(const U256& a, const U256& b, const U256& d) {
  if (d.is_zero()) return std::nullopt;
  const Division division = divide(mul_limbs(a.limbs(), b.limbs()), d.limbs());
  if (!fits(division.quotient)) return std::nullopt;
  return U256(low_limbs(division.quotient));
}

std::optional<U256> mul_div_up(const U256& a, const U256& b, const U256& d) {
  if (d.is_zero()) return std::nullopt;
  const Division division = divide(mul_limbs(a.limbs(), b.limbs()), d.limbs());
  if (!fits(division.quotient)) return std::nullopt;
  const U256 floor(low_limbs(division.quotient));
  return significant(division.remainder) == 0 ? floor : checked_add(floor, 1);
}

}  // namespace imo
