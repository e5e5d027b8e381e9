/// The dispute game as its players see it: state, moves, and what an honest player does next.
///
/// Names, fields and phases are those of contracts/src/interfaces/IDisputeGame.sol. Nothing here
/// talks to a chain or keeps anything: who plays reads the state there, makes the trace, and asks
/// for the move.
#pragma once

#include "imo/base/result.hpp"
#include "imo/opml/witness.hpp"

#include <optional>
#include <string_view>
#include <variant>
#include <vector>

namespace imo::opml {

enum class Phase : std::uint8_t {
  kNone,
  kCommit,    ///< the operator's move
  kPick,      ///< the challenger's
  kReveal,    ///< the operator's
  kOpenLeaf,  ///< the operator's
  kPoint,     ///< the challenger's
  kStep,      ///< the operator's
  kOperatorWon,
  kChallengerWon,
  kMoot,  ///< the claim fell in another dispute
};

/// "OpenLeaf".
std::string_view phase_name(Phase phase);
bool is_live(Phase phase);
/// Of a live phase; the other moves are the operator's.
bool is_challengers_move(Phase phase);

/// IDisputeGame.Dispute, without what no move depends on.
struct Dispute {
  Phase phase = Phase::kNone;
  Address challenger;
  Address operator_address;
  Hash32 statement;              ///< see GameClaim
  Hash32 node;                   ///< revealed last; later the leaf's hash
  std::uint64_t leaf_index = 0;  ///< the picks so far, one digit after the other
  std::uint64_t element = 0;
  unsigned height = 0;  ///< 0 before the commitment
  unsigned depth = 0;   ///< levels that are decided
  std::uint64_t deadline = 0;
  std::uint64_t other_time = 0;

  friend bool operator==(const Dispute&, const Dispute&) = default;
};

/// IStepVerifier.Claim.
struct GameClaim {
  Hash32 model_root;
  Hash32 trace_root;  ///< zero before the commitment
  Hash32 prompt_hash;
  Hash32 output_hash;
  std::uint64_t prompt_count = 0;
  std::uint64_t output_count = 0;
  std::uint64_t output_position = 0;

  static GameClaim of(const Hash32& model_root, const Hash32& trace_root,
                      const ClaimTokens& tokens);
  /// keccak256(abi.encode(claim)), what the contract keeps after the commitment.
  [[nodiscard]] Hash32 statement() const;
  /// keccak256(abi.encode(claim, token)), what it keeps before.
  [[nodiscard]] Hash32 statement(engine::TokenId token) const;
};

// The moves, with the arguments that the contract takes behind the dispute's number.

struct Commit {
  GameClaim claim;
  engine::TokenId token = 0;
  ModelOpening model;
  std::vector<Hash32> left_siblings;
  std::vector<Hash32> children;
};
struct Pick {
  Hash32 node;
  std::uint64_t index = 0;
};
struct Reveal {
  std::vector<Hash32> children;
  std::vector<Hash32> siblings;
};
struct OpenLeaf {
  GameClaim claim;
  ModelOpening model;
  Bytes leaf;
  std::vector<Hash32> siblings;
  Bytes operator_opening;
};
struct ShowPadding {
  GameClaim claim;
  ModelOpening model;
  std::vector<Hash32> siblings;
  Bytes operator_opening;
};
struct Point {
  Hash32 leaf_hash;
  std::uint64_t element = 0;
};
struct ComputeStep {
  GameClaim claim;
  ModelOpening model;
  Bytes leaf;
  Bytes witness;
};
struct Timeout {};
struct Settle {};

using Move =
    std::variant<Commit, Pick, Reveal, OpenLeaf, ShowPadding, Point, ComputeStep, Timeout, Settle>;

/// "openLeaf": the contract's function.
std::string_view move_name(const Move& move);

/// A dispute with what its events say.
struct GameView {
  Dispute dispute;
  ClaimTokens tokens;
  Hash32 trace_root;                        ///< zero before the commitment
  std::vector<std::vector<Hash32>> rounds;  ///< children of each node that was revealed so far
  Bytes leaf;                               ///< once it is opened
};

/// A move, or none because it is not this player's turn or because nothing he could do would be
/// accepted.
using NextMove = Result<std::optional<Move>>;

/// What needs no trace: ending a dispute whose clock has run out, or whose claim has fallen.
std::optional<Move> closing_move(const Dispute& dispute, std::uint64_t now, bool is_struck_down);

/// The move of an operator that stands by `trace`, which is of view.tokens.prefix(). Fails when
/// there is none, as for a claim that the trace does not bear out.
NextMove operator_move(const ModelProver& model, const Trace& trace, const GameView& view);

/// The move of a challenger whose own trace of view.tokens.prefix() is `trace`. In the phase Step
/// that is the step itself, which anybody may send and which ends the dispute at once. Fails when
/// the operator's trace is the challenger's: the challenge was wrong.
NextMove challenger_move(const ModelProver& model, const Trace& trace, const GameView& view);

}  // namespace imo::opml
