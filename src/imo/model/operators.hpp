/// The operators of the integer program: their one meaning.
///
/// Every function here computes one element (or one row statistic) of one operator from its
/// inputs, in exact integers. Native kernels, the on-chain step and the circuit are each tested
/// against these, bit for bit. Nothing here depends on an order of summation, on a batch shape or
/// on a machine: sums are exact over Z, and every bound below proves that 64 signed bits hold them.
///
/// Notation: x[i] an element, 2^-f the unit of a tensor with fraction f, n a row's length,
/// p a position, h a head, g(h) = h / (heads / kv_heads) its key-value head.
///
/// | number | operator   | element                                             | type  | bound |
/// |--------|------------|-----------------------------------------------------|-------|-----------|
/// | 1      | Embed      | R31(w[token][i] * M[token], s)                      | int32 | 31 bits |
/// | 2      | Narrow     | R19(x[i], s)                                        | int32 | 19 bits |
/// | 3      | SumSquares | sum of u[i]^2 + constant                            | int64 | < 2^53 |
/// | 4      | Root       | floor(sqrt(v))                                      | int64 | < 2^27 |
/// | 5      | Reciprocal | floor(2^constant / z), 0 for z <= 0                 | int64 | <= 2^44 |
/// | 6      | Scale      | R15(x[i] * r[group of i], s)                        | int16 | 15 bits |
/// | 7      | MatMul     | R15 or R31((sum w[i][j] x[j] + b[i]) * M[i], s)     | int16 or int32 |
/// | 8      | Add        | clamp31(x[i] + y[i])                                | int32 | 31 bits |
/// | 9      | Rope       | R15(x0 cos - x1 sin, 14), R15(x0 sin + x1 cos, 14)  | int16 | 15 bits |
/// | 10     | Scores     | R23((sum q[h][j] k[t][g(h)][j]) * M, s), t <= p     | int32 | 23 bits |
/// | 11     | RowMax     | max over t <= p of z[h][t]                          | int32 | 23 bits |
/// | 12     | Exp        | T[min(m[h] - z[h][t], 65535)]                       | int32 | <= 2^20 |
/// | 13     | RowSum     | sum over t <= p of e[h][t]                          | int64 | <= 2^37 |
/// | 14     | Mix        | sum over t <= p of e[h][t] v[t][g(h)][j]            | int64 | < 2^52 |
/// | 15     | Activation | T[x[i] + 32768]                                     | int16 | 15 bits |
/// | 16     | Multiply   | R15(x[i] * y[i], s)                                 | int16 | 15 bits |
/// | 17     | BlockMax   | (value, id) of the greatest of 256 logits           | int32 | 31 bits |
/// | 18     | Argmax     | id of the greatest value over the blocks            | int32 | < 2^24 |
/// | 19     | Position   | R31(w[p][i] * M[p], s)                              | int32 | 31 bits |
/// | 20     | GroupedMatMul | as MatMul, over weights that grouped_weight() gives | int16 or int32
/// | | 21     | Gain       | R15(x[i] * T[i], s)                                 | int16 | 15 bits
/// |
///
/// Rb(x, s) = clamp_b((x + 2^(s-1)) >> s), the only rounding there is: arithmetic shift, half goes
/// up, then a clamp to [-(2^b - 1), 2^b - 1]. Every x it is given lies under 2^60 in magnitude.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

namespace imo::model {

/// The closed set of operators; the numbers are part of every model root.
enum class OperatorKind : std::uint8_t {
  kEmbed = 1,
  kNarrow = 2,
  kSumSquares = 3,
  kRoot = 4,
  kReciprocal = 5,
  kScale = 6,
  kMatMul = 7,
  kAdd = 8,
  kRope = 9,
  kScores = 10,
  kRowMax = 11,
  kExp = 12,
  kRowSum = 13,
  kMix = 14,
  kActivation = 15,
  kMultiply = 16,
  kBlockMax = 17,
  kArgmax = 18,
  kPosition = 19,
  kGroupedMatMul = 20,
  kGain = 21,
};

// Widths, in bits of magnitude behind the sign.
inline constexpr unsigned kActivationBits = 15;  ///< int16 without -32768
inline constexpr unsigned kNarrowBits = 19;      ///< norm statistics: 20 bits with the sign
inline constexpr unsigned kScoreBits = 23;       ///< +-2048 nats in units of 2^-12
inline constexpr unsigned kResidualBits = 31;    ///< residual stream and logits

inline constexpr std::int32_t kWeightMax = 127;         ///< never -128
inline constexpr std::int32_t kActivationMax = 32767;   ///< never -32768
inline constexpr std::uint32_t kMaxColumns = 1U << 14;  ///< longest row of a matrix
inline constexpr std::uint32_t kGroupColumns = 32;      ///< columns that share a scale
inline constexpr std::int32_t kGroupScaleMax = 127;     ///< never -128
inline constexpr std::int32_t kGroupedWeightMax = 8 * kGroupScaleMax;
inline constexpr std::uint32_t kMaxHeadDimension = 1U << 9;
inline constexpr std::uint32_t kMaxContext = 1U << 17;
inline constexpr std::uint32_t kMaxVocabulary = 1U << 24;
inline constexpr unsigned kMaxShift = 62;

/// |sum w x + bias| of a matrix row stays under this. Longest row: 2^14 * 127 * 32767 < 2^36.
inline constexpr std::int64_t kAccumulatorMax = (std::int64_t{1} << 36) - 1;
inline constexpr std::int64_t kRowMultiplierMax =
    (std::int64_t{1} << 24) - 1;  ///< 2^36 2^24 = 2^60
/// |q.k| < 2^9 * 2^30 = 2^39, so the product of Scores stays under 2^59.
inline constexpr std::int64_t kScoreMultiplierMax = (std::int64_t{1} << 20) - 1;

inline constexpr unsigned kRopeFraction = 14;   ///< cos and sin in units of 2^-14: 1 is exact
inline constexpr unsigned kScoreFraction = 12;  ///< scores in units of 2^-12 nats
inline constexpr unsigned kExpFraction = 20;    ///< exp in units of 2^-20
inline constexpr std::uint32_t kExpEntries = 1U << 16;  ///< 16 nats, where exp has become 0
inline constexpr std::uint32_t kActivationEntries = 1U << 16;
inline constexpr unsigned kNormReciprocal = 40;     ///< |u r| < 2^19 2^40
inline constexpr unsigned kSoftmaxReciprocal = 44;  ///< |mix r| <= 2^15 Z 2^44 / Z = 2^59
inline constexpr std::uint32_t kArgmaxBlock = 256;
inline constexpr std::int64_t kEpsilonMax = (std::int64_t{1} << 52) - 1;

/// To [-(2^bits - 1), 2^bits - 1].
constexpr std::int64_t clamp_bits(std::int64_t x, unsigned bits) {
  const std::int64_t limit = (std::int64_t{1} << bits) - 1;
  return x > limit ? limit : (x < -limit ? -limit : x);
}

/// clamp((x + 2^(s-1)) >> s) for 1 <= s <= 62 and |x| < 2^60.
constexpr std::int64_t rescale(std::int64_t x, unsigned shift, unsigned bits) {
  return clamp_bits((x + (std::int64_t{1} << (shift - 1))) >> shift, bits);
}

/// sum of w[j] * x[j], exactly. The definition; kernels may sum in any order.
constexpr std::int64_t dot_product(std::span<const std::int8_t> w,
                                   std::span<const std::int16_t> x) {
  std::int64_t sum = 0;
  for (std::size_t j = 0; j < w.size(); ++j) sum += std::int64_t{w[j]} * x[j];
  return sum;
}

/// sum of a[j] * b[j], exactly; |sum| < 2^39 for the longest head.
constexpr std::int64_t dot_product(std::span<const std::int16_t> a,
                                   std::span<const std::int16_t> b) {
  std::int64_t sum = 0;
  for (std::size_t j = 0; j < a.size(); ++j) sum += std::int64_t{a[j]} * b[j];
  return sum;
}

/// 20. The weight that four bits, 0 to 15, stand for in a group with this scale and offset; within
/// kGroupedWeightMax for all sixteen, whatever the group.
constexpr std::int32_t grouped_weight(std::uint32_t bits, std::int32_t scale, std::int32_t offset) {
  return (static_cast<std::int32_t>(bits) - 8) * scale + offset;
}

/// 7. One element of a matrix product; |accumulator + bias| <= kAccumulatorMax.
constexpr std::int64_t matmul_element(std::int64_t accumulator, std::int64_t bias,
                                      std::int64_t multiplier, unsigned shift, unsigned bits) {
  return rescale((accumulator + bias) * multiplier, shift, bits);
}

/// 3. v = sum of u[i]^2 + epsilon; |u| < 2^19 and n <= 2^14, so 1 <= v < 2^53 for 1 <= epsilon.
constexpr std::int64_t sum_squares(std::span<const std::int32_t> u, std::int64_t epsilon) {
  std::int64_t sum = epsilon;
  for (const std::int32_t value : u) sum += std::int64_t{value} * value;
  return sum;
}

/// 4. The t with t^2 <= v < (t + 1)^2, for 0 <= v < 2^62.
constexpr std::int64_t floor_root(std::int64_t v) {
  if (v <= 0) return 0;
  // Newton from above decreases until it reaches the floor.
  const unsigned bits = static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(v)));
  std::int64_t t = std::int64_t{1} << ((bits + 1) / 2);
  for (;;) {
    const std::int64_t next = (t + v / t) >> 1;
    if (next >= t) return t;
    t = next;
  }
}

/// 5. The r with r z <= 2^exponent < (r + 1) z; 0 where z <= 0, which no program reaches.
constexpr std::int64_t floor_reciprocal(std::int64_t z, unsigned exponent) {
  return z <= 0 ? 0 : (std::int64_t{1} << exponent) / z;
}

/// 8. The residual stream's addition.
constexpr std::int32_t add_element(std::int32_t x, std::int32_t y) {
  return static_cast<std::int32_t>(clamp_bits(std::int64_t{x} + y, kResidualBits));
}

/// 9. The first of a rotated pair; |x0 cos - x1 sin| < 2^31.
constexpr std::int16_t rope_first(std::int16_t x0, std::int16_t x1, std::int16_t cosine,
                                  std::int16_t sine) {
  return static_cast<std::int16_t>(
      rescale(std::int64_t{x0} * cosine - std::int64_t{x1} * sine, kRopeFraction, kActivationBits));
}

/// 9. The second of a rotated pair.
constexpr std::int16_t rope_second(std::int16_t x0, std::int16_t x1, std::int16_t cosine,
                                   std::int16_t sine) {
  return static_cast<std::int16_t>(
      rescale(std::int64_t{x0} * sine + std::int64_t{x1} * cosine, kRopeFraction, kActivationBits));
}

/// 12. The row of the exp table for a score under its row's maximum.
constexpr std::uint32_t exp_index(std::int32_t maximum, std::int32_t score) {
  const std::int64_t below = std::int64_t{maximum} - score;
  return below < kExpEntries ? static_cast<std::uint32_t>(below) : kExpEntries - 1;
}

/// 15. The row of an activation table.
constexpr std::uint32_t activation_index(std::int16_t x) {
  return static_cast<std::uint32_t>(std::int32_t{x} + 32768);
}

/// 17 and 18. A candidate for the maximum: greater value first, then lower id.
struct Candidate {
  std::int32_t value;
  std::int32_t id;
};

/// The better of two candidates.
constexpr Candidate better(Candidate a, Candidate b) {
  if (a.value != b.value) return a.value > b.value ? a : b;
  return a.id < b.id ? a : b;
}

}  // namespace imo::model
