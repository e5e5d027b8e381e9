// Disputes on a real chain: watcher and operator as nodes, against players that the test makes lie.
#include "imo/node/dispute_test_support.hpp"

#include <thread>

#include <gtest/gtest.h>

namespace imo::node {
namespace {

namespace game = market::abi::dispute_game;
namespace operators = market::abi::operator_registry;
namespace oracle = market::abi::oracle;
using opml::Phase;
using test::DisputeTest;
using test::kWatcherKey;
using test::must;
using test::TestWorld;

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
  EXPECT_EQ(owed_by_oracle(world_.asker.address()), kFee);
}

TEST_F(DisputeTest, AReorganisationInTheMiddleChangesNothing) {
  const auto request = answer_falsely(1);
  const U256 before = deposit();
  const auto watcher = start_watcher();
  ASSERT_TRUE(test::eventually([&] { return disputes() == 1; }));
  unsigned moves = 0;
  play_liar(1, lying(), [&](Phase) {
    if (++moves != 2) return;
    world_.reorg(2);
    must(world_.control.mine());
  });
  EXPECT_EQ(state(1).phase, Phase::kChallengerWon);
  EXPECT_EQ(disputes(), 1U);
  EXPECT_EQ(request_status(request), RequestStatus::kOpen);
  EXPECT_EQ(owed_by_oracle(world_.asker.address()), kFee);
  EXPECT_LT(deposit(), before);
}

// A liar cannot keep an answer from falling by having it disputed in blocks that go away.
TEST_F(DisputeTest, AReorganisationOfTheOpeningChangesNothing) {
  answer_falsely(1);
  const auto watcher = start_watcher();
  ASSERT_TRUE(test::eventually([&] { return disputes() == 1; }));
  world_.reorg(1);
  must(world_.control.mine());
  ASSERT_TRUE(test::eventually([&] { return disputes() == 1; })) << watcher->status().problem;
  play_liar(1, lying(), [](Phase) {});
  EXPECT_EQ(state(1).phase, Phase::kChallengerWon);
  EXPECT_EQ(owed_by_oracle(world_.asker.address()), kFee);
}

TEST_F(DisputeTest, AnHonestOperatorUnderAttackKeepsItsBond) {
  auto config = world_.config(world_.directory.path() / "operator");
  const auto node = must(Node::start(config, eth::anvil_key(1)));
  const auto id = world_.ask(model_id_, {prompt(), 6, kFee, {}, 3600});
  std::optional<ChainRequest> answered;
  ASSERT_TRUE(test::eventually([&] {
    answered = must(node->requests().find(id));
    return answered && answered->status == RequestStatus::kAnswered;
  }));
  const U256 before = deposit();
  eth::Wallet attacker(world_.client, eth::anvil_key(4));
  const auto bond =
      must(world_.client.call(world_.deployment.dispute_game, game::challenger_bond()));
  must(attacker.transact(world_.deployment.dispute_game, open_call(*answered, model().root(), 3),
                         bond));
  attack(1, attacker, *node);
  EXPECT_EQ(state(1).phase, Phase::kOperatorWon);
  must(world_.control.pass_time(std::chrono::seconds(TestWorld::kWindow)));
  EXPECT_TRUE(test::eventually([&] { return request_status(id) == RequestStatus::kFinal; }))
      << node->status().problem;
  EXPECT_TRUE(must(world_.client.call(world_.deployment.operator_registry,
                                      operators::locked_by(world_.deployment.oracle,
                                                           world_.operator_wallet.address())))
                  .is_zero());
  EXPECT_EQ(deposit(), before);
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

// What it did it reads from the chain: a data directory that is gone costs no second bond.
TEST_F(DisputeTest, AWatcherThatForgotEverythingDisputesOnce) {
  answer_falsely(2);
  {
    const auto watcher = start_watcher();
    ASSERT_TRUE(test::eventually([&] { return disputes() == 1; }));
  }
  std::filesystem::remove_all(watcher_config().data_directory);
  const auto watcher = start_watcher();
  play_liar(1, lying(), [](Phase) {});
  EXPECT_EQ(state(1).phase, Phase::kChallengerWon);
  EXPECT_EQ(disputes(), 1U);
}

}  // namespace
}  // namespace imo::node
