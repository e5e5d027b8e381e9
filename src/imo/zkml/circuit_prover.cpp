#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/zkml/circuit_argument.hpp"
#include "imo/zkml/weight.hpp"

#include <chrono>
#include <utility>

namespace imo::zkml {
namespace {

class Clock {
 public:
  /// The time since the last call.
  std::chrono::nanoseconds lap() {
    const auto now = std::chrono::steady_clock::now();
    return now - std::exchange(last_, now);
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

/// Makes the leaves of the sum of fractions.
class LeafMaker {
 public:
  LeafMaker(const Circuit& circuit, const CircuitValues& values, const LookupChallenges& challenges,
            ThreadPool& pool)
      : circuit_(circuit),
        values_(values),
        challenges_(challenges),
        pool_(pool),
        segments_(segments_of(circuit)) {}

  Fractions make() {
    std::vector<IndexRange> active;
    for (const Segment& segment : segments_) {
      for (const IndexRange& run : runs_of(segment)) {
        const IndexRange moved{run.begin + segment.offset, run.end + segment.offset};
        if (!active.empty() && active.back().end == moved.begin) {
          active.back().end = moved.end;
        } else {
          active.push_back(moved);
        }
      }
    }
    Fractions leaves(segment_variables(segments_), std::move(active));
    for (const Segment& segment : segments_) {
      if (segment.is_table) {
        fill_table(leaves, segment, circuit_.tables[segment.index]);
      } else {
        fill_lookup(leaves, segment, circuit_.lookups[segment.index]);
      }
    }
    return leaves;
  }

 private:
  [[nodiscard]] std::vector<IndexRange> runs_of(const Segment& segment) const {
    if (segment.is_table) return {{0, std::size_t{1} << segment.variables}};
    return circuit_.lookups[segment.index].box.runs();
  }

  [[nodiscard]] std::span<const Fp> operand(Operand operand) const {
    return operand.is_virtual ? std::span<const Fp>(values_.virtuals[operand.id])
                              : values_.column(circuit_.columns[operand.id]);
  }

  void fill_lookup(Fractions& leaves, const Segment& segment, const Lookup& lookup) {
    const Fp3 row = challenges_.alpha - Fp3(circuit_.tables[lookup.table].tag) -
                    challenges_.beta * Fp::from_signed(lookup.offset);
    const std::span<const Fp> in = operand(lookup.input);
    const std::span<const Fp> out = lookup.output ? operand(*lookup.output) : in;
    const Fp3 out_scale = lookup.output ? challenges_.beta2 : Fp3();
    Fp3* numerators = leaves.numerators() + segment.offset;
    Fp3* denominators = leaves.denominators() + segment.offset;
    const std::vector<IndexRange> runs = lookup.box.runs();
    pool_.parallel_for(runs.size(), [&](std::size_t r) {
      for (std::size_t i = runs[r].begin; i < runs[r].end; ++i) {
        const bool counts = !lookup.box.is_causal || lookup.box.contains(i);
        numerators[i] = Fp3(counts ? 1 : 0);
        denominators[i] = row - challenges_.beta * in[i];
        if (lookup.output) denominators[i] -= out_scale * out[i];
      }
    });
  }

  void fill_table(Fractions& leaves, const Segment& segment, const Table& table) {
    const std::span<const Fp> counts = values_.column(circuit_.columns[table.counts]);
    std::span<const Fp> outs;
    if (table.outs) outs = values_.column(circuit_.columns[*table.outs]);
    const Fp3 first = challenges_.alpha - Fp3(table.tag);
    Fp3* numerators = leaves.numerators() + segment.offset;
    Fp3* denominators = leaves.denominators() + segment.offset;
    const auto half = std::int64_t{1} << (table.variables - 1);
    pool_.parallel_for(counts.size(), [&](std::size_t i) {
      auto in = static_cast<std::int64_t>(i);
      if (table.inputs == Table::Inputs::kSigned) in = i == 0 ? 0 : in - half;
      numerators[i] = -counts[i];
      denominators[i] = first - challenges_.beta * Fp::from_signed(in);
      if (i < outs.size()) denominators[i] -= challenges_.beta2 * outs[i];
    });
  }

  const Circuit& circuit_;
  const CircuitValues& values_;
  const LookupChallenges& challenges_;
  ThreadPool& pool_;
  std::vector<Segment> segments_;
};

}  // namespace

ProofTimes prove_circuit(const Circuit& circuit, const CircuitParameters& parameters,
                         const CommittedVector& registered, const OutOfDomain& binding,
                         CircuitValues values, ProofWriter& proof, ThreadPool& pool) {
  ProofTimes times;
  Clock clock;
  const CommittedVector witness(parameters.witness, values.witness, pool);
  proof.write(witness.root());
  const OutOfDomain witness_binding = bind(witness, proof, pool);
  times.commit = clock.lap();

  const ColumnValues columns = [&](ColumnId id) { return values.column(circuit.columns[id]); };
  SaidClaims claims(circuit.columns, columns, proof, pool);
  const LookupChallenges challenges = LookupChallenges::draw(proof);
  const FractionClaim fraction =
      prove_zero_sum(LeafMaker(circuit, values, challenges, pool).make(), proof, pool);
  CircuitAtPoint at_point(circuit, fraction.point, claims);
  const LearnVirtual say = [&](VirtualId id, std::span<const Fp3> point) -> Result<Fp3> {
    const Fp3 value = evaluate_multilinear(values.virtuals[id], point, pool);
    proof.write(value);
    return value;
  };
  IMO_CHECK(at_point.learn_fraction(challenges, say), "a prover knows its values");
  IMO_CHECK(at_point.learn_direct(), "a prover knows its values");
  times.lookups = clock.lap();

  const auto combined = at_point.combine(proof.challenge());
  prove_products(combined.terms, columns, claims, proof, pool);
  times.products = clock.lap();

  open(witness, witness_binding, claims.claims_on(Source::kWitness), proof, pool);
  times.open_witness = clock.lap();
  const auto on_registered = claims.claims_on(Source::kRegistered);
  if (!on_registered.empty()) open(registered, binding, on_registered, proof, pool);
  times.open_registered = clock.lap();
  return times;
}

}  // namespace imo::zkml
