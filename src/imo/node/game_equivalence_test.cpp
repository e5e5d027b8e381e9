// The rules of the game in C++ against the contract on a chain: random games, right and wrong
// moves, and the same verdict and state after each. In `node`, because `opml` knows no chain.

#include "imo/base/hex.hpp"
#include "imo/crypto/keccak.hpp"
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

/// A claim about a toy program, and the trace that its operator stands by.
struct Situation {
  Situation(const model::Program& program, unsigned seed, std::mt19937& random)
      : is_true(random() % 3 == 0),
        referee(program, opml::testing::claim_of(program, 2, 2, seed, is_true)) {
    const auto& shape = referee.trace->shape();
    std::optional<opml::Lie> lie;
    if (!is_true && random() % 4 != 0) {
      lie = opml::Lie{static_cast<std::uint32_t>(random() % shape.operators), 0, 0,
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
  GameEquivalence() : program_(opml::testing::toy_program(1)) {
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
    return {clocks_,
            opml::GameClaim::of(signed_one.model_root, {}, tokens),
            tokens.output.back(),
            operator_,
            challenger_,
            must(world_.client.block()).timestamp};
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
    const bool challengers =
        opml::is_challengers_move(phase) || (phase == Phase::kStep && chance(50));
    if (challengers) {
      const auto move =
          opml::challenger_move(situation.referee.prover, *situation.referee.trace, view);
      if (move && *move) return **move;
      // An honest operator gives the challenger nothing to pick: he picks anything.
      if (phase == Phase::kPick) return opml::Pick{view.dispute.node, below(32)};
      if (phase == Phase::kPoint) return opml::Point{view.dispute.node, below(4)};
      return std::nullopt;
    }
    const auto move = opml::operator_move(situation.referee.prover, *situation.theirs, view);
    return move && *move ? std::optional<Move>(**move) : std::nullopt;
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
      move.node.bytes[0] ^= 1;
    else
      move.index += 32;
  }
  void spoil(opml::Reveal& move) {
    if (chance(30))
      move.children.pop_back();
    else if (chance(50))
      move.siblings.pop_back();
    else
      move.children[below(move.children.size())].bytes[31] ^= 1;
  }
  void spoil(opml::OpenLeaf& move) {
    switch (below(5)) {
      case 0:
        move.leaf[below(move.leaf.size())] ^= 1;
        break;
      case 1:
        move.siblings.pop_back();
        break;
      case 2:
        move.operator_opening.pop_back();
        break;
      case 3:
        move.model.context_length += 1;
        break;
      default:
        move.claim.output_position += 1;
    }
  }
  void spoil(opml::ShowPadding& move) {
    if (chance(50))
      move.siblings.emplace_back();
    else
      move.operator_opening.push_back(0);
  }
  void spoil(opml::Point& move) {
    if (chance(50))
      move.leaf_hash.bytes[9] ^= 1;
    else
      move.element += 300;
  }
  void spoil(opml::ComputeStep& move) {
    switch (below(4)) {
      case 0:
        move.witness.resize(below(move.witness.size()));
        break;
      case 1:
        move.witness.push_back(0);
        break;
      case 2:
        move.leaf[below(move.leaf.size())] ^= 1;
        break;
      default:
        move.witness[below(move.witness.size())] ^= 1;
    }
  }
  void spoil(opml::Timeout& /*move*/) {}
  void spoil(opml::Settle& /*move*/) {}

  Address sender_of(const opml::GameRules& rules) {
    if (chance(8)) return world_.asker.address();
    if (chance(8)) return chance(50) ? operator_ : challenger_;
    return opml::is_challengers_move(rules.dispute().phase) ? challenger_ : operator_;
  }

  /// `is_late_` says that the clock has run out.
  Move some_move(const Situation& situation, const opml::GameRules& rules) {
    if (is_late_ && chance(70)) return opml::Timeout{};
    if (chance(2)) return opml::Settle{};
    if (chance(4)) return opml::Timeout{};
    if (!past_.empty() && chance(6)) return past_[below(past_.size())];
    auto move = right_move(situation, rules);
    if (!move) return opml::Timeout{};
    if (chance(20)) std::visit([this](auto& each) { spoil(each); }, *move);
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
    const std::uint64_t most_moves = 3 + below(24);
    for (unsigned moves = 0; opml::is_live(rules.dispute().phase); ++moves) {
      if (moves == most_moves) {
        world_.rpc("evm_mine", fmt::format("[{}]", rules.dispute().deadline + 1));
      }
      pass_time(rules);
      const auto block = must(world_.client.block()).timestamp;
      is_late_ = block >= rules.dispute().deadline;
      const Address sender = sender_of(rules);
      const Move move = moves >= most_moves ? Move(opml::Timeout{}) : some_move(situation, rules);
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
        "NotTheOperator", "NotTheChallenger", "WrongStatement", "WrongNode", "ChildCount",
        "SiblingCount", "IndexOutOfRange", "showPadding", "step"}) {
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
