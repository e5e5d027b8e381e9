/// The inner loops of matrix products, written so that a compiler can vectorise them. Each gives
/// exactly what the definition in model/operators.hpp gives.
#pragma once

#include <cstdint>
#include <span>

namespace imo::engine {

/// sum of w[j] * x[j]; any int8 and int16 values.
std::int64_t dot(const std::int8_t* w, const std::int16_t* x, std::size_t count);

/// The same for four rows x, x + stride, ...: one pass over w.
void dot_four(const std::int8_t* w, const std::int16_t* x, std::size_t stride, std::size_t count,
              std::int64_t* out);

/// sum of a[j] * b[j]; any int16 values, count up to 2^30.
std::int64_t dot(const std::int16_t* a, const std::int16_t* b, std::size_t count);

/// out[j] = sum over t < keys of e[t] * v[t * stride + j], for j < count <= kMaxHeadDimension and
/// 0 <= e[t] <= 2^20.
void mix_head(const std::int32_t* e, const std::int16_t* v, std::size_t stride, std::size_t keys,
              std::size_t count, std::int64_t* out);

}  // namespace imo::engine
