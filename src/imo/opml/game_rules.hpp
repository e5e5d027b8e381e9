/// DisputeGame.sol in C++: what the contract does with a move, error for error. The tests hold it
/// against the contract, and search games through it that would take too long on a chain.
#pragma once

#include "imo/opml/game.hpp"

namespace imo::opml {

/// Nothing, or the name of the contract's error.
using Ruling = tl::expected<void, std::string_view>;

/// One dispute. Copies are independent games, so a search can branch.
class GameRules {
 public:
  struct Clocks {
    std::uint64_t clock = 3'600;    ///< seconds of each side
    std::uint64_t extension = 600;  ///< at most `clock`
  };

  /// A dispute that was opened at `now`; `claim` has no trace root.
  GameRules(Clocks clocks, const GameClaim& claim, engine::TokenId token, const Sides& sides,
            std::uint64_t now);

  [[nodiscard]] const Dispute& dispute() const { return dispute_; }
  [[nodiscard]] const Sides& sides() const { return sides_; }
  [[nodiscard]] const Hash32& model_root() const { return model_root_; }
  /// What the players see: the state, and what the events said.
  [[nodiscard]] const std::vector<std::vector<Hash32>>& rounds() const { return rounds_; }
  [[nodiscard]] const Hash32& trace_root() const { return trace_root_; }
  [[nodiscard]] const Bytes& leaves() const { return leaves_; }
  [[nodiscard]] const Bytes& sums() const { return sums_; }

  /// The claim fell in another dispute.
  void strike_down() { is_struck_down_ = true; }
  [[nodiscard]] bool is_struck_down() const { return is_struck_down_; }

  /// `sender` makes a move at `now`, which never goes back. Nothing changes when it is refused.
  Ruling play(const Address& sender, std::uint64_t now, const Move& move);

 private:
  Ruling apply(const Commit& move);
  Ruling apply(const Pick& move);
  Ruling apply(const Reveal& move);
  Ruling apply(const OpenLeaves& move);
  Ruling apply(const ComputeStep& move);
  Ruling apply(const AskSums& move);
  Ruling apply(const GiveSums& move);
  Ruling apply(const ComputeSum& move);
  Ruling apply(const Timeout& move);
  Ruling apply(const Settle& move);

  [[nodiscard]] Ruling check_turn(Phase phase) const;
  [[nodiscard]] Ruling check_standing(const Hash32& about, const Hash32& node) const;
  [[nodiscard]] Ruling check_standing(const Standing& standing) const;
  [[nodiscard]] Hash32 about_of_sender(const Hash32& rest) const;
  [[nodiscard]] Ruling check_challenger() const;
  [[nodiscard]] Ruling check_operator() const;
  [[nodiscard]] Ruling check_chosen(const Hash32& about, const Hash32& chosen,
                                    const std::vector<Hash32>& siblings) const;
  [[nodiscard]] tl::expected<Hash32, std::string_view> node_above_leaf(
      const Spot& spot, const Hash32& leaf_hash, const std::vector<Hash32>& siblings) const;
  [[nodiscard]] unsigned levels_left() const;
  [[nodiscard]] Place place_of(const Spot& spot) const;
  void point(const Place& place);
  void pass(Phase next);
  void end(Phase outcome);

  Clocks clocks_;
  Dispute dispute_;
  Sides sides_;
  Hash32 model_root_;
  std::array<bool, 2> is_extended_{};  ///< operator, challenger
  bool is_struck_down_ = false;
  std::vector<std::vector<Hash32>> rounds_;
  Hash32 trace_root_;
  Bytes leaves_;
  Bytes sums_;
  // Of the move under way.
  Address sender_;
  std::uint64_t now_ = 0;
};

}  // namespace imo::opml
