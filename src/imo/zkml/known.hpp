/// Multilinear polynomials that both sides know.
#pragma once

#include "imo/base/large_vector.hpp"
#include "imo/zkml/field.hpp"

#include <cstdint>
#include <span>
#include <utility>
#include <variant>
#include <vector>

namespace imo::zkml {

/// sum over b < bound of eq(r, b): one where the index is below the bound.
Fp3 evaluate_below(std::uint64_t bound, std::span<const Fp3> r);

/// The polynomial of [key <= query]; both have the same number of coordinates (checked).
Fp3 evaluate_causal(std::span<const Fp3> key, std::span<const Fp3> query);

/// The polynomial of [key <= query < bound]; both have the same number of coordinates (checked).
Fp3 evaluate_causal_below(std::uint64_t bound, std::span<const Fp3> key,
                          std::span<const Fp3> query);

/// eq(a, b) = prod_j (a_j b_j + (1 - a_j)(1 - b_j)); of the same dimension (checked).
Fp3 evaluate_equal(std::span<const Fp3> a, std::span<const Fp3> b);

/// eq(index, r).
Fp3 evaluate_index(std::uint64_t index, std::span<const Fp3> r);

/// A factor of a term, in some of its variables that follow each other: a product of parts that
/// have variables of their own.
class KnownFactor {
 public:
  /// A value at an index; other indices have zero, or their own.
  struct Entry {
    std::uint64_t index;
    Fp3 value;
  };

  /// The constant 1 in no variables, from variable `first` on.
  explicit KnownFactor(unsigned first) : first_(first) {}

  // Each multiplies by a part in the next variables.

  /// Values at some indices, zero elsewhere.
  KnownFactor& sparse(unsigned bits, std::vector<Entry> entries);
  /// eq(point, x)
  KnownFactor& equal(std::span<const Fp3> point);
  /// [key <= query]; `bits` variables of the key, then as many of the query.
  KnownFactor& causal(unsigned bits);
  /// [key > query]
  KnownFactor& acausal(unsigned bits);
  /// [x < bound]
  KnownFactor& below(unsigned bits, std::uint64_t bound);

  [[nodiscard]] unsigned first() const { return first_; }
  [[nodiscard]] unsigned count() const { return count_; }
  /// At all 2^count() indices.
  [[nodiscard]] LargeVector<Fp3> table() const;
  /// `r` has count() coordinates (checked).
  [[nodiscard]] Fp3 evaluate(std::span<const Fp3> r) const;

 private:
  struct Causal {
    bool inverted;
  };
  struct Below {
    std::uint64_t bound;
  };
  struct Part {
    unsigned bits;
    std::variant<std::vector<Entry>, std::vector<Fp3>, Causal, Below> form;

    [[nodiscard]] std::vector<Fp3> table() const;
    [[nodiscard]] Fp3 evaluate(std::span<const Fp3> r) const;
  };

  KnownFactor& add(Part part);

  unsigned first_;
  unsigned count_ = 0;
  std::vector<Part> parts_;
};

}  // namespace imo::zkml
