/// The dispute game as its players see it: state, moves, and what an honest player does next.
///
/// Names, fields and phases are those of contracts/src/interfaces/IDisputeGame.sol. Nothing here
/// talks to a chain or keeps anything: who plays reads the state there, makes the trace, and asks
/// for the move.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/opml/witness.hpp"

#include <optional>
#include <string_view>
#include <variant>
#include <vector>

namespace imo::opml {

enum class Phase : std::uint8_t {
  kNone,
  kCommit,      ///< the operator's move
  kPick,        ///< the challenger's
  kReveal,      ///< the operator's
  kOpenLeaves,  ///< the operator's
  kStep,        ///< the challenger's: an element is wrong, or what are its sums?
  kSums,        ///< the operator's
  kStepSum,     ///< the challenger's: a sum is wrong
  kOperatorWon,
  kChallengerWon,
  kMoot,  ///< the claim fell in another dispute
};

/// "OpenLeaves".
std::string_view phase_name(Phase phase);
bool is_live(Phase phase);
/// Of a live phase; the other moves are the operator's.
bool is_challengers_move(Phase phase);

/// Rows of weights with more columns are asked for their sums: from there on what the smaller
/// witness saves is more than the two moves cost. See docs/dispute.md, "Cost".
inline constexpr std::uint32_t kLongRow = 2048;

/// keccak256 of two words.
Hash32 pair_hash(const Hash32& first, const Hash32& second);

/// IDisputeGame.Dispute, what the chain keeps, without what no move depends on.
struct Dispute {
  Phase phase = Phase::kNone;
  Hash32 standing;               ///< Standing::hash
  std::uint64_t leaf_index = 0;  ///< the picks so far, one digit after the other
  std::uint64_t element = 0;     ///< once all levels are decided
  unsigned height = 0;           ///< 0 before the commitment
  unsigned depth = 0;            ///< levels that are decided
  std::uint64_t deadline = 0;
  std::uint64_t other_time = 0;

  friend bool operator==(const Dispute&, const Dispute&) = default;
};

/// IDisputeGame.Sides.
struct Sides {
  Address challenger;
  Address operator_address;
  Address payer;
  std::uint64_t request_id = 0;  ///< 0: a receipt is disputed
  Hash32 claim_hash;             ///< of the oracle's claim, or the receipt's digest

  /// pair_hash(challenger, rest): what is hashed with the node.
  [[nodiscard]] Hash32 about(const Hash32& statement) const;
  /// All but the challenger, who says it by moving.
  [[nodiscard]] Hash32 rest(const Hash32& statement) const;
};

/// IDisputeGame.Standing: what a move answers.
struct Standing {
  Sides sides;
  Hash32 statement;  ///< see GameClaim
  Hash32 node;

  [[nodiscard]] Hash32 about() const { return sides.about(statement); }
  [[nodiscard]] Hash32 rest() const { return sides.rest(statement); }
  [[nodiscard]] Hash32 hash() const { return pair_hash(about(), node); }
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

/// IDisputeGame.Subject: what a move that proves something is about.
struct Subject {
  Sides sides;
  GameClaim claim;
  ModelOpening model;

  /// With the statement behind the commitment.
  [[nodiscard]] Hash32 about() const { return sides.about(claim.statement()); }
};

// The moves, with the arguments that the contract takes behind the dispute's number.

struct Commit {
  Subject subject;
  engine::TokenId token = 0;
  std::vector<Hash32> left_siblings;
  std::vector<Hash32> children;
};
struct Pick {
  Hash32 rest;
  Hash32 node;
  std::uint64_t index = 0;
};
struct Reveal {
  Hash32 about;
  std::vector<Hash32> children;
  std::vector<Hash32> siblings;
};
struct OpenLeaves {
  Hash32 about;
  Bytes leaves;
  std::vector<Hash32> siblings;
};
/// An element of one of the opened leaves.
struct Spot {
  std::uint64_t leaf = 0;
  std::uint64_t element = 0;
};
struct ComputeStep {
  Subject subject;
  Spot spot;
  Bytes leaf;
  std::vector<Hash32> siblings;
  Bytes witness;
};
struct AskSums {
  Hash32 rest;
  Hash32 node;
  Spot spot;
  Hash32 leaf_hash;
  std::vector<Hash32> siblings;
};
struct GiveSums {
  Standing standing;
  Bytes sums;
};
struct ComputeSum {
  Subject subject;
  Hash32 leaf_hash;
  SumQuestion question;
  Bytes witness;
};
struct Timeout {
  Standing standing;
};
struct Settle {
  Standing standing;
};

using Move = std::variant<Commit, Pick, Reveal, OpenLeaves, ComputeStep, AskSums, GiveSums,
                          ComputeSum, Timeout, Settle>;

/// "openLeaves": the contract's function.
std::string_view move_name(const Move& move);

/// A dispute with what its events say.
struct GameView {
  Dispute dispute;
  Sides sides;
  Hash32 model_root;
  ClaimTokens tokens;
  Hash32 trace_root;                        ///< zero before the commitment
  std::vector<std::vector<Hash32>> rounds;  ///< children of each node that was revealed so far
  Bytes leaves;                             ///< once they are opened
  Bytes sums;                               ///< once they are given

  /// What the chain has the hash of, as long as the dispute is live.
  [[nodiscard]] Standing standing() const;
  /// Hashes of the opened leaves; zero where none is claimed to be in their group.
  [[nodiscard]] std::vector<Hash32> leaf_hashes() const;
};

/// A move, or none because it is not this player's turn or because nothing he could do would be
/// accepted.
using NextMove = Result<std::optional<Move>>;

/// What needs no trace: ending a dispute whose clock has run out, or whose claim has fallen.
std::optional<Move> closing_move(const GameView& view, std::uint64_t now, bool is_struck_down);

/// The move of an operator that stands by `trace`, which is of view.tokens.prefix(). Fails when
/// there is none, as for a claim that the trace does not bear out.
NextMove operator_move(const ModelProver& model, const Trace& trace, const GameView& view);

/// The move of a challenger whose own trace of view.tokens.prefix() is `trace`. Rows of more than
/// `long_row` columns are asked for their sums. Fails when the operator's trace is the
/// challenger's: the challenge was wrong.
NextMove challenger_move(const ModelProver& model, const Trace& trace, const GameView& view,
                         std::uint32_t long_row = kLongRow);

}  // namespace imo::opml
