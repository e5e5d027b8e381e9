#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/zkml/circuit_argument.hpp"
#include "imo/zkml/kernels.hpp"
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
  LeafMaker(const Circuit& circuit, const ColumnValues& columns,
            std::span<const std::vector<Fp>> virtuals, const LookupChallenges& challenges,
            ThreadPool& pool)
      : circuit_(circuit),
        columns_(columns),
        virtuals_(virtuals),
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
    return operand.is_virtual ? std::span<const Fp>(virtuals_[operand.id]) : columns_(operand.id);
  }

  void fill_lookup(Fractions& leaves, const Segment& segment, const Lookup& lookup) {
    const Fp3 row = challenges_.alpha - Fp3(circuit_.tables[lookup.table].tag) -
                    challenges_.beta * Fp::from_signed(lookup.offset);
    const std::span<const Fp> in = operand(lookup.input);
    const std::span<const Fp> out = lookup.output ? operand(*lookup.output) : in;
    const Fp3 out_scale = -challenges_.beta2;
    Fp3* numerators = leaves.numerators() + segment.offset;
    Fp3* denominators = leaves.denominators() + segment.offset;
    const std::vector<IndexRange> runs = lookup.box.runs();
    const Fp3 in_scale = -challenges_.beta;
    pool_.parallel_for(runs.size(), [&](std::size_t r) {
      const auto [begin, end] = runs[r];
      for (std::size_t i = begin; i < end; ++i) {
        const bool counts = !lookup.box.is_causal || lookup.box.contains(i);
        numerators[i] = Fp3(counts ? 1 : 0);
        denominators[i] = row;
      }
      field_kernels().add_tables(words_of(denominators + begin), end - begin, words_of(&in_scale),
                                 words_of(&in[begin]), 0, 1);
      if (!lookup.output) return;
      field_kernels().add_tables(words_of(denominators + begin), end - begin, words_of(&out_scale),
                                 words_of(&out[begin]), 0, 1);
    });
  }

  void fill_table(Fractions& leaves, const Segment& segment, const Table& table) {
    const std::span<const Fp> counts = columns_(table.counts);
    std::span<const Fp> outs;
    if (table.outs) outs = columns_(*table.outs);
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
  const ColumnValues& columns_;
  std::span<const std::vector<Fp>> virtuals_;
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
  const CommittedVector witness(parameters.witness, std::move(values.witness), pool);
  proof.write(witness.root());
  const OutOfDomain witness_binding = bind(witness, proof, pool);
  times.commit = clock.lap();

  const ColumnValues columns = [&](ColumnId id) {
    const Column& column = circuit.columns[id];
    const bool is_witness = column.source == Source::kWitness;
    return (is_witness ? witness.values() : values.registered)
        .subspan(column.offset, column.size());
  };
  SaidClaims claims(circuit.columns, columns, proof, pool);
  const LookupChallenges challenges = LookupChallenges::draw(proof);
  const FractionClaim fraction = prove_zero_sum(
      LeafMaker(circuit, columns, values.virtuals, challenges, pool).make(), proof, pool);
  CircuitAtPoint at_point(circuit, fraction.point, claims);
  const LearnVirtual say = [&](VirtualId id, std::span<const Fp3> point) -> Result<Fp3> {
    const Fp3 value = evaluate_multilinear(values.virtuals[id], point, pool);
    proof.write(value);
    return value;
  };
  IMO_CHECK(at_point.learn_fraction(challenges, say), "a prover knows its values");
  IMO_CHECK(at_point.learn_direct(), "a prover knows its values");
  values.virtuals.clear();
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
