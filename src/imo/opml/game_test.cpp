// The game by its rules in C++: every lie on the toy program loses, every true claim stands.

#include "imo/crypto/merkle.hpp"
#include "imo/model/program_test_support.hpp"
#include "imo/opml/element.hpp"
#include "imo/opml/game_test_support.hpp"
#include "imo/opml/toy_program.hpp"

#include <functional>
#include <set>

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

/// The pick that leads to a place.
Pick towards(const Place& place, const GameView& view) {
  const unsigned height = view.dispute.height;
  const unsigned left = height - view.dispute.depth - group_bits(height);
  const unsigned levels = std::min(kRoundBits, left);
  const std::uint64_t digits = place.leaf_index >> group_bits(height) >> (left - levels);
  const Standing standing = view.standing();
  return {standing.rest(), standing.node, digits & ((1U << levels) - 1)};
}

/// Asks for the sums of an element of the opened leaves.
AskSums ask_of(const Place& place, const GameView& view) {
  std::vector<Hash32> nodes = view.leaf_hashes();
  const std::uint64_t leaf = place.leaf_index % nodes.size();
  const Standing standing = view.standing();
  AskSums move{standing.rest(), standing.node, {leaf, place.element}, nodes[leaf], {}};
  for (std::uint64_t at = leaf; nodes.size() > 1; at >>= 1) {
    move.siblings.push_back(nodes[at ^ 1]);
    nodes = crypto::merkle_level_above(nodes, 0);
  }
  return move;
}

/// No row is as long as this, and every row is.
constexpr std::uint32_t kNoSums = 1U << 20;
constexpr std::uint32_t kAlwaysSums = 0;

/// Two players at one table. The operator's trace is `theirs`, the challenger's the referee's.
class Table {
 public:
  Table(const Referee& referee, const Trace& theirs, std::uint32_t long_row = kLongRow)
      : referee_(referee),
        theirs_(theirs),
        long_row_(long_row),
        rules(open_game(referee.prover, referee.tokens)) {}

  [[nodiscard]] GameView view() const { return view_of(rules, referee_.tokens); }
  [[nodiscard]] NextMove operators() const {
    NextMove next = operator_move(referee_.prover, theirs_, view());
    if (!next || !*next) return next;
    if (auto* sums = std::get_if<GiveSums>(&**next); sums != nullptr && falsify) {
      falsify(sums->sums);
    }
    return next;
  }
  [[nodiscard]] NextMove challengers() const {
    return challenger_move(referee_.prover, *referee_.trace, view(), long_row_);
  }

  /// To the leaves around `place`, whatever is in them.
  void descend(const Place& place) {
    while (rules.dispute().phase != Phase::kStep) {
      const bool picks = rules.dispute().phase == Phase::kPick;
      const Move move = picks ? Move(towards(place, view())) : operators().value().value();
      ASSERT_TRUE(rules.play(picks ? kChallenger : kOperator, now, move)) << move_name(move);
    }
  }

  /// Both play as well as they can; who cannot move runs out of time.
  Phase play() {
    while (is_live(rules.dispute().phase)) {
      EXPECT_EQ(view().standing().hash(), rules.dispute().standing);
      const bool challengers = is_challengers_move(rules.dispute().phase);
      const NextMove next = challengers ? challengers_or_fail() : operators();
      const bool moved =
          next && *next && rules.play(challengers ? kChallenger : kOperator, now, **next);
      if (!moved) {
        now = rules.dispute().deadline;
        EXPECT_TRUE(rules.play(kChallenger, now, Timeout{view().standing()}));
      }
      if (next && *next && std::holds_alternative<GiveSums>(**next)) ++sums_given;
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
  std::uint32_t long_row_;

 public:
  GameRules rules;
  std::function<void(Bytes&)> falsify;  ///< what the operator does with sums before he gives them
  std::uint64_t now = 0;
  unsigned moves = 0;
  unsigned sums_given = 0;
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
      Table table(referee, *theirs, games % 4 < 2 ? kNoSums : kAlwaysSums);
      ASSERT_EQ(table.play(), Phase::kChallengerWon)
          << operator_name(program, op) << " leaf " << leaf << " element " << place.element;
      if (table.rules.dispute().phase == Phase::kChallengerWon && op != last) {
        EXPECT_EQ(table.rules.dispute().leaf_index, place.leaf_index);
        EXPECT_EQ(table.rules.dispute().element, place.element);
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
    expect_fall([&](StoredTrace& trace) { trace.set_node(0, shape.leaf_index(op, leaf), {}); },
                fmt::format("no last leaf of operator {}", op));
  }
}

/// The first element of the first MatMul with as many columns.
Place some_product(const Referee& referee, std::uint32_t columns) {
  const auto& operators = referee.program.operators;
  for (std::uint32_t op = 0; op < operators.size(); ++op) {
    const model::Operator& each = operators[op];
    if (each.kind == model::OperatorKind::kMatMul &&
        referee.program.tensors[each.tensor].columns == columns) {
      return {referee.trace->shape().leaf_index(op, 0), 0};
    }
  }
  return {};
}

/// Calls `body(sums, name)` for the true sums, and for false ones of every kind.
void for_each_sums(const Bytes& truth,
                   const std::function<void(const Bytes&, std::string_view)>& body) {
  body(truth, "none");
  for (std::size_t i = 0; i < truth.size() / kSumBytes; ++i) {
    Bytes one = truth;
    one[(i + 1) * kSumBytes - 1] ^= 1;
    body(one, fmt::format("sum {}", i));
    Bytes all_behind = truth;  // each is the one before it and its products, but for one
    for (std::size_t j = i; j < truth.size() / kSumBytes; ++j) {
      auto at = std::span(all_behind).subspan(j * kSumBytes, kSumBytes);
      write_element(at, read_element(at) + 1);
    }
    body(all_behind, fmt::format("sums from {} on", i));
  }
  Bytes fewer = truth;
  fewer.resize(truth.size() - kSumBytes);
  body(fewer, "one less");
  Bytes more = truth;
  more.resize(truth.size() + kSumBytes);
  body(more, "one more");
  body(Bytes(64 * kSumBytes, 0x7F), "as many as there can be");
  body({}, "nothing");
}

/// An operator that stands by a trace whose first product of 600 columns is right or not.
struct LongRow {
  static constexpr std::uint32_t kColumns = 600;  // three sums, the last one shorter

  explicit LongRow(bool is_true) : referee(program, claim_of(program, 2, 3, 1, is_true)) {
    const auto op =
        static_cast<std::uint32_t>(referee.trace->shape().operator_of(place.leaf_index));
    const std::int64_t right = referee.trace->element(op, 0, 0);
    const Lie lie{op, 0, 0, is_true ? right : another(right)};
    theirs = plain_trace(program, referee.tokens.prefix(), lie, false);
    claim_choice(*theirs, referee.tokens.output.back());
    sums = make_sums(referee.prover, *theirs, referee.tokens, place).value();
  }

  const model::Program program = toy_program(1, kColumns);
  const Referee referee;
  const Place place = some_product(referee, kColumns);
  std::unique_ptr<StoredTrace> theirs;
  Bytes sums;  ///< the true ones
};

// Whatever an operator says of the sums of a false element, it loses.
TEST(Game, FalseSumsLose) {
  const LongRow row(false);
  ASSERT_EQ(row.sums.size(), 3 * kSumBytes);
  for_each_sums(row.sums, [&](const Bytes& sums, std::string_view what) {
    Table table(row.referee, *row.theirs, LongRow::kColumns - 1);
    table.falsify = [&](Bytes& given) { given = sums; };
    EXPECT_EQ(table.play(), Phase::kChallengerWon) << what;
    EXPECT_EQ(table.sums_given, 1U);
    EXPECT_EQ(table.now, 0U) << "no clock ran out";
  });
}

// True sums of a true element win, whichever question the challenger asks.
TEST(Game, TrueSumsWin) {
  const LongRow row(true);
  const Leaf held = row.theirs->leaf(row.place.leaf_index);
  const Bytes leaf(held.begin(), held.end());
  for (std::uint64_t number = 0; number <= 3; ++number) {
    Table table(row.referee, *row.theirs);
    table.descend(row.place);
    ASSERT_TRUE(table.rules.play(kChallenger, 0, ask_of(row.place, table.view())));
    ASSERT_TRUE(table.rules.play(kOperator, 0, table.operators().value().value()));
    const SumQuestion question{number, row.sums, number == 3 ? leaf : Bytes{}};
    const Bytes witness =
        make_sum_witness(row.referee.prover, *row.theirs, row.referee.tokens, row.place, question)
            .value();
    const Subject subject{
        table.rules.sides(),
        GameClaim::of(table.view().model_root, table.view().trace_root, row.referee.tokens),
        row.referee.prover.opening()};
    const Ruling ruling = table.rules.play(
        kChallenger, 0, ComputeSum{subject, crypto::merkle_leaf(leaf), question, witness});
    ASSERT_TRUE(ruling) << ruling.error();
    EXPECT_EQ(table.rules.dispute().phase, Phase::kOperatorWon);
  }
}

// Who asks for sums where there are none gets an answer, so that the operator does not lose by the
// clock, and can do nothing with it.
TEST(Game, SumsOfNothingAreAnswered) {
  const model::Program program = toy_program(1);
  const Referee referee(program, claim_of(program, kPrompt, kOutput, 1, true));
  const Place product = some_product(referee, 6);
  const TraceShape& shape = referee.trace->shape();
  const auto op = static_cast<std::uint32_t>(shape.operator_of(product.leaf_index));
  const std::uint64_t leaves = referee.trace->layout(op).leaves();
  const std::uint32_t elements = referee.trace->layout(op).elements_in(leaves - 1);
  for (const Place& place :
       {Place{product.leaf_index + leaves - 1, elements}, Place{product.leaf_index + leaves, 0}}) {
    Table table(referee, *referee.trace);
    table.descend(place);
    ASSERT_TRUE(table.rules.play(kChallenger, 0, ask_of(place, table.view())));
    ASSERT_TRUE(table.rules.play(kOperator, 0, table.operators().value().value()));
    EXPECT_FALSE(table.challengers());
  }
}

/// What somebody may try against a claim that is true.
Move wrong_move(const Referee& referee, const GameView& view, const Place& target, bool aims,
                std::mt19937& random) {
  const Dispute& now = view.dispute;
  if (now.phase == Phase::kPick) {
    Pick pick = towards(target, view);
    if (!aims) pick.index = below(random, 32);
    return pick;
  }
  const std::uint64_t first =
      now.depth == now.height ? now.leaf_index : now.leaf_index << group_bits(now.height);
  const std::uint32_t group = 1U << group_bits(now.height);
  const bool chooses = now.phase == Phase::kStep;
  const Place place{chooses ? first + below(random, group) : first,
                    chooses ? target.element : static_cast<std::uint32_t>(now.element)};
  const AskSums ask = ask_of(place, view);
  if (chooses && below(random, 2) == 0) return ask;
  const Leaf leaf = referee.trace->leaf(place.leaf_index);
  const Subject subject{view.sides, GameClaim::of(view.model_root, view.trace_root, view.tokens),
                        referee.prover.opening()};
  if (chooses) {
    const bool is_there = place.leaf_index - first < view.leaves.size() / kLeafBytes;
    return ComputeStep{
        subject, ask.spot, is_there ? Bytes(leaf.begin(), leaf.end()) : Bytes{}, ask.siblings,
        make_witness(referee.prover, *referee.trace, view.tokens, place).value_or(Bytes{})};
  }
  SumQuestion question{below(random, 3), view.sums, {}};
  if (question.is_element()) question.leaf.assign(leaf.begin(), leaf.end());
  const Bytes witness =
      make_sum_witness(referee.prover, *referee.trace, view.tokens, place, question)
          .value_or(Bytes{});
  return ComputeSum{subject, ask.leaf_hash, question, witness};
}

// Whatever a challenger picks and points at, a true claim stands.
TEST(Game, AnHonestOperatorNeverLoses) {
  std::mt19937 random(7);
  for (unsigned i = 0; i < 400; ++i) {
    const model::Program program = toy_program(1 + i % 4);
    const Referee referee(program, claim_of(program, 1 + i % 3, 1 + i % 4, i, true));
    Table table(referee, *referee.trace);
    while (is_live(table.rules.dispute().phase)) {
      const Dispute now = table.rules.dispute();
      if (is_challengers_move(now.phase)) {
        // Half of the games go for leaves that the trace has, the rest anywhere.
        const auto& shape = referee.trace->shape();
        const Place target{shape.leaf_index(below(random, shape.operators), 0), below(random, 64)};
        const Move move = wrong_move(referee, table.view(), target, i % 2 == 0, random);
        // A wrong index costs its sender alone: he tries another, until his time is over.
        const bool moved = table.rules.play(kChallenger, table.now, move).has_value();
        if (!moved && below(random, 8) == 0) {
          table.now = now.deadline;
          ASSERT_TRUE(table.rules.play(kOperator, table.now, Timeout{table.view().standing()}));
        }
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

/// Who stalls loses, and a move in the last second counts.
void expect_stalling_loses(const Table& table) {
  const Dispute before = table.rules.dispute();
  const bool challengers = is_challengers_move(before.phase);
  const Move move = (challengers ? table.challengers() : table.operators()).value().value();
  const Timeout timeout{table.view().standing()};
  GameRules stalled = table.rules;
  EXPECT_EQ(stalled.play(kOperator, before.deadline - 1, timeout).error(), "ClockRunning");
  EXPECT_EQ(stalled.play(challengers ? kChallenger : kOperator, before.deadline, move).error(),
            "ClockExpired");
  EXPECT_EQ(stalled.dispute(), before);
  EXPECT_EQ(stalled.play(kOperator, before.deadline, Timeout{}).error(), "WrongStanding");
  EXPECT_TRUE(stalled.play(kOperator, before.deadline, timeout));
  EXPECT_EQ(stalled.dispute().phase, challengers ? Phase::kOperatorWon : Phase::kChallengerWon);
}

void expect_a_fallen_claim_is_moot(const Table& table) {
  const Settle settle{table.view().standing()};
  GameRules settled = table.rules;
  EXPECT_EQ(settled.play(kOperator, 0, settle).error(), "ClaimStands");
  settled.strike_down();
  EXPECT_EQ(closing_move(table.view(), 0, true)->index(), Move(settle).index());
  EXPECT_EQ(settled.play(kOperator, 0, Settle{}).error(), "WrongStanding");
  EXPECT_TRUE(settled.play(kOperator, 0, settle));
  EXPECT_EQ(settled.dispute().phase, Phase::kMoot);
}

// Who answers for a program that no step knows cannot win a dispute of it.
TEST(Game, WhatTheProgramCannotComputeIsWrong) {
  const model::Program program = toy_program(1);
  const Referee referee(program, claim_of(program, kPrompt, kOutput, 1, true));
  model::Program hostile = program;
  constexpr std::uint32_t kOp = 3;
  hostile.operators[kOp].kind = model::OperatorKind::kPosition;
  const ModelProver prover(hostile);
  GameRules rules = open_game(prover, referee.tokens);
  const auto view = [&] { return view_of(rules, referee.tokens); };
  const Place place{referee.trace->shape().leaf_index(kOp, 0), 0};
  while (rules.dispute().phase != Phase::kStep) {
    const bool picks = rules.dispute().phase == Phase::kPick;
    const Move move = picks ? Move(towards(place, view()))
                            : operator_move(prover, *referee.trace, view()).value().value();
    ASSERT_TRUE(rules.play(picks ? kChallenger : kOperator, 0, move)) << move_name(move);
  }
  const Leaf leaf = referee.trace->leaf(place.leaf_index);
  const Subject subject{rules.sides(),
                        GameClaim::of(view().model_root, view().trace_root, referee.tokens),
                        prover.opening()};
  const AskSums spot = ask_of(place, view());
  ComputeStep step{subject, spot.spot, {leaf.begin(), leaf.end()}, spot.siblings, {}};
  EXPECT_EQ(rules.play(kChallenger, 0, step).error(), "WitnessTooShort");
  step.witness = prover.operator_opening(kOp);
  EXPECT_TRUE(rules.play(kChallenger, 0, step));
  EXPECT_EQ(rules.dispute().phase, Phase::kChallengerWon);
}

// At every move of a game that ends in a step, and of one that ends in a sum.
TEST(Game, StallingLosesAtEveryMove) {
  const model::Program program = toy_program(1);
  const Referee referee(program, claim_of(program, kPrompt, kOutput, 1, false));
  const Place product = some_product(referee, 6);
  const auto op =
      static_cast<std::uint32_t>(referee.trace->shape().operator_of(product.leaf_index));
  std::set<Phase> seen;
  for (const std::uint32_t long_row : {kNoSums, kAlwaysSums}) {
    const Lie lie{op, 0, 0, another(referee.trace->element(op, 0, 0))};
    const auto theirs = plain_trace(program, referee.tokens.prefix(), lie, false);
    claim_choice(*theirs, referee.tokens.output.back());
    Table table(referee, *theirs, long_row);
    while (is_live(table.rules.dispute().phase)) {
      const Dispute before = table.rules.dispute();
      seen.insert(before.phase);
      expect_stalling_loses(table);
      expect_a_fallen_claim_is_moot(table);
      table.now = before.deadline - 1;
      const bool challengers = is_challengers_move(before.phase);
      const Move move = (challengers ? table.challengers() : table.operators()).value().value();
      ASSERT_TRUE(table.rules.play(challengers ? kChallenger : kOperator, table.now, move));
    }
    EXPECT_EQ(table.rules.dispute().phase, Phase::kChallengerWon);
  }
  EXPECT_EQ(seen.size(), 7U) << "every phase of a live dispute";
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
    if (before.phase == Phase::kStep) break;
    const Move move = is_challengers_move(before.phase) ? Move(towards(Place{}, table.view()))
                                                        : table.operators().value().value();
    const Address mover = is_challengers_move(before.phase) ? kChallenger : kOperator;
    if (!table.rules.play(mover, table.now, move)) break;
  }
  const GameRules::Clocks clocks;
  EXPECT_LE(used, 2 * (clocks.clock + clocks.extension));
}

}  // namespace
}  // namespace imo::opml
