/// The first four folds of a committed vector. Internal to zkml.
///
/// They cost no memory to speak of: nearly every weight is a product of a factor of the place in a
/// row of 16 and one of the row. The sums over all rows of what the two say of each pair of places,
/// 16 by 16 numbers, hold all that the four rounds' polynomials need; and only the vector behind
/// them, a sixteenth as long, is ever written down, with its weights.
#pragma once

#include "imo/zkml/field.hpp"
#include "imo/zkml/weight.hpp"

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace imo {
class ThreadPool;
}

namespace imo::zkml {

/// h(X) = sum_b w(X, b) f(X, b) for the lowest variable X, as the proof has it.
struct RoundPolynomial {
  Fp3 at_zero;
  Fp3 leading;

  RoundPolynomial& operator+=(const RoundPolynomial& other) {
    at_zero += other.at_zero;
    leading += other.leading;
    return *this;
  }
};

class FirstFolds {
 public:
  /// `values` are the whole rows that are stored of 2^variables elements; borrowed, as is `pool`.
  FirstFolds(std::span<const Fp> values, unsigned variables, ThreadPool& pool);

  /// Adds scale * weight.
  void add(Weight weight, const Fp3& scale);

  /// Of the next fold; four in all.
  [[nodiscard]] RoundPolynomial polynomial() const;
  void fold(const Fp3& r);

  /// After four folds: writes the folded vector, but for zeros behind what is stored, and adds the
  /// folded weights. Both have 2^(variables - 4) elements (checked).
  void write_vector(std::span<Fp3> to) const;
  void add_weights(std::span<Fp3> to) const;

 private:
  [[nodiscard]] Fp3& product(std::size_t a, std::size_t c) { return products_[a * side_ + c]; }
  [[nodiscard]] const Fp3& product(std::size_t a, std::size_t c) const {
    return products_[a * side_ + c];
  }

  std::span<const Fp> values_;
  unsigned variables_;
  ThreadPool& pool_;
  std::size_t side_ = kRowElements;
  /// sum over rows of w at place a times f at place c; places that the folds so far left.
  std::vector<Fp3> products_;
  std::vector<std::pair<Weight, Fp3>> weights_;         ///< over rows, with their scales
  std::vector<std::pair<std::uint64_t, Fp3>> entries_;  ///< of the others
  std::vector<Fp3> r_;
};

}  // namespace imo::zkml
