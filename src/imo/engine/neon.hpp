/// The NEON kernels' loops. Every 64-bit Arm machine has NEON, so nothing asks before it calls
/// them.
#pragma once

#include "imo/engine/kernels.hpp"

namespace imo::engine::neon {

std::uint64_t product_burst(std::uint64_t rounds);
void products(const WeightRows& w, const InputRows& x, std::int64_t* sums);
void grouped_products(const GroupedRows& w, const InputRows& x, std::int64_t* sums);
void scores(const std::int16_t* q, const HeadRows& k, std::uint32_t multiplier, Rescale rescale,
            std::int32_t* out);
void mix(const std::int32_t* e, const HeadRows& v, std::int64_t* out);

}  // namespace imo::engine::neon
