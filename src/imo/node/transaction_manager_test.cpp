/// Transactions on a real chain that drops, delays and reorganises them.
#include "imo/node/transaction_manager.hpp"

#include "imo/base/hex.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/eth/units.hpp"
#include "imo/market/abi/OperatorRegistry.hpp"
#include "imo/market/abi/Oracle.hpp"
#include "imo/node/test_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::node {
namespace {

namespace operators = market::abi::operator_registry;
using test::must;
using test::TestWorld;
using testing::HasSubstr;

class TransactionManagerTest : public testing::Test {
 protected:
  TransactionManager manager(TransactionOptions options = {}) {
    return {world_.client, *store_, eth::anvil_key(1), world_.deployment.chain_id, options};
  }

  // Joining the registry: something that works once and reverts a second time.
  Result<TransactionRecord> join(TransactionManager& manager, const std::string& key) {
    return manager.ensure(key, world_.deployment.operator_registry, operators::register_("here"),
                          eth::kEther);
  }

  void tend(TransactionManager& manager) { must(manager.tend(must(world_.client.block_number()))); }

  /// Tends until the transaction is in that state. Anvil mines a moment after it has accepted, and
  /// on a busy machine it can miss that there is something to mine: then it is told.
  bool reaches(TransactionManager& manager, const std::string& key, TransactionState state) {
    const auto is_there = [&] {
      tend(manager);
      return must(manager.find(key))->state == state;
    };
    if (test::eventually(is_there, std::chrono::seconds(5))) return true;
    must(world_.control.mine());
    return test::eventually(is_there);
  }

  bool joined() {
    return must(world_.client.call(world_.deployment.operator_registry,
                                   operators::operator_of(world_.operator_wallet.address())))
        .registered;
  }

  std::uint64_t sent_by_operator() {
    return must(world_.client.nonce(world_.operator_wallet.address(), eth::BlockTag::latest()));
  }

  TestWorld world_;
  std::unique_ptr<Store> store_ = must(Store::open(world_.directory.path()));
};

TEST_F(TransactionManagerTest, SendsOncePerPurpose) {
  auto transactions = manager();
  const auto first = must(join(transactions, "join"));
  const auto second = must(join(transactions, "join"));
  EXPECT_EQ(first.hash, second.hash);
  EXPECT_TRUE(reaches(transactions, "join", TransactionState::kMined));
  EXPECT_TRUE(joined());
  auto restarted = manager();
  EXPECT_EQ(must(join(restarted, "join")).hash, first.hash);
  EXPECT_EQ(sent_by_operator(), 1U);
  must(world_.control.mine(20));
  EXPECT_TRUE(reaches(restarted, "join", TransactionState::kSettled));
}

TEST_F(TransactionManagerTest, RefusesWhatWouldRevertAndKeepsNothing) {
  auto transactions = manager();
  must(join(transactions, "join"));
  ASSERT_TRUE(reaches(transactions, "join", TransactionState::kMined));
  const auto again = join(transactions, "join again");
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("AlreadyRegistered"));
  EXPECT_FALSE(must(transactions.find("join again")));
  EXPECT_EQ(sent_by_operator(), 1U);
}

TEST_F(TransactionManagerTest, SendsAgainWhatThePoolLost) {
  must(world_.control.set_automine(false));
  auto transactions = manager();
  const auto record = must(join(transactions, "join"));
  // As after a crash between storing and sending, or a peer that forgets.
  world_.rpc("anvil_dropTransaction", "[\"" + to_hex(record.hash) + "\"]");
  ASSERT_FALSE(must(world_.client.transaction(record.hash)));
  auto restarted = manager();
  tend(restarted);
  EXPECT_TRUE(must(world_.client.transaction(record.hash)));
  must(world_.control.mine());
  tend(restarted);
  EXPECT_EQ(must(restarted.find("join"))->state, TransactionState::kMined);
  EXPECT_TRUE(joined());
}

TEST_F(TransactionManagerTest, NumbersSeveralThatWait) {
  must(world_.control.set_automine(false));
  auto transactions = manager();
  must(join(transactions, "join"));
  const auto value = U256(1);
  const auto second =
      must(transactions.ensure("send", "send", world_.author.address(), Bytes{}, value));
  const auto third =
      must(transactions.ensure("send more", "send", world_.author.address(), Bytes{}, value));
  EXPECT_EQ(second.body.nonce, 1U);
  EXPECT_EQ(third.body.nonce, 2U);
  must(world_.control.mine());
  tend(transactions);
  EXPECT_EQ(must(transactions.in_state(TransactionState::kMined)).size(), 3U);
}

TEST_F(TransactionManagerTest, PaysMoreForWhatWaitsTooLong) {
  must(world_.control.set_automine(false));
  TransactionOptions impatient;
  impatient.bump_after = std::chrono::seconds(0);
  auto transactions = manager(impatient);
  const auto first = must(join(transactions, "join"));
  tend(transactions);
  const auto bumped = must(transactions.find("join")).value();
  EXPECT_NE(bumped.hash, first.hash);
  EXPECT_EQ(bumped.body.nonce, first.body.nonce);
  EXPECT_GE(bumped.body.max_fee_per_gas * U256(10), first.body.max_fee_per_gas * U256(11));
  must(world_.control.mine());
  tend(transactions);
  const auto mined = must(transactions.find("join")).value();
  EXPECT_EQ(mined.state, TransactionState::kMined);
  EXPECT_EQ(mined.hash, bumped.hash);
  EXPECT_EQ(sent_by_operator(), 1U);
}

TEST_F(TransactionManagerTest, NoticesThatAnotherTransactionTookTheNonce) {
  must(world_.control.set_automine(false));
  auto transactions = manager();
  const auto record = must(join(transactions, "join"));
  world_.rpc("anvil_dropTransaction", "[\"" + to_hex(record.hash) + "\"]");
  must(world_.control.set_automine(true));
  must(world_.operator_wallet.transact(world_.author.address(), U256(1)));
  EXPECT_TRUE(reaches(transactions, "join", TransactionState::kDropped));
  // The purpose still stands, and may be tried with the next nonce.
  EXPECT_EQ(must(join(transactions, "join")).body.nonce, 1U);
  EXPECT_TRUE(reaches(transactions, "join", TransactionState::kMined));
  EXPECT_TRUE(joined());
}

TEST_F(TransactionManagerTest, SendsAgainAfterAReorganisation) {
  auto transactions = manager();
  const auto record = must(join(transactions, "join"));
  ASSERT_TRUE(reaches(transactions, "join", TransactionState::kMined));
  world_.reorg(1);
  ASSERT_FALSE(joined());
  EXPECT_TRUE(test::eventually([&] {
    tend(transactions);
    must(world_.control.mine());
    return joined();
  }));
  EXPECT_TRUE(reaches(transactions, "join", TransactionState::kMined));
  EXPECT_EQ(must(transactions.find("join"))->hash, record.hash);
}

TEST_F(TransactionManagerTest, TellsWhenATransactionReverted) {
  // Two refund the same request, and the other one pays more for being first.
  const auto model = world_.register_root(crypto::keccak256(as_bytes("model")));
  const auto request = world_.ask(model, {{1, 2}, 2, U256(5), {}, 60});
  must(world_.control.pass_time(std::chrono::seconds(100)));
  must(world_.control.set_automine(false));
  auto transactions = manager();
  const auto refund = market::abi::oracle::refund(U256(request));
  must(transactions.ensure("refund", world_.deployment.oracle, refund));
  const eth::Fees high{eth::kGwei * U256(500), eth::kGwei * U256(50)};
  must(world_.asker.send(
      eth::TxRequest{world_.deployment.oracle, {}, *refund.data, 200'000, high, "refund"}));
  must(world_.control.mine());
  EXPECT_TRUE(reaches(transactions, "refund", TransactionState::kReverted));
  EXPECT_EQ(must(transactions.ensure("refund", world_.deployment.oracle, refund)).state,
            TransactionState::kReverted);
}

}  // namespace
}  // namespace imo::node
