/// Sums of products of columns over a cube, many at once: the sumcheck of the proof.
///
/// docs/proof.md, "Sums of products", is normative. A term is
/// scale * sum over x in {0,1}^variables of (product of linear forms) * (product of known factors);
/// the statement is the sum of all terms. Terms of fewer variables use the first coordinates of the
/// one point that is drawn.
#pragma once

#include "imo/zkml/column.hpp"
#include "imo/zkml/known.hpp"

#include <span>
#include <vector>

namespace imo::zkml {

/// A coordinate of a column within a term: fixed, or one of the term's variables.
struct Coordinate {
  static constexpr unsigned kFixed = ~0U;
  unsigned variable = kFixed;
  Fp3 value;  ///< when fixed
};

/// constant + sum of scale * column, the columns at the same coordinates.
struct LinearForm {
  struct Part {
    ColumnId column;
    Fp3 scale;
  };
  std::vector<Part> parts;
  std::vector<Coordinate> coordinates;  ///< as many as each column has variables
  Fp3 constant;
};

struct Term {
  unsigned variables = 0;
  Fp3 scale;
  std::vector<LinearForm> forms;
  std::vector<KnownFactor> known;
};

/// The most factors that a term may have, and so the degree of a round's polynomial.
inline constexpr unsigned kMaxFactors = 4;

/// Proves what the terms add up to. Terms have 1 to kMaxFactors factors (checked). The claims on
/// columns that are left are recorded in `claims`.
void prove_products(std::span<const Term> terms, const ColumnValues& values, SaidClaims& claims,
                    ProofWriter& proof, ThreadPool& pool);

/// Holds when the terms add up to `sum` and the recorded claims are true.
Result<void> check_products(std::span<const Term> terms, const Fp3& sum, HeardClaims& claims,
                            ProofReader& proof);

}  // namespace imo::zkml
