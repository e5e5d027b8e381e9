// Disputes on a real chain: watcher and operator as nodes, against players that the test makes lie.
#include "imo/node/dispute.hpp"

#include "imo/engine/session.hpp"
#include "imo/eth/units.hpp"
#include "imo/market/abi/DisputeGame.hpp"
#include "imo/market/abi/OperatorRegistry.hpp"
#include "imo/market/abi/Oracle.hpp"
#include "imo/market/packed_tokens.hpp"
#include "imo/node/node.hpp"
#include "imo/node/prompt.hpp"
#include "imo/node/request_index.hpp"
#include "imo/node/test_world.hpp"
#include "imo/opml/stored_trace.hpp"

#include <csignal>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace imo::node {
namespace {

namespace game = market::abi::dispute_game;
namespace operators = market::abi::operator_registry;
namespace oracle = market::abi::oracle;
using opml::Phase;
using test::must;
using test::TestWorld;

constexpr unsigned kWatcherKey = 3;

class DisputeTest : public testing::Test {
 protected:
  void SetUp() override {
    model_id_ = world_.register_model(model().model);
    world_.join(model_id_, 1'000);
  }

  static const ServedModel& model() { return *test::test_models().find("tales"); }
  static std::vector<std::uint32_t> prompt() {
    return must(completion_prompt(model(), "Once upon a time"));
  }

  NodeConfig watcher_config(bool dry_run = false) {
    auto config = world_.config(world_.directory.path() / "watcher");
    config.answer_requests = false;
    config.watch = true;
    config.watch_dry_run = dry_run;
    return config;
  }
  std::unique_ptr<Node> start_watcher(bool dry_run = false) {
    return must(Node::start(watcher_config(dry_run), eth::anvil_key(kWatcherKey)));
  }

  /// Asks, and answers from the operator's wallet with a wrong token at `position`.
  std::uint64_t answer_falsely(std::size_t position) {
    const auto id = world_.ask(model_id_, {prompt(), 6, eth::kEther / U256(100), {}, 3600});
    auto output = must(model().model.generate(prompt(), 6)).tokens;
    output[position] = (output[position] + 1) % model().model.vocabulary_size();
    if (output[position] == model().model.end_token()) ++output[position];
    oracle::Answer answer;
    answer.question_hash =
        must(world_.client.call(world_.deployment.oracle, oracle::question_hash_of(U256(id))));
    answer.output_tokens = market::pack_tokens(output);
    answer.text = Bytes{'?'};
    must(world_.operator_wallet.transact(world_.deployment.oracle,
                                         oracle::answer(U256(id), answer)));
    return id;
  }

  std::uint64_t disputes() {
    return *must(world_.client.call(world_.deployment.dispute_game, game::dispute_count()))
                .to_u64();
  }
  opml::Dispute state(std::uint64_t id) {
    return must(dispute_state(world_.client, world_.deployment, id));
  }
  bool reached(std::uint64_t id, Phase phase) {
    return test::eventually([&] { return state(id).phase == phase; });
  }
  std::uint8_t request_status(std::uint64_t id) {
    return must(world_.client.call(world_.deployment.oracle, oracle::request_of(U256(id)))).status;
  }
  U256 owed_by_oracle(const Address& account) {
    return must(world_.client.call(world_.deployment.oracle, oracle::owed(account)));
  }

  /// Plays the operator's moves by a trace that ends with the claimed token, lies in the middle and
  /// is true everywhere else. `after_move` runs after each move.
  void play_liar(std::uint64_t id, const std::function<void(Phase)>& after_move) {
    std::unique_ptr<opml::StoredTrace> theirs;
    while (opml::is_live(state(id).phase)) {
      const auto now = must(dispute_state(world_.client, world_.deployment, id));
      if (opml::is_challengers_move(now.phase) || now.phase == Phase::kStep) {
        // The challenger ends it himself once there is a step.
        ASSERT_TRUE(test::eventually([&] { return state(id).phase != now.phase; }))
            << "the watcher does not move in " << opml::phase_name(now.phase);
        continue;
      }
      const auto dispute = must(read_dispute(world_.client, world_.deployment, id));
      if (!theirs) theirs = lying_trace(dispute);
      const auto move = must(opml::operator_move(prover_, *theirs, dispute.view));
      ASSERT_TRUE(move);
      must(world_.operator_wallet.transact(world_.deployment.dispute_game, call_of(id, *move)));
      after_move(now.phase);
    }
  }

  std::unique_ptr<opml::StoredTrace> lying_trace(const ChainDispute& dispute) const {
    const auto& program = model().model.program();
    const auto& tokens = dispute.view.tokens;
    const auto middle = static_cast<std::uint32_t>(program.operators.size() / 2);
    auto trace = opml::plain_trace(program, tokens.prefix(), opml::Lie{middle, 0, 0, 1}, false);
    trace->set_element(trace->shape().operators - 1, 0, 0, tokens.output[tokens.output_position]);
    return trace;
  }

  TestWorld world_;
  U256 model_id_;
  opml::ModelProver prover_{model().model.program()};
};

// The node as a process of its own, for kill -9. The child never returns.
pid_t spawn(const NodeConfig& config) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  const auto node = Node::start(config, eth::anvil_key(kWatcherKey));
  if (!node) ::_exit(1);
  while (true) ::pause();
}

void kill_hard(pid_t child) {
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST_F(DisputeTest, ALiarLosesToAWatcherThatIsKilledAfterEveryMove) {
  const auto request = answer_falsely(2);
  auto watcher = spawn(watcher_config());
  ASSERT_TRUE(test::eventually([&] { return disputes() == 1; }));
  unsigned kills = 0;
  play_liar(1, [&](Phase) {
    kill_hard(watcher);
    watcher = spawn(watcher_config());
    ++kills;
  });
  EXPECT_GE(kills, 4U) << "commit, reveals, leaf";
  EXPECT_EQ(state(1).phase, Phase::kChallengerWon);
  EXPECT_EQ(request_status(request), static_cast<std::uint8_t>(RequestStatus::kOpen))
      << "it can be answered again";
  EXPECT_EQ(owed_by_oracle(world_.asker.address()), eth::kEther / U256(100)) << "the whole fee";
  EXPECT_EQ(disputes(), 1U) << "opened once, however often the watcher began again";
  EXPECT_TRUE(test::eventually([&] {
    return owed_by_oracle(eth::anvil_key(kWatcherKey).address()).is_zero() &&
           must(world_.client.call(world_.deployment.dispute_game, game::total_owed())).is_zero();
  })) << "reward and bond are fetched";
  kill_hard(watcher);
}

TEST_F(DisputeTest, ASilentLiarLosesByTheClock) {
  const auto request = answer_falsely(0);
  const auto watcher = start_watcher();
  ASSERT_TRUE(test::eventually([&] { return disputes() == 1; })) << watcher->status().problem;
  must(world_.control.pass_time(std::chrono::seconds(TestWorld::kWindow)));
  const auto early =
      world_.asker.transact(world_.deployment.oracle, oracle::finalise(U256(request)));
  ASSERT_FALSE(early) << "a disputed answer became final";
  must(world_.control.pass_time(std::chrono::seconds(3'600)));
  ASSERT_TRUE(reached(1, Phase::kChallengerWon)) << watcher->status().problem;
  EXPECT_EQ(owed_by_oracle(world_.asker.address()), eth::kEther / U256(100));
}

TEST_F(DisputeTest, AReorganisationInTheMiddleChangesNothing) {
  answer_falsely(1);
  const auto watcher = start_watcher();
  ASSERT_TRUE(test::eventually([&] { return disputes() == 1; }));
  unsigned moves = 0;
  play_liar(1, [&](Phase) {
    if (++moves != 2) return;
    world_.reorg(2);
    must(world_.control.mine());
  });
  EXPECT_EQ(state(1).phase, Phase::kChallengerWon);
}

TEST_F(DisputeTest, AnHonestOperatorUnderAttackKeepsItsBond) {
  auto config = world_.config(world_.directory.path() / "operator");
  const auto node = must(Node::start(config, eth::anvil_key(1)));
  const auto id = world_.ask(model_id_, {prompt(), 6, eth::kEther / U256(100), {}, 3600});
  std::optional<ChainRequest> answered;
  ASSERT_TRUE(test::eventually([&] {
    answered = must(node->requests().find(id));
    return answered && answered->status == RequestStatus::kAnswered;
  }));
  eth::Wallet attacker(world_.client, eth::anvil_key(4));
  const auto bond =
      must(world_.client.call(world_.deployment.dispute_game, game::challenger_bond()));
  must(attacker.transact(world_.deployment.dispute_game, open_call(*answered, model().root(), 3),
                         bond));
  // Whatever he picks, he ends at an element that is right.
  while (opml::is_live(state(1).phase)) {
    const auto now = state(1);
    if (now.phase == Phase::kPick) {
      must(attacker.transact(world_.deployment.dispute_game,
                             call_of(1, opml::Pick{now.node, now.depth == 0 ? 3U : 1U})));
    } else if (now.phase == Phase::kPoint) {
      must(attacker.transact(world_.deployment.dispute_game, call_of(1, opml::Point{now.node, 0})));
    } else {
      ASSERT_TRUE(test::eventually([&] { return state(1).phase != now.phase; }))
          << opml::phase_name(now.phase) << ": " << node->status().problem;
    }
  }
  EXPECT_EQ(state(1).phase, Phase::kOperatorWon);
  must(world_.control.pass_time(std::chrono::seconds(TestWorld::kWindow)));
  EXPECT_TRUE(test::eventually([&] {
    return request_status(id) == static_cast<std::uint8_t>(RequestStatus::kFinal);
  })) << node->status().problem;
  EXPECT_TRUE(must(world_.client.call(world_.deployment.operator_registry,
                                      operators::locked_by(world_.deployment.oracle,
                                                           world_.operator_wallet.address())))
                  .is_zero());
}

TEST_F(DisputeTest, ADryRunPutsNoMoneyDown) {
  answer_falsely(2);
  const auto before = must(world_.client.nonce(eth::anvil_key(kWatcherKey).address()));
  const auto watcher = start_watcher(true);
  ASSERT_TRUE(test::eventually([&] { return watcher->status().ready; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_EQ(disputes(), 0U);
  EXPECT_EQ(must(world_.client.nonce(eth::anvil_key(kWatcherKey).address())), before);
}

}  // namespace
}  // namespace imo::node
