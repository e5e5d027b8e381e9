// The rules of the game in C++ against the contract on a chain: random games, right and wrong
// moves, and the same verdict and state after each. In `node`, because `opml` knows no chain.

#include "imo/base/hex.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/crypto/merkle.hpp"
#include "imo/crypto/secp256k1.hpp"
#include "imo/eth/units.hpp"
#include "imo/market/abi/DisputeGame.hpp"
#include "imo/market/abi/ModelRegistry.hpp"
#include "imo/market/abi/OperatorRegistry.hpp"
#include "imo/market/abi/StepVerifier.hpp"
#include "imo/node/dispute.hpp"
#include "imo/node/receipt.hpp"
#include "imo/node/test_world.hpp"
#include "imo/opml/game_test_support.hpp"
#include "imo/opml/toy_program.hpp"

#include <map>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace imo::node {
namespace {

namespace game = market::abi::dispute_game;
namespace models = market::abi::model_registry;
namespace operators = market::abi::operator_registry;
using opml::Move;
using opml::Phase;
using opml::testing::Referee;
using test::must;

/// In each of four parts, so that cores share them and no chain grows long.
constexpr std::size_t kGames = 250;
constexpr unsigned kParts = 4;
constexpr std::size_t kSituations = 40;
constexpr std::uint64_t kGas = 10'000'000;

/// Any operator, but a product as often as not.
std::uint32_t lying_operator(const model::Program& program, std::mt19937& random) {
  std::uint32_t op = 0;
  do {
    op = static_cast<std::uint32_t>(random() % program.operators.size());
  } while (program.operators[op].kind != model::OperatorKind::kMatMul && random() % 4 != 0);
  return op;
}

/// A claim about a toy program, and the trace that its operator stands by.
struct Situation {
  Situation(const model::Program& program, unsigned seed, std::mt19937& random)
      : is_true(random() % 3 == 0),
        referee(program, opml::testing::claim_of(program, 2, 2, seed, is_true)) {
    std::optional<opml::Lie> lie;
    if (!is_true && random() % 4 != 0) {
      lie = opml::Lie{lying_operator(program, random), 0, 0,
                      static_cast<std::int64_t>(random() % 100)};
    }
    theirs = opml::plain_trace(program, referee.tokens.prefix(), lie, random() % 2 == 0);
    if (!is_true && random() % 4 == 0) {
      Hash32 garbage;
      garbage.bytes[0] = 0x77;
      theirs->set_node(static_cast<unsigned>(random() % 3), random() % 4, garbage);
    }
    opml::testing::claim_choice(*theirs, referee.tokens.output.back());
  }

  bool is_true;
  Referee referee;
  std::unique_ptr<opml::StoredTrace> theirs;
};

class GameEquivalence : public testing::TestWithParam<unsigned> {
 protected:
  GameEquivalence() : program_(opml::testing::toy_program(1, 600)) {
    for (const auto& errors :
         {game::error_signatures(), market::abi::step_verifier::error_signatures()}) {
      for (const eth::ErrorSignature& error : errors) {
        names_[Bytes(error.selector.begin(), error.selector.end())] = error.name;
      }
    }
    for (unsigned i = 0; i < kSituations; ++i) {
      situations_.push_back(
          std::make_unique<Situation>(program_, GetParam() * 1'000 + i + 1, random_));
    }
    register_program();
    must(world_.operator_wallet.transact(world_.deployment.operator_registry,
                                         operators::register_(""), U256(9'000) * eth::kEther));
    clocks_.clock = must(world_.client.call(world_.deployment.dispute_game, game::clock()));
    clocks_.extension = must(world_.client.call(world_.deployment.dispute_game, game::extension()));
    bond_ = must(world_.client.call(world_.deployment.dispute_game, game::challenger_bond()));
  }

  void register_program() {
    models::Registration registration;
    registration.model_root = situations_.front()->referee.prover.opening().root();
    registration.licence = "MIT";
    registration.context_length = program_.context_length;
    registration.vocabulary_size = program_.vocabulary_size;
    registration.end_token = model::kNone;  // answers end at their limit
    const auto receipt = must(
        world_.author.transact(world_.deployment.model_registry, models::register_(registration)));
    model_id_ = must(eth::find_event<models::events::ModelRegistered>(
                         receipt, world_.deployment.model_registry))
                    .model_id;
  }

  /// Opens a dispute over a receipt of its own; the dispute's number is that of the game.
  opml::GameRules open(const Situation& situation, std::uint64_t number) {
    const auto& tokens = situation.referee.tokens;
    const Bytes prompt = opml::pack_tokens(tokens.prompt);
    const Bytes output = opml::pack_tokens(tokens.output);
    Receipt signed_one;
    signed_one.model_id = model_id_;
    signed_one.model_root = situation.referee.prover.opening().root();
    signed_one.prompt_hash = crypto::keccak256(prompt);
    signed_one.output_hash = crypto::keccak256(output);
    signed_one.max_tokens = static_cast<std::uint32_t>(tokens.output.size());
    signed_one.operator_address = operator_;
    signed_one.nonce = U256(number).to_be();
    const auto signature = eth::anvil_key(1)
                               .sign(receipt_digest(signed_one, world_.deployment.chain_id,
                                                    world_.deployment.operator_registry))
                               .to_bytes();
    game::Receipt words;
    words.model_id = signed_one.model_id;
    words.model_root = signed_one.model_root;
    words.prompt_hash = signed_one.prompt_hash;
    words.output_hash = signed_one.output_hash;
    words.max_tokens = signed_one.max_tokens;
    words.operator_ = operator_;
    words.nonce = signed_one.nonce;
    const auto call =
        game::open_receipt(words, Bytes(signature.bytes.begin(), signature.bytes.end()), prompt,
                           output, U256(tokens.output_position));
    EXPECT_EQ(ask(challenger_, must(call.data), bond_), "");
    send(challenger_, call, bond_);
    const opml::Sides sides{challenger_, operator_, signed_one.payer, 0,
                            receipt_digest(signed_one, world_.deployment.chain_id,
                                           world_.deployment.operator_registry)};
    return {clocks_, opml::GameClaim::of(signed_one.model_root, {}, tokens), tokens.output.back(),
            sides, must(world_.client.block()).timestamp};
  }

  /// From an account that anvil has unlocked, without an estimate, mined at once.
  template <typename R>
  void send(const Address& from, const eth::Call<R>& call, const U256& value = {}) {
    const std::string request = fmt::format(
        R"([{{"from":"{}","to":"{}","data":"{}","gas":"{:#x}","value":"{}"}}])", to_hex(from),
        to_hex(world_.deployment.dispute_game), to_hex(must(call.data)), kGas, value.to_quantity());
    auto& rpc = world_.client.rpc();
    const auto hash = must(rpc.result({"eth_sendTransaction", request}));
    const std::string about = fmt::format("[{}]", hash.dump());
    while (must(rpc.result({"eth_getTransactionReceipt", about})).is_null()) {
    }
  }

  /// What the contract would say: empty, or the name of its error.
  std::string ask(const Address& from, const Bytes& data, const U256& value = {}) {
    eth::CallRequest request{
        .from = from, .to = world_.deployment.dispute_game, .value = value, .data = data};
    request.gas_limit = kGas;
    const auto outcome = must(world_.client.try_call(request));
    if (!outcome.reverted) return {};
    const Bytes selector(
        outcome.data.begin(),
        outcome.data.begin() + std::min<std::ptrdiff_t>(4, std::ssize(outcome.data)));
    const auto found = names_.find(selector);
    return found == names_.end() ? "an unknown error" : std::string(found->second);
  }

  bool chance(unsigned percent) { return random_() % 100 < percent; }
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  /// What one of the sides would do next, or nothing.
  std::optional<Move> right_move(const Situation& situation, const opml::GameRules& rules) {
    const auto view = opml::testing::view_of(rules, situation.referee.tokens);
    const Phase phase = view.dispute.phase;
    if (opml::is_challengers_move(phase)) {
      const std::uint32_t long_row = chance(75) ? 0 : 1U << 20;
      const auto move =
          opml::challenger_move(situation.referee.prover, *situation.referee.trace, view, long_row);
      if (move && *move) return **move;
      // An honest operator gives the challenger nothing to pick: he picks anything.
      if (phase == Phase::kPick) {
        const opml::Standing standing = view.standing();
        return opml::Pick{standing.rest(), standing.node, below(32)};
      }
      return wrong_step(situation, view);
    }
    auto move = opml::operator_move(situation.referee.prover, *situation.theirs, view);
    if (!move || !*move) return std::nullopt;
    // Sums are false as often as not.
    if (auto* sums = std::get_if<opml::GiveSums>(&**move); sums != nullptr && chance(50)) {
      sums->sums.resize(sums->sums.size() + (chance(30) ? opml::kSumBytes : 0));
      if (!sums->sums.empty()) sums->sums[below(sums->sums.size())] ^= 1;
    }
    return **move;
  }

  /// A step of something that is right, or the question about it.
  std::optional<Move> wrong_step(const Situation& situation, const opml::GameView& view) {
    const auto& referee = situation.referee;
    const opml::Trace& theirs = *situation.theirs;
    const opml::Dispute& now = view.dispute;
    const std::vector<Hash32> hashes = view.leaf_hashes();
    const std::uint64_t opened = view.leaves.size() / opml::kLeafBytes;
    const bool chooses = now.phase == Phase::kStep;
    const std::uint64_t leaf =
        chooses ? below(opened + 1) % hashes.size() : now.leaf_index % hashes.size();
    const opml::Spot spot{leaf, chooses ? below(chance(10) ? 300 : 6) : now.element};
    const opml::Place place{
        chooses ? now.leaf_index << opml::group_bits(now.height) | leaf : now.leaf_index,
        static_cast<std::uint32_t>(spot.element)};
    const opml::Subject subject{view.sides,
                                opml::GameClaim::of(view.model_root, view.trace_root, view.tokens),
                                referee.prover.opening()};
    const opml::Leaf bytes = theirs.leaf(place.leaf_index);
    const Bytes copy = leaf < opened ? Bytes(bytes.begin(), bytes.end()) : Bytes{};
    if (!chooses) {
      opml::SumQuestion question{below(view.sums.size() / opml::kSumBytes + 1), view.sums, {}};
      if (question.is_element()) question.leaf = copy;
      const Bytes witness =
          opml::make_sum_witness(referee.prover, theirs, view.tokens, place, question)
              .value_or(Bytes{});
      return opml::ComputeSum{subject, hashes[leaf], question, witness};
    }
    std::vector<Hash32> siblings;
    std::vector<Hash32> nodes = hashes;
    for (std::uint64_t at = leaf; nodes.size() > 1; at >>= 1) {
      siblings.push_back(nodes[at ^ 1]);
      nodes = crypto::merkle_level_above(nodes, 0);
    }
    if (chance(50)) {
      const opml::Standing standing = view.standing();
      return opml::AskSums{standing.rest(), standing.node, spot, hashes[leaf], siblings};
    }
    const Bytes witness =
        opml::make_witness(referee.prover, theirs, view.tokens, place).value_or(Bytes{});
    return opml::ComputeStep{subject, spot, copy, siblings, witness};
  }

  void spoil(opml::Commit& move) {
    switch (below(4)) {
      case 0:
        move.token ^= 1;
        break;
      case 1:
        move.children.pop_back();
        break;
      case 2:
        move.left_siblings.emplace_back();
        break;
      default:
        move.children[below(move.children.size())].bytes[5] ^= 1;
    }
  }
  void spoil(opml::Pick& move) {
    if (chance(50))
      (chance(50) ? move.rest : move.node).bytes[7] ^= 1;
    else
      move.index += 32;
  }
  void spoil(opml::Standing& standing) {
    switch (below(4)) {
      case 0:
        standing.node.bytes[0] ^= 1;
        break;
      case 1:
        standing.statement.bytes[3] ^= 1;
        break;
      case 2:
        standing.sides.challenger = world_.asker.address();
        break;
      default:
        standing.sides.claim_hash.bytes[31] ^= 1;
    }
  }
  void spoil(opml::Reveal& move) {
    if (chance(30))
      move.children.pop_back();
    else if (chance(30))
      move.about.bytes[1] ^= 1;
    else if (chance(50))
      move.siblings.pop_back();
    else
      move.children[below(move.children.size())].bytes[31] ^= 1;
  }
  void spoil(opml::Subject& subject) {
    switch (below(3)) {
      case 0:
        subject.model.context_length += 1;
        break;
      case 1:
        subject.claim.output_position += 1;
        break;
      default:
        subject.sides.operator_address = world_.asker.address();
    }
  }
  void spoil(opml::OpenLeaves& move) {
    switch (below(4)) {
      case 0:
        move.siblings.pop_back();
        break;
      case 1:
        move.leaves.resize(move.leaves.size() + (chance(50) ? 256 : 1));
        break;
      case 2:
        move.about.bytes[30] ^= 1;
        break;
      default:
        if (!move.leaves.empty()) move.leaves[below(move.leaves.size())] ^= 1;
    }
  }
  void spoil(opml::ComputeStep& move) {
    switch (below(6)) {
      case 0:
        move.witness.resize(move.witness.size() / 2);
        break;
      case 1:
        move.witness.push_back(0);
        break;
      case 2:
        move.leaf.resize(move.leaf.size() + 1, 1);
        break;
      case 3:
        move.siblings.emplace_back();
        break;
      case 4:
        move.spot.leaf += 1U << below(4);
        break;
      default:
        if (move.witness.empty())
          spoil(move.subject);
        else
          move.witness[below(move.witness.size())] ^= 1;
    }
  }
  void spoil(opml::AskSums& move) {
    switch (below(5)) {
      case 0:
        move.leaf_hash.bytes[9] ^= 1;
        break;
      case 1:
        move.spot.element += 300;
        break;
      case 2:
        move.spot.leaf += 1U << below(4);
        break;
      case 3:
        move.siblings.emplace_back();
        break;
      default:
        (chance(50) ? move.rest : move.node).bytes[7] ^= 1;
    }
  }
  void spoil(opml::GiveSums& move) {
    if (chance(50))
      move.sums.resize(move.sums.size() + 3);
    else if (chance(50))
      move.sums.resize(325);
    else
      spoil(move.standing);
  }
  void spoil(opml::ComputeSum& move) {
    switch (below(6)) {
      case 0:
        move.witness.push_back(0);
        break;
      case 1:
        move.question.number += 1 + below(3);
        break;
      case 2:
        move.question.sums.push_back(0);
        break;
      case 3:
        move.question.leaf.push_back(0);
        break;
      case 4:
        move.leaf_hash.bytes[0] ^= 1;
        break;
      default:
        spoil(move.subject);
    }
  }
  void spoil(opml::Timeout& move) { spoil(move.standing); }
  void spoil(opml::Settle& move) { spoil(move.standing); }

  Address sender_of(const opml::GameRules& rules) {
    if (chance(8)) return world_.asker.address();
    if (chance(8)) return chance(50) ? operator_ : challenger_;
    return opml::is_challengers_move(rules.dispute().phase) ? challenger_ : operator_;
  }

  /// `is_late_` says that the clock has run out.
  Move some_move(const Situation& situation, const opml::GameRules& rules) {
    const opml::Timeout timeout{opml::testing::view_of(rules, situation.referee.tokens).standing()};
    if (is_late_ && chance(70)) return timeout;
    if (chance(2)) return opml::Settle{timeout.standing};
    if (chance(4)) return timeout;
    if (!past_.empty() && chance(6)) return past_[below(past_.size())];
    auto move = right_move(situation, rules);
    if (!move) return timeout;
    const bool is_rare = std::holds_alternative<opml::GiveSums>(*move);
    if (chance(is_rare ? 50 : 20)) std::visit([this](auto& each) { spoil(each); }, *move);
    return *move;
  }

  /// Sometimes a moment passes, sometimes so much that a clock runs out.
  void pass_time(const opml::GameRules& rules) {
    if (!chance(15)) return;
    const auto now = must(world_.client.block()).timestamp;
    const std::uint64_t left = rules.dispute().deadline > now ? rules.dispute().deadline - now : 0;
    // Never to a deadline's last second: the transaction is mined one later than the question.
    std::uint64_t wait = chance(20) ? left : below(left / 2 + 1);
    if (wait < left && left - wait < 3) wait = left;
    if (wait != 0) world_.rpc("evm_mine", fmt::format("[{}]", now + wait));
  }

  void play(const Situation& situation, std::uint64_t number) {
    auto rules = open(situation, number);
    past_.clear();
    // Then both sides fall silent; half of the games come to their end before that.
    const std::uint64_t most_moves = 3 + below(32);
    for (unsigned moves = 0; opml::is_live(rules.dispute().phase); ++moves) {
      if (moves == most_moves) {
        world_.rpc("evm_mine", fmt::format("[{}]", rules.dispute().deadline + 1));
      }
      pass_time(rules);
      const auto block = must(world_.client.block()).timestamp;
      is_late_ = block >= rules.dispute().deadline;
      const Address sender = sender_of(rules);
      const Move timeout =
          opml::Timeout{opml::testing::view_of(rules, situation.referee.tokens).standing()};
      const Move move = moves >= most_moves ? timeout : some_move(situation, rules);
      const auto call = call_of(number, move);
      const std::string said = ask(sender, must(call.data));
      auto copy = rules;
      const auto expected = copy.play(sender, block, move);
      ASSERT_EQ(said, expected ? std::string() : std::string(expected.error()))
          << "game " << number << ", move " << moves << ": " << opml::move_name(move) << " in "
          << opml::phase_name(rules.dispute().phase);
      ++verdicts_[said.empty() ? std::string(opml::move_name(move)) : said];
      ++compared_;
      if (!expected) continue;
      send(sender, call);
      ASSERT_TRUE(rules.play(sender, must(world_.client.block()).timestamp, move));
      past_.push_back(move);
      ASSERT_EQ(must(dispute_state(world_.client, world_.deployment, number)), rules.dispute())
          << "game " << number << " behind " << opml::move_name(move);
    }
    const Phase outcome = rules.dispute().phase;
    ++verdicts_[std::string(opml::phase_name(outcome))];
  }

  std::mt19937 random_{20261126 + GetParam()};
  test::TestWorld world_;
  const model::Program program_;
  std::vector<std::unique_ptr<Situation>> situations_;
  U256 model_id_;
  opml::GameRules::Clocks clocks_;
  U256 bond_;
  const Address operator_ = eth::anvil_key(1).address();
  const Address challenger_ = eth::anvil_key(3).address();
  std::map<Bytes, std::string_view> names_;
  std::vector<Move> past_;
  bool is_late_ = false;
  std::map<std::string, std::size_t> verdicts_;
  std::size_t compared_ = 0;
};

TEST_P(GameEquivalence, ContractAndRulesAgreeOnRandomGames) {
  for (std::size_t i = 0; i < kGames; ++i) {
    play(*situations_[i % situations_.size()], i + 1);
    if (HasFatalFailure()) return;
  }
  for (const auto& [verdict, count] : verdicts_) {
    RecordProperty(verdict, static_cast<int>(count));
    std::printf("%-24s %zu\n", verdict.c_str(), count);
  }
  std::printf("%zu moves compared\n", compared_);
  for (const char* seen :
       {"OperatorWon", "ChallengerWon", "WrongPhase", "ClockExpired", "ClockRunning", "ClaimStands",
        "NotTheOperator", "NotTheChallenger", "WrongStanding", "WrongNode", "ChildCount",
        "SiblingCount", "IndexOutOfRange", "BadSums", "SumOutOfRange", "step", "askSums",
        "giveSums", "stepSum"}) {
    EXPECT_GT(verdicts_[seen], 0U) << seen;
  }
  // What is in the game is what it owes: all bonds are decided.
  const auto& address = world_.deployment.dispute_game;
  EXPECT_TRUE(must(world_.client.call(address, game::open_bonds())).is_zero());
  EXPECT_EQ(must(world_.client.balance(address)),
            must(world_.client.call(address, game::total_owed())));
}

INSTANTIATE_TEST_SUITE_P(Parts, GameEquivalence, testing::Range(0U, kParts));

}  // namespace
}  // namespace imo::node
