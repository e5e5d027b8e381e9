#include "imo/zkml/circuit_argument.hpp"

#include <array>

namespace imo::zkml {

Result<void> check_circuit(const Circuit& circuit, const WhirParameters& parameters,
                           const RegisteredRoot& registered, ProofReader& proof) {
  IMO_TRY(const Digest witness_root, proof.read_digest());
  IMO_TRY(const OutOfDomain witness_binding, read_binding(proof));

  HeardClaims claims(circuit.columns, proof);
  const LookupChallenges challenges = LookupChallenges::draw(proof);
  const unsigned variables = segment_variables(segments_of(circuit));
  IMO_TRY(const FractionClaim fraction, check_zero_sum(variables, proof));
  CircuitAtPoint at_point(circuit, fraction.point, claims);
  const LearnVirtual hear = [&](VirtualId, std::span<const Fp3>) { return proof.read_fp3(); };
  IMO_TRY(const FractionClaim learned, at_point.learn_fraction(challenges, hear));
  if (learned.numerator != fraction.numerator || learned.denominator != fraction.denominator) {
    return proof.refused("the looked-up values are not those of the columns");
  }
  IMO_TRY_VOID(at_point.learn_direct());

  const auto combined = at_point.combine(proof.challenge());
  IMO_TRY_VOID(check_products(combined.terms, combined.sum, claims, proof));

  const auto on_registered = claims.claims_on(Source::kRegistered);
  const auto on_witness = claims.claims_on(Source::kWitness);
  const std::array<Claimed, 2> claimed{{{registered.root, registered.binding, on_registered},
                                        {witness_root, witness_binding, on_witness}}};
  IMO_TRY_VOID(check_open(parameters, claimed, proof));
  return proof.finish();
}

}  // namespace imo::zkml
