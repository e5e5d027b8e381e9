/// What AVX-512 with VNNI does better than AVX2. Called only on machines with both.
#pragma once

#include "imo/engine/kernels.hpp"

namespace imo::engine::avx512 {

std::uint64_t product_burst(std::uint64_t rounds);
void products(const WeightRows& w, const InputRows& x, std::int64_t* sums);
void grouped_products(const GroupedRows& w, const InputRows& x, std::int64_t* sums);

}  // namespace imo::engine::avx512
