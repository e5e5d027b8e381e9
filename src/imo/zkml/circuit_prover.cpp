#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/zkml/circuit_argument.hpp"
#include "imo/zkml/kernels.hpp"
#include "imo/zkml/weight.hpp"

#include <algorithm>
#include <array>
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
class Leaves final : public LeafSource {
 public:
  Leaves(const Circuit& circuit, const ColumnValues& columns,
         std::span<const std::vector<Fp>> virtuals, const LookupChallenges& challenges)
      : circuit_(circuit),
        columns_(columns),
        virtuals_(virtuals),
        challenges_(challenges),
        segments_(segments_of(circuit)) {
    for (const Segment& segment : segments_) {
      for (const IndexRange& run : runs_of(segment)) {
        const IndexRange moved{run.begin + segment.offset, run.end + segment.offset};
        runs_.push_back({moved, &segment});
        if (!active_.empty() && active_.back().end == moved.begin) {
          active_.back().end = moved.end;
        } else {
          active_.push_back(moved);
        }
      }
    }
  }

  [[nodiscard]] unsigned variables() const override { return segment_variables(segments_); }
  [[nodiscard]] const std::vector<IndexRange>& active() const override { return active_; }

  void make(std::size_t begin, std::size_t end, Fp3* numerators, Fp3* denominators) const override {
    std::fill(numerators, numerators + (end - begin), Fp3());
    std::fill(denominators, denominators + (end - begin), Fp3(1));
    auto run = std::ranges::upper_bound(runs_, begin, {}, [](const Run& r) { return r.range.end; });
    for (; run != runs_.end() && run->range.begin < end; ++run) {
      const Segment& segment = *run->segment;
      const std::size_t first = std::max(begin, run->range.begin);
      const IndexRange part{first - segment.offset, std::min(end, run->range.end) - segment.offset};
      Fp3* const p = numerators + (first - begin);
      Fp3* const q = denominators + (first - begin);
      if (segment.is_table) {
        make_rows(circuit_.tables[segment.index], part, p, q);
      } else {
        make_cells(circuit_.lookups[segment.index], part, p, q);
      }
    }
  }

 private:
  /// Leaves that follow each other in a segment.
  struct Run {
    IndexRange range;
    const Segment* segment;
  };

  [[nodiscard]] std::vector<IndexRange> runs_of(const Segment& segment) const {
    if (segment.is_table) return {{0, std::size_t{1} << segment.variables}};
    return circuit_.lookups[segment.index].box.runs();
  }

  [[nodiscard]] std::span<const Fp> operand(Operand operand) const {
    return operand.is_virtual ? std::span<const Fp>(virtuals_[operand.id]) : columns_(operand.id);
  }

  void make_cells(const Lookup& lookup, IndexRange cells, Fp3* numerators,
                  Fp3* denominators) const {
    const std::size_t count = cells.end - cells.begin;
    for (std::size_t i = 0; i < count; ++i) {
      const bool counts = !lookup.box.is_causal || lookup.box.contains(cells.begin + i);
      numerators[i] = Fp3(counts ? 1 : 0);
    }
    std::fill(denominators, denominators + count,
              challenges_.alpha - Fp3(circuit_.tables[lookup.table].tag) -
                  challenges_.beta * Fp::from_signed(lookup.offset));
    subtract(denominators, challenges_.beta, operand(lookup.input).subspan(cells.begin, count));
    if (!lookup.output) return;
    subtract(denominators, challenges_.beta2, operand(*lookup.output).subspan(cells.begin, count));
  }

  void make_rows(const Table& table, IndexRange rows, Fp3* numerators, Fp3* denominators) const {
    const std::span<const Fp> counts = columns_(table.counts);
    const Fp3 first = challenges_.alpha - Fp3(table.tag);
    const auto half = std::int64_t{1} << (table.variables - 1);
    for (std::size_t i = rows.begin; i < rows.end; ++i) {
      auto in = static_cast<std::int64_t>(i);
      if (table.inputs == Table::Inputs::kSigned) in = i == 0 ? 0 : in - half;
      numerators[i - rows.begin] = -counts[i];
      denominators[i - rows.begin] = first - challenges_.beta * Fp::from_signed(in);
    }
    if (!table.outs) return;
    const std::span<const Fp> outs = columns_(*table.outs);
    const std::size_t end = std::min(rows.end, outs.size());
    if (rows.begin >= end) return;
    subtract(denominators, challenges_.beta2, outs.subspan(rows.begin, end - rows.begin));
  }

  /// target[i] -= scale * values[i]
  static void subtract(Fp3* target, const Fp3& scale, std::span<const Fp> values) {
    const Fp3 negated = -scale;
    field_kernels().add_tables(words_of(target), values.size(), words_of(&negated),
                               words_of(values.data()), 0, 1);
  }

  const Circuit& circuit_;
  const ColumnValues& columns_;
  std::span<const std::vector<Fp>> virtuals_;
  const LookupChallenges& challenges_;
  std::vector<Segment> segments_;
  std::vector<Run> runs_;  ///< in order
  std::vector<IndexRange> active_;
};

}  // namespace

ProofTimes prove_circuit(const Circuit& circuit, const WhirParameters& parameters,
                         const CommittedVector& registered, const OutOfDomain& binding,
                         CircuitValues values, ProofWriter& proof, ThreadPool& pool) {
  ProofTimes times;
  Clock clock;
  const CommittedVector witness(witness_code(circuit), std::move(values.witness), pool);
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
  const FractionClaim fraction =
      prove_zero_sum(Leaves(circuit, columns, values.virtuals, challenges), proof, pool);
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

  const auto on_registered = claims.claims_on(Source::kRegistered);
  const auto on_witness = claims.claims_on(Source::kWitness);
  const std::array<Opened, 2> opened{
      {{registered, binding, on_registered}, {witness, witness_binding, on_witness}}};
  open(parameters, opened, proof, pool);
  times.opening = clock.lap();
  return times;
}

}  // namespace imo::zkml
