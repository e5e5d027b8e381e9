/// What a proof shows, as data: columns, lookups into tables, and sums of products.
///
/// docs/proof.md, "Circuits", is normative. A circuit says of two commitments, the registered model
/// and the witness of one run, that every looked-up value is in its table and that every check is
/// zero. Values that are looked up are columns, or virtual: sums of products of columns, which
/// nobody commits to.
#pragma once

#include "imo/zkml/column.hpp"
#include "imo/zkml/fraction_sum.hpp"
#include "imo/zkml/product_sum.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace imo::zkml {

using VirtualId = std::uint32_t;

/// scale times the value of a column at a point.
struct DirectPart {
  ColumnId column;
  std::vector<Fp3> point;
  Fp3 scale;
};

/// scale times the value of another virtual vector at the same point.
struct OtherPart {
  VirtualId other;
  Fp3 scale;
};

/// A value as the sum of its parts.
struct Sum {
  Fp3 constant;
  std::vector<DirectPart> direct;
  std::vector<OtherPart> others;
  std::vector<Term> terms;
};

/// What a virtual vector's multilinear polynomial is at a point; it has 2^variables values.
struct Virtual {
  std::string name;
  unsigned variables = 0;
  std::function<Sum(std::span<const Fp3> point)> at;
};

/// A sum that is zero at every point: its columns were committed to before the point is drawn.
struct Check {
  std::string name;
  unsigned variables = 0;
  std::function<Sum(std::span<const Fp3> point)> at;
};

/// Which cells of a vector take part: indices below a bound on every axis, from the lowest bits up.
/// The first two axes may be keys and queries, of which those with key <= query count.
struct Box {
  struct Axis {
    unsigned bits;
    std::uint64_t bound;
  };
  std::vector<Axis> axes;
  bool is_causal = false;
  /// The highest axis counts layers: columns store those within its bound only.
  bool is_layered = false;

  [[nodiscard]] unsigned variables() const;
  [[nodiscard]] bool contains(std::uint64_t index) const;
  /// The polynomial of the box at a point, with or without the causal rule.
  [[nodiscard]] Fp3 evaluate(std::span<const Fp3> point) const;
  [[nodiscard]] Fp3 evaluate_bounds(std::span<const Fp3> point) const;
  /// Runs of indices within the bounds.
  [[nodiscard]] std::vector<IndexRange> runs() const;
};

/// A table of 2^variables rows (in, out), or of in alone.
struct Table {
  enum class Inputs : std::uint8_t {
    kIndex,   ///< row i has in = i
    kSigned,  ///< row i has in = i - 2^(variables-1); row 0 has 0, like the row of 0
  };
  std::string name;
  std::uint32_t tag = 0;  ///< tells tables apart
  unsigned variables = 0;
  Inputs inputs = Inputs::kIndex;
  /// Registered column of outs, of at most as many variables; rows behind it have out = 0.
  std::optional<ColumnId> outs;
  ColumnId counts = 0;  ///< witness column: how often each row is looked up
};

/// A column or a virtual vector.
struct Operand {
  bool is_virtual = false;
  std::uint32_t id = 0;
};

/// Every value of `input`, plus `offset`, within the box is in the table, beside `output`.
struct Lookup {
  std::string name;
  std::uint32_t table = 0;
  Operand input;
  std::int64_t offset = 0;
  std::optional<Operand> output;
  Box box;
};

struct Circuit {
  std::vector<Column> columns;
  std::vector<Virtual> virtuals;
  std::vector<Table> tables;
  std::vector<Lookup> lookups;
  std::vector<Check> checks;
  /// Of each commitment, and where its last column ends.
  unsigned witness_variables = 0;
  unsigned registered_variables = 0;
  std::uint64_t witness_stored = 0;
  std::uint64_t registered_stored = 0;
};

/// Gives every column its offset: of each commitment those of the largest blocks first, so that
/// they are aligned; and the commitments their numbers of variables.
void place_columns(Circuit& circuit);

/// Where a lookup or a table lies among the leaves of the sum of fractions.
struct Segment {
  bool is_table = false;
  std::uint32_t index = 0;  ///< into lookups or tables
  unsigned variables = 0;
  std::uint64_t offset = 0;
};

/// The largest first; lookups before tables, each in the order of the circuit.
std::vector<Segment> segments_of(const Circuit& circuit);
/// Variables of the sum of fractions.
unsigned segment_variables(std::span<const Segment> segments);

/// What a prover knows: the committed vectors, and the virtual ones.
struct CircuitValues {
  std::vector<Fp> witness;                ///< 2^witness_variables elements
  std::span<const Fp> registered;         ///< 2^registered_variables elements
  std::vector<std::vector<Fp>> virtuals;  ///< of each its 2^variables values

  [[nodiscard]] std::span<const Fp> column(const Column& column) const {
    const std::span<const Fp> all =
        column.source == Source::kWitness ? std::span<const Fp>(witness) : registered;
    return all.subspan(column.offset, column.size());
  }
};

/// Writes the counts of all tables into the witness. Fails, naming the lookup and the cell, where a
/// value is in no row: the run is outside what the circuit can show.
Result<void> count_lookups(const Circuit& circuit, CircuitValues& values);

/// The codes that a circuit's commitments are made with: longer ones mean fewer queries.
WhirCode witness_code(const Circuit& circuit);
WhirCode registered_code(const Circuit& circuit);

/// Of the opening of both commitments at once, registered model first; at least 100 bits.
Result<WhirParameters> opening_parameters(const Circuit& circuit, unsigned grinding = 20);

/// How long the parts of a proof took.
struct ProofTimes {
  std::chrono::nanoseconds commit{};
  std::chrono::nanoseconds lookups{};
  std::chrono::nanoseconds products{};
  std::chrono::nanoseconds opening{};
};

/// Proves that `values` fit the circuit; a proof of values that do not is written as well, and
/// refused. `parameters` are of the opening. `registered` commits to values.registered, and
/// `binding` binds it.
ProofTimes prove_circuit(const Circuit& circuit, const WhirParameters& parameters,
                         const CommittedVector& registered, const OutOfDomain& binding,
                         CircuitValues values, ProofWriter& proof, ThreadPool& pool);

/// The verifier's half, to the proof's end. The transcript's statement has `registered` and all
/// that the circuit was made from.
Result<void> check_circuit(const Circuit& circuit, const WhirParameters& parameters,
                           const RegisteredRoot& registered, ProofReader& proof);

}  // namespace imo::zkml
