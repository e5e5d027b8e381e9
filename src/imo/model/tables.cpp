#include "imo/model/tables.hpp"

#include "imo/model/portable_math.hpp"

#include <algorithm>
#include <cmath>

namespace imo::model {
namespace {

double round_half_up(double x) {
  return std::floor(x + 0.5);
}

std::int16_t turn(double value) {
  return static_cast<std::int16_t>(round_half_up(std::ldexp(value, kRopeFraction)));
}

/// Entry x + 32768 is v / (1 + exp(-gate(v))).
template <typename Gate>
std::vector<std::int16_t> make_gated_table(int fraction, Gate gate) {
  std::vector<std::int16_t> table(kActivationEntries);
  for (std::int32_t x = -kActivationMax; x <= kActivationMax; ++x) {
    const double value = std::ldexp(x, -fraction);
    const double at = gate(value);
    // Below -700 the sigmoid is 0 to any precision there is; exp would overflow.
    const double activated = at < -700.0 ? 0.0 : value / (1.0 + portable_exp(-at));
    table[static_cast<std::size_t>(x + 32768)] =
        static_cast<std::int16_t>(round_half_up(std::ldexp(activated, fraction)));
  }
  table[0] = table[1];
  return table;
}

}  // namespace

double gelu_gate(double value) {
  constexpr double kTwiceRoot = 0x1.9884533d43651p+0;  // 2 sqrt(2 / pi)
  return kTwiceRoot * (value + 0.044715 * (value * value * value));
}

std::vector<std::int32_t> make_exp_table() {
  std::vector<std::int32_t> table(kExpEntries);
  for (std::uint32_t i = 0; i < kExpEntries; ++i) {
    const double value = portable_exp(-std::ldexp(i, -static_cast<int>(kScoreFraction)));
    table[i] = static_cast<std::int32_t>(round_half_up(std::ldexp(value, kExpFraction)));
  }
  return table;
}

std::vector<std::int16_t> make_silu_table(int fraction) {
  return make_gated_table(fraction, [](double value) { return value; });
}

std::vector<std::int16_t> make_gelu_table(int fraction) {
  return make_gated_table(fraction, gelu_gate);
}

std::vector<std::int16_t> make_rope_table(std::uint32_t positions, std::span<const double> angles) {
  std::vector<std::int16_t> table;
  table.reserve(std::size_t{2} * positions * angles.size());
  for (std::uint32_t p = 0; p < positions; ++p) {
    for (const double angle : angles) {
      const SineCosine at = portable_sincos(p * angle);
      table.push_back(turn(at.cosine));
      table.push_back(turn(at.sine));
    }
  }
  return table;
}

}  // namespace imo::model
