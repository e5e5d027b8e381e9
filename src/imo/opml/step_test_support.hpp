/// Traces with everything that a referee is told about them, for tests of steps.
#pragma once

#include "imo/crypto/merkle.hpp"
#include "imo/opml/stored_trace.hpp"
#include "imo/opml/witness.hpp"

#include <random>

namespace imo::opml::testing {

/// `output` includes the contested token, the last one.
inline ClaimTokens some_claim(const model::Program& program, std::uint32_t prompt,
                              std::uint32_t output, unsigned seed) {
  std::mt19937 random(seed);
  const auto token = [&] {
    return static_cast<engine::TokenId>(random() % program.vocabulary_size);
  };
  ClaimTokens tokens;
  for (std::uint32_t i = 0; i < prompt; ++i) tokens.prompt.push_back(token());
  for (std::uint32_t i = 0; i < output; ++i) tokens.output.push_back(token());
  tokens.output_position = output - 1;
  return tokens;
}

/// What the verifier's `step` is given besides model and claim.
struct StepCase {
  Place place;
  Hash32 hash;
  Bytes leaf;
  Bytes witness;

  /// Sets the leaf's hash to that of its bytes, as if the descent had arrived there.
  void rehash() { hash = crypto::merkle_leaf(leaf); }
};

/// A true trace, and true cases about it. The program must outlive it.
class Referee {
 public:
  Referee(const model::Program& of, ClaimTokens claimed)
      : program(of),
        tokens(std::move(claimed)),
        prover(program),
        trace(plain_trace(program, tokens.prefix())),
        claim(StepClaim::of(prover, trace->root(), tokens)) {}

  [[nodiscard]] Checked<StepCase> honest(const Place& place) const {
    const Leaf leaf = trace->leaf(place.leaf_index);
    IMO_TRY(Bytes witness, make_witness(prover, *trace, tokens, place));
    return StepCase{
        place, trace->node(0, place.leaf_index), {leaf.begin(), leaf.end()}, std::move(witness)};
  }

  [[nodiscard]] Checked<bool> judge(const StepCase& given) const {
    return check_step(claim, given.place, given.hash, given.leaf, given.witness);
  }

  /// Calls `body(op, leaf, place)` for every element of the trace.
  template <typename Body>
  void for_each_element(Body&& body) const {
    for (std::uint32_t op = 0; op < trace->shape().operators; ++op) {
      const TensorLayout& layout = trace->layout(op);
      for (std::uint64_t leaf = 0; leaf < layout.leaves(); ++leaf) {
        for (std::uint32_t i = 0; i < layout.elements_in(leaf); ++i) {
          body(op, leaf, Place{trace->shape().leaf_index(op, leaf), i});
        }
      }
    }
  }

  const model::Program& program;
  const ClaimTokens tokens;
  const ModelProver prover;
  const std::unique_ptr<StoredTrace> trace;
  const StepClaim claim;
};

}  // namespace imo::opml::testing
