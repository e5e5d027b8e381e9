/// The functions that a program looks up instead of computing, made with portable_math.
#pragma once

#include "imo/model/operators.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace imo::model {

/// Entry i is 2^20 exp(-i 2^-12), to nearest: 16 nats down to 0. Error of a looked-up value:
/// 2^-21 absolute, and 2^-13 relative from the rounding of the score.
std::vector<std::int32_t> make_exp_table();

/// Entry x + 32768 is SiLU(x 2^-fraction) 2^fraction to nearest, SiLU(v) = v / (1 + exp(-v)).
/// |SiLU(v)| <= |v|, so it fits; the entry of -32768, which no operator gives, is that of -32767.
std::vector<std::int16_t> make_silu_table(int fraction);

/// The same of GELU by the tanh that GPT-2 was trained with:
/// v / (1 + exp(-2 z)), z = sqrt(2/pi) (v + 0.044715 v^3).
std::vector<std::int16_t> make_gelu_table(int fraction);
/// 2 z of that.
double gelu_gate(double value);

/// Row p holds cos(p a) and sin(p a) for each angle a, in units of 2^-14, to nearest.
std::vector<std::int16_t> make_rope_table(std::uint32_t positions, std::span<const double> angles);

}  // namespace imo::model
