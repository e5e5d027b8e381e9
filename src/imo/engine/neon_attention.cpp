// Attention: scores of a query against keys, values mixed by their weights; and the table of all
// NEON kernels. A compiler makes vectors of the loops that are not here from the scalar ones, as
// every 64-bit Arm machine has NEON.

#include "imo/engine/neon.hpp"
#include "imo/model/operators.hpp"

#include <algorithm>

#include <arm_neon.h>

namespace imo::engine {
namespace neon {
namespace {

constexpr std::size_t kLanes = 8;

// A product of two activations is within 2^30, so each is widened before it is added.
std::int64_t dot(const std::int16_t* q, const std::int16_t* k, std::size_t dimension) {
  int64x2_t low = vdupq_n_s64(0);
  int64x2_t high = vdupq_n_s64(0);
  std::size_t j = 0;
  for (; j + kLanes <= dimension; j += kLanes) {
    const int16x8_t a = vld1q_s16(q + j);
    const int16x8_t b = vld1q_s16(k + j);
    low = vpadalq_s32(low, vmull_s16(vget_low_s16(a), vget_low_s16(b)));
    high = vpadalq_s32(high, vmull_high_s16(a, b));
  }
  std::int64_t sum = vaddvq_s64(vaddq_s64(low, high));
  for (; j < dimension; ++j) sum += std::int32_t{q[j]} * k[j];
  return sum;
}

// Eight elements of the head over all keys.
void mix_lanes(const std::int32_t* e, const std::int16_t* values, std::size_t stride,
               std::size_t count, std::int64_t* out) {
  int64x2_t acc[4] = {};
  for (std::size_t t = 0; t < count; ++t) {
    const int16x8_t row = vld1q_s16(values + t * stride);
    const int32x4_t low = vmovl_s16(vget_low_s16(row));
    const int32x4_t high = vmovl_high_s16(row);
    acc[0] = vmlal_n_s32(acc[0], vget_low_s32(low), e[t]);
    acc[1] = vmlal_high_n_s32(acc[1], low, e[t]);
    acc[2] = vmlal_n_s32(acc[2], vget_low_s32(high), e[t]);
    acc[3] = vmlal_high_n_s32(acc[3], high, e[t]);
  }
#pragma GCC unroll 4
  for (std::size_t i = 0; i < 4; ++i) vst1q_s64(out + 2 * i, acc[i]);
}

}  // namespace

void scores(const std::int16_t* q, const HeadRows& k, std::uint32_t multiplier, Rescale rescale,
            std::int32_t* out) {
  for (std::size_t t = 0; t < k.count; ++t) {
    const std::int64_t sum = dot(q, k.values + t * k.stride, k.dimension);
    out[t] =
        static_cast<std::int32_t>(model::rescale(sum * multiplier, rescale.shift, rescale.bits));
  }
}

void mix(const std::int32_t* e, const HeadRows& v, std::int64_t* out) {
  const std::size_t whole = v.dimension / kLanes * kLanes;
  for (std::size_t j = 0; j < whole; j += kLanes) {
    mix_lanes(e, v.values + j, v.stride, v.count, out + j);
  }
  std::fill(out + whole, out + v.dimension, 0);
  for (std::size_t t = 0; t < v.count; ++t) {
    for (std::size_t j = whole; j < v.dimension; ++j) {
      out[j] += std::int64_t{e[t]} * v.values[t * v.stride + j];
    }
  }
}

}  // namespace neon

const Kernels& neon_kernels() {
  static const Kernels kernels = [] {
    Kernels made = scalar_kernels();
    made.name = "neon";
    made.products = neon::products;
    made.grouped_products = neon::grouped_products;
    made.product_burst = neon::product_burst;
    made.scores = neon::scores;
    made.mix = neon::mix;
    return made;
  }();
  return kernels;
}

}  // namespace imo::engine
