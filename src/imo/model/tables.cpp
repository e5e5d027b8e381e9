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

}  // namespace

std::vector<std::int32_t> make_exp_table() {
  std::vector<std::int32_t> table(kExpEntries);
  for (std::uint32_t i = 0; i < kExpEntries; ++i) {
    const double value = portable_exp(-std::ldexp(i, -static_cast<int>(kScoreFraction)));
    table[i] = static_cast<std::int32_t>(round_half_up(std::ldexp(value, kExpFraction)));
  }
  return table;
}

std::vector<std::int16_t> make_silu_table(int fraction) {
  std::vector<std::int16_t> table(kActivationEntries);
  for (std::int32_t x = -kActivationMax; x <= kActivationMax; ++x) {
    const double value = std::ldexp(x, -fraction);
    // Below -709 the sigmoid is 0 to any precision there is; exp would overflow.
    const double silu = value < -700.0 ? 0.0 : value / (1.0 + portable_exp(-value));
    table[static_cast<std::size_t>(x + 32768)] =
        static_cast<std::int16_t>(round_half_up(std::ldexp(silu, fraction)));
  }
  table[0] = table[1];
  return table;
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
