#include "imo/zkml/field.hpp"

#include "imo/base/check.hpp"

namespace imo::zkml {
namespace {

/// roots[k] has order 2^k; 7 generates the whole group, so 7^((p - 1) / 2^32) has order 2^32.
std::array<Fp, Fp::kTwoAdicity + 1> make_roots() {
  std::array<Fp, Fp::kTwoAdicity + 1> roots;
  roots.back() = Fp(7).pow((Fp::kModulus - 1) >> Fp::kTwoAdicity);
  for (std::size_t k = Fp::kTwoAdicity; k > 0; --k) roots[k - 1] = roots[k] * roots[k];
  return roots;
}

}  // namespace

Fp Fp::root_of_unity(unsigned log_order) {
  static const auto kRoots = make_roots();
  return kRoots.at(log_order);
}

Fp Fp::inverse() const {
  IMO_CHECK(value_ != 0, "the inverse of zero");
  return pow(kModulus - 2);
}

/// The norm a * conj1(a) * conj2(a) lies in Fp; the product of the conjugates is b below.
Fp3 Fp3::inverse() const {
  const auto& [a0, a1, a2] = c_;
  const Fp two(2);
  const Fp b0 = a0 * a0 - two * a1 * a2;
  const Fp b1 = two * a2 * a2 - a0 * a1;
  const Fp b2 = a1 * a1 - a0 * a2;
  const Fp norm = a0 * b0 + two * (a2 * b1 + a1 * b2);
  return Fp3(b0, b1, b2) * norm.inverse();
}

void write_field(Fp a, std::span<std::uint8_t, Fp::kBytes> out) {
  for (std::size_t i = 0; i < Fp::kBytes; ++i) {
    out[i] = static_cast<std::uint8_t>(a.value() >> (56 - 8 * i));
  }
}

void write_field(const Fp3& a, std::span<std::uint8_t, Fp3::kBytes> out) {
  write_field(a.coefficient(0), out.subspan<0, 8>());
  write_field(a.coefficient(1), out.subspan<8, 8>());
  write_field(a.coefficient(2), out.subspan<16, 8>());
}

FixedBytes<Fp3::kBytes> field_bytes(const Fp3& a) {
  FixedBytes<Fp3::kBytes> bytes;
  write_field(a, bytes.bytes);
  return bytes;
}

std::optional<Fp> read_fp(std::span<const std::uint8_t, Fp::kBytes> bytes) {
  std::uint64_t word = 0;
  for (const std::uint8_t byte : bytes) word = word << 8 | byte;
  return Fp::from_canonical(word);
}

std::optional<Fp3> read_fp3(std::span<const std::uint8_t, Fp3::kBytes> bytes) {
  const auto a0 = read_fp(bytes.subspan<0, 8>());
  const auto a1 = read_fp(bytes.subspan<8, 8>());
  const auto a2 = read_fp(bytes.subspan<16, 8>());
  if (!a0 || !a1 || !a2) return std::nullopt;
  return Fp3(*a0, *a1, *a2);
}

}  // namespace imo::zkml
