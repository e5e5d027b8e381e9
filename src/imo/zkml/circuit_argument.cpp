#include "imo/zkml/circuit_argument.hpp"

#include "imo/base/check.hpp"

namespace imo::zkml {

LookupChallenges LookupChallenges::draw(Transcript& transcript) {
  LookupChallenges challenges;
  challenges.beta = transcript.challenge();
  challenges.beta2 = challenges.beta * challenges.beta;
  challenges.alpha = transcript.challenge();
  return challenges;
}

Result<Fp3> CircuitAtPoint::operand(Operand operand, unsigned variables,
                                    const LearnVirtual& learn) {
  if (!operand.is_virtual) return claims_.value(operand.id, low(variables));
  const auto known = virtuals_.find(operand.id);
  if (known != virtuals_.end()) return known->second;
  IMO_TRY(const Fp3 value, learn(operand.id, low(variables)));
  virtuals_.emplace(operand.id, value);
  return value;
}

Result<CircuitAtPoint::Leaf> CircuitAtPoint::lookup_leaf(const Lookup& lookup,
                                                         const LookupChallenges& challenges,
                                                         const LearnVirtual& learn) {
  const unsigned variables = lookup.box.variables();
  const Table& table = circuit_.tables[lookup.table];
  const Fp3 bounds = lookup.box.evaluate_bounds(low(variables));
  const Fp3 row =
      challenges.alpha - Fp3(table.tag) - challenges.beta * Fp3(Fp::from_signed(lookup.offset));
  Fp3 denominator = bounds * row + Fp3(1) - bounds;
  IMO_TRY(const Fp3 in, operand(lookup.input, variables, learn));
  denominator -= challenges.beta * in;
  if (lookup.output) {
    IMO_TRY(const Fp3 out, operand(*lookup.output, variables, learn));
    denominator -= challenges.beta2 * out;
  }
  return Leaf{lookup.box.is_causal ? lookup.box.evaluate(low(variables)) : bounds, denominator};
}

Result<CircuitAtPoint::Leaf> CircuitAtPoint::table_leaf(const Table& table,
                                                        const LookupChallenges& challenges) {
  const std::span<const Fp3> point = low(table.variables);
  Fp3 in;
  for (unsigned j = 0; j < table.variables; ++j) in += point[j] * Fp(std::uint64_t{1} << j);
  if (table.inputs == Table::Inputs::kSigned) {
    const Fp half(std::uint64_t{1} << (table.variables - 1));
    in += (evaluate_index(0, point) - Fp3(1)) * half;
  }
  Fp3 denominator = challenges.alpha - Fp3(table.tag) - challenges.beta * in;
  IMO_TRY(const Fp3 count, claims_.value(table.counts, point));
  if (table.outs) {
    const unsigned variables = circuit_.columns[*table.outs].variables;
    IMO_TRY(const Fp3 out, claims_.value(*table.outs, point.first(variables)));
    denominator -= challenges.beta2 * out * evaluate_index(0, point.subspan(variables));
  }
  return Leaf{-count, denominator};
}

Result<FractionClaim> CircuitAtPoint::learn_fraction(const LookupChallenges& challenges,
                                                     const LearnVirtual& learn) {
  FractionClaim claim;
  claim.denominator = Fp3(1);  // of leaves that are in no segment
  for (const Segment& segment : segments_of(circuit_)) {
    IMO_TRY(const Leaf leaf, segment.is_table
                                 ? table_leaf(circuit_.tables[segment.index], challenges)
                                 : lookup_leaf(circuit_.lookups[segment.index], challenges, learn));
    const Fp3 here =
        evaluate_index(segment.offset >> segment.variables, point_.subspan(segment.variables));
    claim.numerator += here * leaf.numerator;
    claim.denominator += here * (leaf.denominator - Fp3(1));
  }
  return claim;
}

Result<void> CircuitAtPoint::add_equation(Sum sum, const Fp3& value) {
  Fp3 left = value - sum.constant;
  for (const DirectPart& part : sum.direct) {
    IMO_TRY(const Fp3 column, claims_.value(part.column, part.point));
    left -= part.scale * column;
  }
  for (const OtherPart& part : sum.others) {
    const auto other = virtuals_.find(part.other);
    IMO_CHECK(other != virtuals_.end(), "a virtual vector that is looked up nowhere");
    left -= part.scale * other->second;
  }
  equations_.push_back({std::move(sum), left});
  return {};
}

Result<void> CircuitAtPoint::learn_direct() {
  for (VirtualId id = 0; id < circuit_.virtuals.size(); ++id) {
    const auto value = virtuals_.find(id);
    IMO_CHECK(value != virtuals_.end(), "a virtual vector that is looked up nowhere");
    const Virtual& vector = circuit_.virtuals[id];
    IMO_TRY_VOID(add_equation(vector.at(low(vector.variables)), value->second));
  }
  for (const Check& check : circuit_.checks) {
    IMO_TRY_VOID(add_equation(check.at(low(check.variables)), Fp3()));
  }
  return {};
}

CircuitAtPoint::Combined CircuitAtPoint::combine(const Fp3& chi) const {
  Combined combined;
  Fp3 scale(1);
  for (const Equation& equation : equations_) {
    combined.sum += scale * equation.left;
    for (Term term : equation.sum.terms) {
      term.scale *= scale;
      combined.terms.push_back(std::move(term));
    }
    scale *= chi;
  }
  return combined;
}

}  // namespace imo::zkml
