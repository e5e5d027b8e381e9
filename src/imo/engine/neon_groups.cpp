// Matrix products of grouped weights: four bits times the scale of 32 columns, int16 activations,
// exact sums.
//
// As avx2_groups.cpp: a single input takes the weights of a group from registers, several read them
// from the first cache, where four rows at a time are laid down.

#include "imo/engine/grouped_loops.hpp"
#include "imo/engine/neon.hpp"

#include <arm_neon.h>

namespace imo::engine::neon {
namespace {

constexpr std::size_t kGroup = model::kGroupColumns;
constexpr std::size_t kBytes = kGroup / 2;  // of a group's bits
constexpr std::size_t kLanes = 8;           // columns of a vector
constexpr std::size_t kVectors = kGroup / kLanes;

template <bool kHasOffsets>
[[gnu::always_inline]] inline int16x8x4_t unpack(const model::GroupedWeights& from,
                                                 std::size_t index) {
  const uint8x16_t bits = vld1q_u8(from.bits.data() + index * kBytes);
  const int8x16_t eight = vdupq_n_s8(8);
  const int8x16_t low = vsubq_s8(vreinterpretq_s8_u8(vandq_u8(bits, vdupq_n_u8(15))), eight);
  const int8x16_t high = vsubq_s8(vreinterpretq_s8_u8(vshrq_n_u8(bits, 4)), eight);
  int16x8x4_t group{{vmovl_s8(vget_low_s8(low)), vmovl_high_s8(low), vmovl_s8(vget_low_s8(high)),
                     vmovl_high_s8(high)}};
#pragma GCC unroll 4
  for (auto& weights : group.val) {
    weights = vmulq_n_s16(weights, from.scales[index]);
    if constexpr (kHasOffsets) weights = vaddq_s16(weights, vdupq_n_s16(from.offsets[index]));
  }
  return group;
}

[[gnu::always_inline]] inline void add_products(int32x4_t& acc, int16x8_t w, int16x8_t x) {
  acc = vmlal_s16(acc, vget_low_s16(w), vget_low_s16(x));
  acc = vmlal_high_s16(acc, w, x);
}

/// What grouped_loops.hpp asks of a kernel.
struct Kernel {
  static constexpr std::size_t kRows = 4;
  static constexpr std::size_t kInputs = 4;
  // 64 * 1016 * 32767 < 2^31: each of the four sums of a tile may take the products of 256 columns.
  static constexpr std::size_t kPiece = 256;

  template <bool kHasOffsets>
  static std::int64_t row(const model::GroupedWeights& w, std::size_t index, const std::int16_t* x,
                          std::size_t count) {
    int32x4_t acc[kVectors] = {};
    for (std::size_t j = 0; j < count; j += kGroup, ++index) {
      const int16x8x4_t group = unpack<kHasOffsets>(w, index);
#pragma GCC unroll 4
      for (std::size_t i = 0; i < kVectors; ++i) {
        add_products(acc[i], group.val[i], vld1q_s16(x + j + i * kLanes));
      }
    }
    return vaddlvq_s32(vaddq_s32(vaddq_s32(acc[0], acc[1]), vaddq_s32(acc[2], acc[3])));
  }

  template <bool kHasOffsets>
  static void lay_down(const model::GroupedWeights& w, std::size_t index, std::int16_t* to) {
    const int16x8x4_t group = unpack<kHasOffsets>(w, index);
#pragma GCC unroll 4
    for (std::size_t i = 0; i < kVectors; ++i) vst1q_s16(to + i * kLanes, group.val[i]);
  }

  template <std::size_t R, std::size_t T>
  static void tile(const std::int16_t (*w)[kPiece], const std::int16_t* x, std::size_t stride,
                   std::size_t count, std::int64_t* sums, std::size_t rows) {
    int32x4_t acc[R][T] = {};
    for (std::size_t j = 0; j < count; j += kLanes) {
      int16x8_t inputs[T];
#pragma GCC unroll 4
      for (std::size_t t = 0; t < T; ++t) inputs[t] = vld1q_s16(x + t * stride + j);
#pragma GCC unroll 4
      for (std::size_t r = 0; r < R; ++r) {
        const int16x8_t weights = vld1q_s16(&w[r][j]);
#pragma GCC unroll 4
        for (std::size_t t = 0; t < T; ++t) add_products(acc[r][t], weights, inputs[t]);
      }
    }
#pragma GCC unroll 4
    for (std::size_t t = 0; t < T; ++t) {
#pragma GCC unroll 4
      for (std::size_t r = 0; r < R; ++r) sums[t * rows + r] += vaddlvq_s32(acc[r][t]);
    }
  }
};

}  // namespace

void grouped_products(const GroupedRows& w, const InputRows& x, std::int64_t* sums) {
  GroupedLoops<Kernel>::products(w, x, sums);
}

}  // namespace imo::engine::neon
