/// A sum of fractions over the leaves of a binary tree, proven to be zero: LogUp by GKR.
///
/// docs/proof.md, "Sums of fractions", is normative. Leaf x is numerator[x] / denominator[x]; a
/// node is the sum of its two children, (p0 q1 + p1 q0) / (q0 q1), and the root must be 0 / q with
/// q not zero. The protocol ends in one claim on the leaves, at a point that it draws.
#pragma once

#include "imo/base/large_vector.hpp"
#include "imo/zkml/field.hpp"
#include "imo/zkml/transcript.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace imo {
class ThreadPool;
}

namespace imo::zkml {

/// Indices begin .. end - 1.
struct IndexRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// 2^variables fractions, of which all outside some ranges are 0 / 1. Memory of those is never
/// touched, so long runs of them cost nothing.
class Fractions {
 public:
  /// `active` is increasing and its ranges do not touch. All values are left for the caller to set.
  Fractions(unsigned variables, std::vector<IndexRange> active);
  /// The same in the memory of others, which are at least as many (checked).
  Fractions(unsigned variables, std::vector<IndexRange> active, Fractions memory);

  [[nodiscard]] unsigned variables() const { return variables_; }
  [[nodiscard]] const std::vector<IndexRange>& active() const { return active_; }
  /// Only what is active may be read or written.
  [[nodiscard]] Fp3* numerators() { return numerators_.data(); }
  [[nodiscard]] Fp3* denominators() { return denominators_.data(); }
  [[nodiscard]] const Fp3* numerators() const { return numerators_.data(); }
  [[nodiscard]] const Fp3* denominators() const { return denominators_.data(); }

  /// How many fractions there is memory for.
  [[nodiscard]] std::size_t capacity() const { return numerators_.size(); }

  /// Makes every range begin and end at a multiple of 2^bits, with fractions 0 / 1 where it grew.
  void align(unsigned bits);
  /// The level above: pairs of neighbours added. Ranges must be aligned to 1 bit.
  [[nodiscard]] Fractions parents(ThreadPool& pool) const;

 private:
  unsigned variables_;
  std::vector<IndexRange> active_;
  LargeVector<Fp3> numerators_;
  LargeVector<Fp3> denominators_;
};

/// Claims on the multilinear polynomials of numerators and denominators at one point.
struct FractionClaim {
  std::vector<Fp3> point;  ///< coordinate j belongs to bit j of the leaf's index
  Fp3 numerator;
  Fp3 denominator;
};

/// Leaves that are made where they are needed, as often as they are, because keeping them takes
/// more than making them.
class LeafSource {
 public:
  virtual ~LeafSource() = default;

  [[nodiscard]] virtual unsigned variables() const = 0;
  /// As those of Fractions.
  [[nodiscard]] virtual const std::vector<IndexRange>& active() const = 0;
  /// Writes leaves begin .. end - 1, active or not; called by several threads at once.
  virtual void make(std::size_t begin, std::size_t end, Fp3* numerators,
                    Fp3* denominators) const = 0;
};

/// Proves that the fractions add up to zero; they have at least one variable (checked). A sum that
/// is not zero gives a proof that is refused.
FractionClaim prove_zero_sum(const LeafSource& leaves, ProofWriter& proof, ThreadPool& pool);

/// The same of leaves that are kept.
FractionClaim prove_zero_sum(Fractions leaves, ProofWriter& proof, ThreadPool& pool);

/// The verifier's half, for 2^variables leaves.
Result<FractionClaim> check_zero_sum(unsigned variables, ProofReader& proof);

}  // namespace imo::zkml
