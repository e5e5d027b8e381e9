/// Multilinear polynomials that both sides know.
#pragma once

#include "imo/zkml/field.hpp"

#include <cstdint>
#include <span>
#include <utility>
#include <variant>
#include <vector>

namespace imo::zkml {

/// sum over b < bound of eq(r, b): one where the index is below the bound. 2^r.size() is at least
/// bound.
Fp3 evaluate_below(std::uint64_t bound, std::span<const Fp3> r);

/// The polynomial of [key <= query]; both have the same number of coordinates (checked).
Fp3 evaluate_causal(std::span<const Fp3> key, std::span<const Fp3> query);

/// eq(a, b) = prod_j (a_j b_j + (1 - a_j)(1 - b_j)); of the same dimension (checked).
Fp3 evaluate_equal(std::span<const Fp3> a, std::span<const Fp3> b);

/// eq(index, r).
Fp3 evaluate_index(std::uint64_t index, std::span<const Fp3> r);

/// A factor of a term, in some of its variables that follow each other.
class KnownFactor {
 public:
  /// Values at some indices, zero elsewhere.
  struct Entry {
    std::uint64_t index;
    Fp3 value;
  };
  static KnownFactor sparse(unsigned first, unsigned count, std::vector<Entry> entries);
  /// eq(point, x)
  static KnownFactor equal(unsigned first, std::vector<Fp3> point);
  /// [key <= query], or one less it; `bits` variables of the key, then as many of the query.
  static KnownFactor causal(unsigned first, unsigned bits);
  static KnownFactor acausal(unsigned first, unsigned bits);

  [[nodiscard]] unsigned first() const { return first_; }
  [[nodiscard]] unsigned count() const { return count_; }
  /// At all 2^count() indices.
  [[nodiscard]] std::vector<Fp3> table() const;
  /// `r` has count() coordinates (checked).
  [[nodiscard]] Fp3 evaluate(std::span<const Fp3> r) const;

 private:
  struct Causal {
    bool inverted;
  };
  using Form = std::variant<std::vector<Entry>, std::vector<Fp3>, Causal>;
  KnownFactor(unsigned first, unsigned count, Form form)
      : first_(first), count_(count), form_(std::move(form)) {}

  unsigned first_;
  unsigned count_;
  Form form_;
};

}  // namespace imo::zkml
