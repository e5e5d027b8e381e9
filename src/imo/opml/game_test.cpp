// The game by its rules in C++: every lie on the toy program loses, every true claim stands.

#include "imo/model/program_test_support.hpp"
#include "imo/opml/game_test_support.hpp"
#include "imo/opml/toy_program.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace imo::opml {
namespace {

using model::testing::below;
using testing::claim_choice;
using testing::claim_of;
using testing::kChallenger;
using testing::kOperator;
using testing::open_game;
using testing::Referee;
using testing::toy_program;
using testing::view_of;

constexpr std::uint32_t kPrompt = 2;
constexpr std::uint32_t kOutput = 3;

/// Two players at one table. The operator's trace is `theirs`, the challenger's the referee's.
class Table {
 public:
  Table(const Referee& referee, const Trace& theirs)
      : referee_(referee), theirs_(theirs), rules(open_game(referee.prover, referee.tokens)) {}

  [[nodiscard]] NextMove operators() const {
    return operator_move(referee_.prover, theirs_, view_of(rules, referee_.tokens));
  }
  [[nodiscard]] NextMove challengers() const {
    return challenger_move(referee_.prover, *referee_.trace, view_of(rules, referee_.tokens));
  }

  /// Both play as well as they can; who cannot move runs out of time. In the phase Step the
  /// challenger waits for the operator when `is_patient`.
  Phase play(bool is_patient = false) {
    while (is_live(rules.dispute().phase)) {
      const Phase phase = rules.dispute().phase;
      const bool challengers = is_challengers_move(phase) || (phase == Phase::kStep && !is_patient);
      const NextMove next = challengers ? challengers_or_fail() : operators();
      const bool moved =
          next && *next && rules.play(challengers ? kChallenger : kOperator, now, **next);
      if (!moved) {
        now = rules.dispute().deadline;
        EXPECT_TRUE(rules.play(kChallenger, now, Timeout{}));
      }
      ++moves;
    }
    return rules.dispute().phase;
  }

 private:
  /// An honest challenger always knows what to do, and the contract always lets him.
  NextMove challengers_or_fail() {
    NextMove next = challengers();
    EXPECT_TRUE(next && *next) << (next ? "no move" : next.error().message);
    if (next && *next) {
      GameRules copy = rules;
      const Ruling ruling = copy.play(kChallenger, now, **next);
      EXPECT_TRUE(ruling) << move_name(**next) << ": " << ruling.error();
    }
    return next;
  }

  const Referee& referee_;
  const Trace& theirs_;

 public:
  GameRules rules;
  std::uint64_t now = 0;
  unsigned moves = 0;
};

/// A value that the element does not have and that its type can hold.
std::int64_t another(std::int64_t value) {
  return value ^ 1;
}

TEST(Game, AnOperatorThatLiesAnywhereLoses) {
  const model::Program program = toy_program(1);
  const Referee referee(program, claim_of(program, kPrompt, kOutput, 1, false));
  const engine::TokenId claimed = referee.tokens.output.back();
  const std::uint32_t last = referee.trace->shape().operators - 1;
  std::size_t games = 0;
  referee.for_each_element([&](std::uint32_t op, std::uint64_t leaf, const Place& place) {
    const std::int64_t truth = referee.trace->element(op, leaf, place.element);
    const Lie lie{op, leaf, place.element, op == last ? claimed : another(truth)};
    for (const bool is_consistent : {true, false}) {
      const auto theirs = plain_trace(program, referee.tokens.prefix(), lie, is_consistent);
      claim_choice(*theirs, claimed);
      Table table(referee, *theirs);
      ASSERT_EQ(table.play(games % 2 == 0), Phase::kChallengerWon)
          << operator_name(program, op) << " leaf " << leaf << " element " << place.element;
      if (table.rules.dispute().phase == Phase::kChallengerWon && op != last) {
        EXPECT_EQ(table.rules.dispute().leaf_index, place.leaf_index);
      }
      ++games;
    }
  });
  RecordProperty("games", std::to_string(games));
  EXPECT_GE(games, 1'000U);
}

// Bytes behind a tensor's end, a leaf or a node that nobody can open, padding that is not zero.
TEST(Game, GarbageInATreeLoses) {
  const model::Program program = toy_program(2);
  const Referee referee(program, claim_of(program, kPrompt, kOutput, 2, false));
  const TraceShape& shape = referee.trace->shape();
  const Hash32 garbage{{0xBA, 0xD0}};
  const auto expect_fall = [&](auto spoil, const std::string& what) {
    const auto theirs = plain_trace(program, referee.tokens.prefix());
    claim_choice(*theirs, referee.tokens.output.back());
    spoil(*theirs);
    Table table(referee, *theirs);
    EXPECT_EQ(table.play(), Phase::kChallengerWon) << what;
  };
  for (std::uint32_t op = 0; op + 1 < shape.operators; ++op) {
    const TensorLayout& layout = referee.trace->layout(op);
    const std::uint64_t leaf = layout.leaves() - 1;
    const std::uint32_t used = layout.elements_in(leaf) * layout.element_bytes(leaf);
    if (used < kLeafBytes) {
      expect_fall([&](StoredTrace& trace) { trace.set_bytes(op, leaf, used, Bytes{1}); },
                  fmt::format("a byte behind operator {}", op));
    }
    for (unsigned height = 0; height < shape.leaf_bits; height += 3) {
      expect_fall(
          [&](StoredTrace& trace) {
            trace.set_node(height, shape.leaf_index(op, 0) >> height, garbage);
          },
          fmt::format("a node at height {} of operator {}", height, op));
    }
    expect_fall(
        [&](StoredTrace& trace) { trace.set_node(0, shape.leaf_index(op, leaf + 1), garbage); },
        fmt::format("a leaf behind operator {}", op));
  }
}

// Whatever a challenger picks and points at, a true claim stands.
TEST(Game, AnHonestOperatorNeverLoses) {
  std::mt19937 random(7);
  for (unsigned i = 0; i < 400; ++i) {
    const model::Program program = toy_program(1 + i % 4);
    const Referee referee(program, claim_of(program, 1 + i % 3, 1 + i % 4, i, true));
    Table table(referee, *referee.trace);
    while (is_live(table.rules.dispute().phase)) {
      const Dispute& now = table.rules.dispute();
      if (is_challengers_move(now.phase)) {
        // Half of the games go for leaves that the trace has, the rest anywhere.
        const std::uint64_t target =
            referee.trace->shape().leaf_index(below(random, referee.trace->shape().operators), 0);
        const unsigned left = now.height - now.depth - std::min(5U, now.height - now.depth);
        const std::uint64_t digit =
            (target >> left) &
            (left == 0 && now.height % 5 != 0 ? (1U << now.height % 5) - 1 : 31U);
        const Move move = now.phase == Phase::kPick
                              ? Move(Pick{now.node, i % 2 == 0 ? digit : below(random, 32)})
                              : Move(Point{now.node, below(random, 64)});
        // A wrong index costs its sender alone: he tries another.
        (void)table.rules.play(kChallenger, table.now, move);
      } else {
        const NextMove next = table.operators();
        ASSERT_TRUE(next) << next.error().message;
        ASSERT_TRUE(*next);
        const Ruling ruling = table.rules.play(kOperator, table.now, **next);
        ASSERT_TRUE(ruling) << move_name(**next) << ": " << ruling.error();
      }
    }
    EXPECT_EQ(table.rules.dispute().phase, Phase::kOperatorWon);
  }
}

TEST(Game, NobodyDefendsOrAttacksWhatHeKnowsBetter) {
  const model::Program program = toy_program(1);
  const Referee liar(program, claim_of(program, kPrompt, kOutput, 1, false));
  EXPECT_FALSE(Table(liar, *liar.trace).operators());

  const Referee honest(program, claim_of(program, kPrompt, kOutput, 1, true));
  Table table(honest, *honest.trace);
  ASSERT_TRUE(table.rules.play(kOperator, 0, *table.operators().value()));
  EXPECT_FALSE(table.challengers());
}

// Who stalls loses, at every move of a game, and a move in the last second counts.
TEST(Game, StallingLosesAtEveryMove) {
  const model::Program program = toy_program(1);
  const Referee referee(program, claim_of(program, kPrompt, kOutput, 1, false));
  const auto theirs = plain_trace(program, referee.tokens.prefix());
  claim_choice(*theirs, referee.tokens.output.back());
  Table table(referee, *theirs);
  unsigned moves = 0;
  while (is_live(table.rules.dispute().phase)) {
    const Dispute before = table.rules.dispute();
    const bool challengers = is_challengers_move(before.phase);
    const Move move = (challengers ? table.challengers() : table.operators()).value().value();
    const Address mover = challengers ? kChallenger : kOperator;

    GameRules stalled = table.rules;
    EXPECT_EQ(stalled.play(kOperator, before.deadline - 1, Timeout{}).error(), "ClockRunning");
    EXPECT_EQ(stalled.play(mover, before.deadline, move).error(), "ClockExpired");
    EXPECT_EQ(stalled.dispute(), before);
    EXPECT_TRUE(stalled.play(kOperator, before.deadline, Timeout{}));
    EXPECT_EQ(stalled.dispute().phase, challengers ? Phase::kOperatorWon : Phase::kChallengerWon);

    GameRules settled = table.rules;
    EXPECT_EQ(settled.play(kOperator, 0, Settle{}).error(), "ClaimStands");
    settled.strike_down();
    EXPECT_EQ(closing_move(settled.dispute(), 0, true)->index(), Move(Settle{}).index());
    EXPECT_TRUE(settled.play(kOperator, 0, Settle{}));
    EXPECT_EQ(settled.dispute().phase, Phase::kMoot);

    table.now = before.deadline - 1;
    ASSERT_TRUE(table.rules.play(mover, table.now, move));
    ++moves;
  }
  EXPECT_EQ(table.rules.dispute().phase, Phase::kChallengerWon);
  EXPECT_GE(moves, 8U);
}

// A side has its clock and one extension: a game ends however slowly it is played.
TEST(Game, ClocksAreBounded) {
  const model::Program program = toy_program(1);
  const Referee referee(program, claim_of(program, kPrompt, kOutput, 1, true));
  Table table(referee, *referee.trace);
  std::uint64_t used = 0;
  while (is_live(table.rules.dispute().phase)) {
    const Dispute before = table.rules.dispute();
    used += before.deadline - 1 - table.now;
    table.now = before.deadline - 1;
    const Move move = is_challengers_move(before.phase)
                          ? (before.phase == Phase::kPick ? Move(Pick{before.node, 0})
                                                          : Move(Point{before.node, 0}))
                          : table.operators().value().value();
    const Address mover = is_challengers_move(before.phase) ? kChallenger : kOperator;
    if (!table.rules.play(mover, table.now, move)) break;
  }
  const GameRules::Clocks clocks;
  EXPECT_LE(used, 2 * (clocks.clock + clocks.extension));
}

}  // namespace
}  // namespace imo::opml
