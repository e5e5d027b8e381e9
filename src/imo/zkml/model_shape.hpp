/// What of a program its circuit depends on: sizes, shifts and constants, but no weight.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/model/program.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace imo::zkml {

/// Narrow, SumSquares, Root, Reciprocal and Scale of one norm.
struct NormShape {
  std::uint8_t narrow_shift = 0;
  std::uint8_t scale_shift = 0;
  std::uint64_t epsilon = 0;

  friend bool operator==(const NormShape&, const NormShape&) = default;
};

/// The matrices of a layer.
enum class Matrix : std::uint8_t { kQuery, kKey, kValue, kOutput, kGate, kUp, kDown };
inline constexpr std::size_t kMatrices = 7;

struct LayerShape {
  NormShape attention_norm;
  NormShape feed_forward_norm;
  std::array<std::uint8_t, kMatrices> matrix_shifts{};  ///< by Matrix
  std::uint8_t score_shift = 0;
  std::uint32_t score_multiplier = 0;
  std::uint8_t mix_shift = 0;  ///< of the Scale behind Mix
  std::uint8_t multiply_shift = 0;

  friend bool operator==(const LayerShape&, const LayerShape&) = default;
};

struct ModelShape {
  std::uint32_t context = 0;
  std::uint32_t vocabulary = 0;
  std::uint32_t end_token = model::kNone;
  std::uint32_t embedding = 0;
  std::uint32_t heads = 0;
  std::uint32_t kv_heads = 0;
  std::uint32_t head = 0;  ///< elements of one head
  std::uint32_t feed_forward = 0;
  bool is_half_split = false;  ///< rotary pairs (i, i + head / 2), else (2i, 2i + 1)
  bool has_biases = false;     ///< of queries, keys and values
  std::vector<LayerShape> layers;
  NormShape tail_norm;
  std::uint8_t logits_shift = 0;

  /// Fails, naming the operator and the rule, for a program outside the provable subset: the Llama
  /// family, with heads that are turned as a whole, groups of a power of two, and
  /// shifts that leave every equation of the circuit under 2^63.
  static Result<ModelShape> of(const model::Program& program);

  /// Where element i of all heads of a query, key or value is in the circuit, whose heads are a
  /// power of two long. Elements that Rope turns together are neighbours there.
  [[nodiscard]] std::uint32_t head_cell(std::uint32_t i, bool is_turned) const;

  /// One encoding, part of the statement of every proof.
  [[nodiscard]] Bytes encode() const;
  /// What encode() gave. Bounds and order are checked; nothing may be left.
  static Result<ModelShape> decode(BytesView bytes);

  friend bool operator==(const ModelShape&, const ModelShape&) = default;
};

/// Where the operators of a layer are, from its first one.
namespace layer_operators {
inline constexpr std::uint32_t kAttentionNorm = 0;  ///< five operators
inline constexpr std::uint32_t kQuery = 5;
inline constexpr std::uint32_t kKey = 6;
inline constexpr std::uint32_t kValue = 7;
inline constexpr std::uint32_t kTurnedQuery = 8;
inline constexpr std::uint32_t kTurnedKey = 9;
inline constexpr std::uint32_t kScores = 10;
inline constexpr std::uint32_t kRowMax = 11;
inline constexpr std::uint32_t kExp = 12;
inline constexpr std::uint32_t kRowSum = 13;
inline constexpr std::uint32_t kMix = 14;
inline constexpr std::uint32_t kMixReciprocal = 15;
inline constexpr std::uint32_t kMixScaled = 16;
inline constexpr std::uint32_t kOutput = 17;
inline constexpr std::uint32_t kAddAttention = 18;
inline constexpr std::uint32_t kFeedForwardNorm = 19;
inline constexpr std::uint32_t kGate = 24;
inline constexpr std::uint32_t kActivation = 25;
inline constexpr std::uint32_t kUp = 26;
inline constexpr std::uint32_t kMultiply = 27;
inline constexpr std::uint32_t kDown = 28;
inline constexpr std::uint32_t kAdd = 29;
inline constexpr std::uint32_t kCount = 30;
}  // namespace layer_operators

/// The first operator of a layer; Embed comes before layer 0.
constexpr std::uint32_t first_operator(std::uint32_t layer) {
  return 1 + layer * layer_operators::kCount;
}

/// The operator of a matrix within its layer.
std::uint32_t operator_of(Matrix matrix);

}  // namespace imo::zkml
