/// The part of a circuit's proof that prover and verifier compute alike. Internal to zkml.
#pragma once

#include "imo/zkml/circuit.hpp"
#include "imo/zkml/fraction_sum.hpp"

#include <map>
#include <vector>

namespace imo::zkml {

/// What looked-up values are hashed with: a row is alpha - (tag + beta in + beta^2 out).
struct LookupChallenges {
  Fp3 alpha;
  Fp3 beta;
  Fp3 beta2;

  /// beta, then alpha.
  static LookupChallenges draw(Transcript& transcript);
};

/// Says (prover) or reads (verifier) the value of a virtual vector at a point.
using LearnVirtual = std::function<Result<Fp3>(VirtualId id, std::span<const Fp3> point)>;

/// The circuit at the point where the sum of fractions ended.
class CircuitAtPoint {
 public:
  /// `point` is borrowed.
  CircuitAtPoint(const Circuit& circuit, std::span<const Fp3> point, ColumnClaims& claims)
      : circuit_(circuit), point_(point), claims_(claims) {}

  /// Learns every operand of every lookup and table, in the order of the segments; gives the
  /// fraction that the leaves have at the point.
  Result<FractionClaim> learn_fraction(const LookupChallenges& challenges,
                                       const LearnVirtual& learn);

  /// Learns the columns that virtual values and checks need directly.
  Result<void> learn_direct();

  /// What the terms of all of them add up to, combined with powers of chi; and those terms.
  struct Combined {
    std::vector<Term> terms;
    Fp3 sum;
  };
  [[nodiscard]] Combined combine(const Fp3& chi) const;

 private:
  struct Leaf {
    Fp3 numerator;
    Fp3 denominator;
  };
  /// A sum of the circuit with what it comes to: the virtual value, or zero.
  struct Equation {
    Sum sum;
    Fp3 left;  ///< what the terms must add up to
  };

  [[nodiscard]] std::span<const Fp3> low(unsigned variables) const {
    return point_.first(variables);
  }
  Result<Fp3> operand(Operand operand, unsigned variables, const LearnVirtual& learn);
  Result<Leaf> lookup_leaf(const Lookup& lookup, const LookupChallenges& challenges,
                           const LearnVirtual& learn);
  Result<Leaf> table_leaf(const Table& table, const LookupChallenges& challenges);
  Result<void> add_equation(Sum sum, const Fp3& value);

  const Circuit& circuit_;
  std::span<const Fp3> point_;
  ColumnClaims& claims_;
  std::map<VirtualId, Fp3> virtuals_;
  std::vector<Equation> equations_;
};

}  // namespace imo::zkml
