/// Small sums that the circuit of a model is made of. Internal to zkml.
#pragma once

#include "imo/base/check.hpp"
#include "imo/zkml/circuit_builder.hpp"

#include <bit>

namespace imo::zkml {

/// Bits of an index below `count`.
inline unsigned bits_for(std::uint64_t count) {
  return count <= 1 ? 0 : static_cast<unsigned>(std::bit_width(count - 1));
}

inline Fp3 power_of_two(unsigned exponent) {
  IMO_CHECK(exponent < 64, "a power of two that is a word");
  return Fp3(std::uint64_t{1} << exponent);
}

/// Turns what is rounded into the remainder: + 2^(S-1) - 2^S q.
template <typename Values>
void add_rounding(Sum& sum, const Box& box, unsigned shift, const Values& quotient,
                  std::span<const Fp3> point) {
  sum.constant += power_of_two(shift - 1) * box.evaluate_bounds(point);
  add_direct(sum, quotient, point, -power_of_two(shift));
}

/// sum -= the value of a remainder at the same point.
inline void subtract(Sum& sum, const Remainder& remainder, std::span<const Fp3> point) {
  sum.others.push_back({remainder.low, -Fp3(1)});
  for (std::size_t i = 0; i < remainder.high.size(); ++i) {
    add_direct(sum, remainder.high[i], point,
               -power_of_two(static_cast<unsigned>(kLimbBits * (i + 1))));
  }
}

}  // namespace imo::zkml
