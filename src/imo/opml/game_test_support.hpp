/// Games between players of whom one may lie, for tests: in C++ here, against the contract in node.
#pragma once

#include "imo/opml/game_rules.hpp"
#include "imo/opml/step_test_support.hpp"

namespace imo::opml::testing {

inline const Address kOperator{{0x0A}};
inline const Address kChallenger{{0x0C}};

/// A claim whose contested token is the model's own choice, or another one.
inline ClaimTokens claim_of(const model::Program& program, std::uint32_t prompt,
                            std::uint32_t output, unsigned seed, bool is_true) {
  ClaimTokens tokens = some_claim(program, prompt, output, seed);
  const engine::TokenId choice = plain_trace(program, tokens.prefix())->choice();
  tokens.output.back() = is_true ? choice : (choice + 1) % program.vocabulary_size;
  return tokens;
}

/// The operator's trace: whatever else is in it, it must end with the token that was claimed.
inline void claim_choice(StoredTrace& trace, engine::TokenId token) {
  trace.set_element(trace.shape().operators - 1, 0, 0, token);
}

inline GameView view_of(const GameRules& rules, const ClaimTokens& tokens) {
  return {rules.dispute(),    rules.sides(),  rules.model_root(), tokens,
          rules.trace_root(), rules.rounds(), rules.leaves(),     rules.sums()};
}

inline GameRules open_game(const ModelProver& prover, const ClaimTokens& tokens,
                           GameRules::Clocks clocks = {}) {
  return {clocks,
          GameClaim::of(prover.opening().root(), {}, tokens),
          tokens.output[tokens.output_position],
          {.challenger = kChallenger, .operator_address = kOperator, .payer = {}, .claim_hash = {}},
          0};
}

}  // namespace imo::opml::testing
