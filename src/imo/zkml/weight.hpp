/// Weights: what a claim on a committed vector sums over.
///
/// A claim is sum_b w[b] f[b] = v over b in {0,1}^n, with bit j of the index b belonging to
/// coordinate j. Within a block of indices all weights here are products,
/// w[b] = prod_j (b_j ? one_j : zero_j), so their multilinear extension there is
/// w(r) = prod_j (zero_j + r_j (one_j - zero_j)).
#pragma once

#include "imo/zkml/field.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace imo {
class ThreadPool;
}

namespace imo::zkml {

/// Rows are runs of 16 indices, told apart by the four lowest variables.
inline constexpr unsigned kRowVariables = 4;
inline constexpr std::size_t kRowElements = 16;

/// One value for each place in a row.
struct RowValues {
  std::array<Fp3, kRowElements> at;

  RowValues& operator+=(const RowValues& other) {
    for (std::size_t c = 0; c < at.size(); ++c) at[c] += other.at[c];
    return *this;
  }
};

class Weight {
 public:
  /// w[b] = prod_j (b_j z_j + (1 - b_j)(1 - z_j)): the value of the multilinear polynomial at z.
  static Weight at_point(std::span<const Fp3> z);
  /// The same on blocks of 2^z.size() elements that follow each other, each with a scale; zero
  /// elsewhere. Blocks are within 2^variables elements (checked).
  static Weight in_blocks(std::span<const Fp3> z, std::uint64_t first, std::span<const Fp3> scales,
                          unsigned variables);
  /// w[b] = x^b: the value of the univariate polynomial with coefficients f at x.
  static Weight powers(const Fp3& x, unsigned variables);
  /// The same of one block of 2^block_variables elements, its first one having x^0; zero elsewhere.
  /// The block is within 2^variables elements (checked).
  static Weight powers_in_block(const Fp3& x, unsigned block_variables, std::uint64_t number,
                                unsigned variables);

  [[nodiscard]] unsigned variables() const { return variables_; }
  /// w(r); r has as many coordinates as there are variables (checked).
  [[nodiscard]] Fp3 evaluate(std::span<const Fp3> r) const;
  /// True for a weight that is the same in every row but for a factor of the row, and zero or not
  /// in whole rows: w[16 i + c] = row()[c] v[i]. Others have blocks smaller than a row.
  [[nodiscard]] bool is_over_rows() const { return factors_.size() >= kRowVariables; }
  /// The common row; of a weight over rows, as the next two (checked).
  [[nodiscard]] RowValues row() const;
  /// sum over i of v[i] values[16 i + c]; values are whole rows, zero where they end (checked).
  [[nodiscard]] RowValues row_sums(std::span<const Fp> values, ThreadPool& pool) const;
  /// What is left when the lowest variables are r: the row's value there times v.
  [[nodiscard]] Weight above(std::span<const Fp3> r) const;
  /// Index and value where a weight that is not over rows may be other than zero.
  [[nodiscard]] std::vector<std::pair<std::uint64_t, Fp3>> entries() const;
  /// sums[b] += scale * w[b] for every b; sums has 2^variables elements (checked).
  void add_to(std::span<Fp3> sums, const Fp3& scale, ThreadPool& pool) const;

 private:
  struct Factor {
    Fp3 zero;
    Fp3 one;

    [[nodiscard]] Fp3 at(const Fp3& r) const { return zero + r * (one - zero); }
  };
  /// All products of one choice from each factor, and the one that the bits of `index` choose.
  static std::vector<Fp3> table_of(std::span<const Factor> factors);
  static Fp3 product_at(std::span<const Factor> factors, std::size_t index);
  [[nodiscard]] Fp3 blocks_at(std::span<const Fp3> high) const;
  void add_block(std::span<Fp3> block, const Fp3& scale, ThreadPool& pool) const;

  unsigned variables_ = 0;
  std::vector<Factor> factors_;  ///< of the index within a block
  std::uint64_t first_ = 0;
  std::vector<Fp3> scales_{Fp3(1)};
};

/// All 2^n values w[b] of at_point(z).
std::vector<Fp3> point_weights(std::span<const Fp3> z);

/// The value at z of the multilinear polynomial with these values and zeros behind them, 2^z.size()
/// in all (checked).
Fp3 evaluate_multilinear(std::span<const Fp> values, std::span<const Fp3> z, ThreadPool& pool);

/// The same of few values in F, on this thread.
Fp3 evaluate_multilinear(std::span<const Fp3> values, std::span<const Fp3> z);

/// sums[b] += sum over j of scales[j] points[j]^b, for many points in F_p; as many scales
/// (checked).
void add_powers(std::span<Fp3> sums, std::span<const Fp> points, std::span<const Fp3> scales,
                ThreadPool& pool);

/// sum_b values[b] x^b; `values` are whole rows (checked).
Fp3 univariate_value(std::span<const Fp> values, const Fp3& x, ThreadPool& pool);

/// sum_b coefficients[b] x^b.
Fp3 evaluate_univariate(std::span<const Fp3> coefficients, const Fp3& x);

/// The same of many coefficients, on every thread.
Fp3 evaluate_univariate(std::span<const Fp3> coefficients, const Fp3& x, ThreadPool& pool);
Fp3 evaluate_univariate(std::span<const Fp> coefficients, const Fp3& x, ThreadPool& pool);

}  // namespace imo::zkml
