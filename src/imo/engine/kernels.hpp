/// The inner loops of the executor, in several versions. Each computes exactly what the definitions
/// in model/operators.hpp give, for all values that a checked program can hold: weights in
/// [-127, 127], activations in [-32767, 32767], and the bounds stated there.
#pragma once

#include "imo/base/result.hpp"
#include "imo/model/program.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace imo::engine {

/// The rescale behind a product: clamp_bits((x + 2^(shift - 1)) >> shift).
struct Rescale {
  unsigned shift = 1;
  unsigned bits = 15;
};

inline constexpr std::size_t kRowsAtOnce = 48;

/// Rows of weights, `columns` bytes each, one behind the other.
struct WeightRows {
  const std::int8_t* weights = nullptr;
  std::size_t rows = 0;
  std::size_t columns = 0;
};

/// Rows of grouped weights, one behind the other: `columns` / kGroupColumns groups each.
struct GroupedRows {
  model::GroupedWeights weights;
  std::size_t rows = 0;
  std::size_t columns = 0;
};

/// Activations of several positions, `stride` elements from one to the next.
struct InputRows {
  const std::int16_t* values = nullptr;
  std::size_t stride = 0;
  std::size_t count = 0;
};

/// One head's keys or values of consecutive positions, `stride` elements from one to the next.
struct HeadRows {
  const std::int16_t* values = nullptr;
  std::size_t stride = 0;
  std::size_t count = 0;      ///< positions
  std::size_t dimension = 0;  ///< elements of the head
};

/// One version of every loop. Pointers never overlap but for in == out of the same element.
struct Kernels {
  std::string_view name;

  /// sums[t * w.rows + r] = sum over j of w[r][j] x[t][j], for all rows and inputs. Fastest for
  /// kRowsAtOnce rows: the weights then stay in the cache while columns are cut into blocks.
  void (*products)(const WeightRows& w, const InputRows& x, std::int64_t* sums);
  /// The same for grouped weights.
  void (*grouped_products)(const GroupedRows& w, const InputRows& x, std::int64_t* sums);
  /// Makes products from registers alone, `rounds` times as many as its loop holds, and says how
  /// many: the rate that benchmarks hold products() against.
  std::uint64_t (*product_burst)(std::uint64_t rounds);
  /// out[r] = rescale((sums[r] + biases[r]) * multipliers[r]); `biases` is empty for none.
  void (*requantise_narrow)(std::span<const std::int64_t> sums,
                            std::span<const std::int64_t> biases, const std::uint32_t* multipliers,
                            Rescale rescale, std::int16_t* out);
  void (*requantise_wide)(std::span<const std::int64_t> sums, std::span<const std::int64_t> biases,
                          const std::uint32_t* multipliers, Rescale rescale, std::int32_t* out);

  /// out[t] = rescale((q . k[t]) * multiplier), for each key.
  void (*scores)(const std::int16_t* q, const HeadRows& k, std::uint32_t multiplier,
                 Rescale rescale, std::int32_t* out);
  /// out[t] = table[exp_index(maximum, z[t])].
  void (*exps)(std::span<const std::int32_t> z, std::int32_t maximum, const std::int32_t* table,
               std::int32_t* out);
  std::int32_t (*maximum)(std::span<const std::int32_t> z);
  std::int64_t (*sum)(std::span<const std::int32_t> e);
  /// out[j] = sum over t of e[t] v[t][j], 0 <= e[t] <= 2^20.
  void (*mix)(const std::int32_t* e, const HeadRows& v, std::int64_t* out);

  void (*narrow)(std::span<const std::int32_t> x, Rescale rescale, std::int32_t* out);
  std::int64_t (*sum_squares)(std::span<const std::int32_t> u);
  /// out[i] = rescale(x[i] * r), |x[i]| < 2^19 and 0 <= r <= 2^40.
  void (*scale_narrowed)(std::span<const std::int32_t> x, std::int64_t r, Rescale rescale,
                         std::int16_t* out);
  /// The same for |x[i]| < 2^52 and 0 <= r <= 2^24, |x[i] r| < 2^59.
  void (*scale_mixed)(std::span<const std::int64_t> x, std::int64_t r, Rescale rescale,
                      std::int16_t* out);
  void (*add)(std::span<const std::int32_t> x, const std::int32_t* y, std::int32_t* out);
  void (*multiply)(std::span<const std::int16_t> x, const std::int16_t* y, Rescale rescale,
                   std::int16_t* out);
  /// Turns adjacent pairs; `turns` holds {cos, sin} for each.
  void (*rope_pairs)(std::span<const std::int16_t> x, const std::int16_t* turns, std::int16_t* out);
};

/// Plain C++ for any machine: the one the others are tested against.
const Kernels& scalar_kernels();

#ifdef IMO_HAVE_X86_KERNELS
/// For machines with AVX2; to be called only there.
const Kernels& avx2_kernels();
/// Those with the products of AVX-512; for machines that have its parts F, BW, VL and VNNI besides.
const Kernels& avx512_kernels();
#endif

#ifdef IMO_HAVE_NEON_KERNELS
const Kernels& neon_kernels();
#endif

/// Those that this machine can run, the fastest first; the last is scalar.
std::span<const Kernels* const> available_kernels();

/// By name; fails naming those there are.
Result<const Kernels*> find_kernels(std::string_view name);

}  // namespace imo::engine
