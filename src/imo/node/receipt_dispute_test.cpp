// Receipts of the HTTP door under dispute on a real chain: a watcher with a folder of them, and the
// node of an operator whose receipts are attacked.
#include "imo/base/hex.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/eth/address.hpp"
#include "imo/node/dispute_test_support.hpp"
#include "imo/node/receipt.hpp"
#include "imo/node/receipt_claim.hpp"

#include <filesystem>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace imo::node {
namespace {

namespace game = market::abi::dispute_game;
namespace operators = market::abi::operator_registry;
using opml::Phase;
using test::kWatcherKey;
using test::must;

class ReceiptDisputeTest : public test::DisputeTest {
 protected:
  ReceiptDisputeTest() { std::filesystem::create_directories(folder_); }

  /// The operator signs whatever it is told to.
  ReceiptClaim sign(const Tokens& asked, const Tokens& output, std::uint32_t max_tokens) {
    ReceiptClaim claim;
    Receipt& receipt = claim.receipt;
    receipt.model_id = model_id_;
    receipt.model_root = model().root();
    receipt.prompt_hash = market::hash_tokens(asked);
    receipt.output_hash = market::hash_tokens(output);
    receipt.max_tokens = max_tokens;
    receipt.operator_address = world_.operator_wallet.address();
    receipt.payer = world_.asker.address();
    receipt.nonce.bytes.back() = ++nonce_;
    const auto signature = eth::anvil_key(1)
                               .sign(receipt_digest(receipt, world_.deployment.chain_id,
                                                    world_.deployment.operator_registry))
                               .to_bytes();
    claim.signature.assign(signature.bytes.begin(), signature.bytes.end());
    claim.prompt = asked;
    claim.output = output;
    return claim;
  }

  /// As a holder has it: a file with the reply.
  void put(const ReceiptClaim& claim, const std::string& name) {
    const Receipt& r = claim.receipt;
    const nlohmann::json json{{"imo",
                               {{"prompt_tokens", claim.prompt},
                                {"output_tokens", claim.output},
                                {"receipt",
                                 {{"modelId", r.model_id.to_dec()},
                                  {"modelRoot", to_hex(r.model_root)},
                                  {"promptHash", to_hex(r.prompt_hash)},
                                  {"outputHash", to_hex(r.output_hash)},
                                  {"textHash", to_hex(r.text_hash)},
                                  {"maxTokens", r.max_tokens},
                                  {"sampling", to_hex(r.sampling)},
                                  {"operator", eth::to_checksum(r.operator_address)},
                                  {"payer", eth::to_checksum(r.payer)},
                                  {"asset", eth::to_checksum(r.asset)},
                                  {"payment", r.payment.to_dec()},
                                  {"issuedAt", std::to_string(r.issued_at)},
                                  {"nonce", to_hex(r.nonce)},
                                  {"signature", to_hex(claim.signature)}}}}}};
    put(name, json.dump());
  }
  void put(const std::string& name, std::string_view text) {
    must(write_file_atomic(folder_ / name, as_bytes(text)));
  }

  NodeConfig with_receipts(bool dry_run = false) {
    auto config = watcher_config(dry_run);
    config.watch_receipts = folder_;
    return config;
  }

  bool is_struck_down(const ReceiptClaim& claim) {
    return must(standing_of(world_.client, world_.deployment, claim)).is_struck_down;
  }
  U256 stake() {
    return must(world_.client.call(world_.deployment.dispute_game, game::receipt_stake()));
  }
  U256 watcher_balance() {
    return must(world_.client.balance(eth::anvil_key(kWatcherKey).address()));
  }

  std::filesystem::path folder_ = world_.directory.path() / "receipts";
  std::uint8_t nonce_ = 0;
};

TEST_F(ReceiptDisputeTest, AFalseReceiptFallsToAWatcherThatIsKilledAfterEveryMove) {
  const auto claim = sign(prompt(), falsified(6, 3), 6);
  put(claim, "reply.json");
  const U256 before = deposit();
  test::WatcherProcess watcher(with_receipts());
  ASSERT_TRUE(test::eventually([&] { return disputes() == 1; }));
  unsigned kills = 0;
  play_liar(1, lying(), [&](Phase) {
    watcher.kill_and_restart();
    ++kills;
  });
  EXPECT_GE(kills, 4U) << "commit, reveals, leaf";
  EXPECT_EQ(state(1).phase, Phase::kChallengerWon);
  EXPECT_EQ(disputes(), 1U);
  EXPECT_TRUE(is_struck_down(claim));
  EXPECT_EQ(deposit(), before - stake());
  EXPECT_EQ(owed_by_game(world_.asker.address()), stake() / U256(4)) << "who paid gets a quarter";
  EXPECT_TRUE(test::eventually([&] {
    return owed_by_game(eth::anvil_key(kWatcherKey).address()).is_zero();
  })) << "reward and bond are fetched";
}

TEST_F(ReceiptDisputeTest, ASilentSignerLosesByTheClock) {
  const auto claim = sign(prompt(), falsified(6, 0), 6);
  put(claim, "reply.json");
  const auto watcher = must(Node::start(with_receipts(), eth::anvil_key(kWatcherKey)));
  ASSERT_TRUE(test::eventually([&] { return disputes() == 1; })) << watcher->status().problem;
  must(world_.control.pass_time(std::chrono::seconds(3'600)));
  ASSERT_TRUE(reached(1, Phase::kChallengerWon)) << watcher->status().problem;
  EXPECT_TRUE(is_struck_down(claim));
}

TEST_F(ReceiptDisputeTest, WhatIsFalseOnItsFaceFallsWithoutAGame) {
  Tokens cut = truth(6);
  cut.pop_back();
  const auto claim = sign(prompt(), cut, 6);
  const U256 before = deposit();
  const auto watcher = must(Node::start(with_receipts(), eth::anvil_key(kWatcherKey)));
  ASSERT_TRUE(test::eventually([&] { return watcher->status().ready; }));
  const U256 balance = watcher_balance();
  put(claim, "later.json");
  ASSERT_TRUE(test::eventually([&] { return is_struck_down(claim); })) << watcher->status().problem;
  EXPECT_EQ(disputes(), 0U);
  EXPECT_EQ(deposit(), before - stake());
  EXPECT_TRUE(test::eventually([&] {
    return owed_by_game(eth::anvil_key(kWatcherKey).address()).is_zero() &&
           watcher_balance() > balance;
  })) << "the reward is fetched, and worth more than the gas";
}

// Who finds two of an operator's receipts false is paid for each.
TEST_F(ReceiptDisputeTest, TwoFallOneAfterTheOther) {
  Tokens cut = truth(6);
  cut.pop_back();
  const auto first = sign(prompt(), cut, 6);
  const auto second = sign(prompt(), cut, 7);
  put(first, "1.json");
  put(second, "2.json");
  const auto watcher = must(Node::start(with_receipts(), eth::anvil_key(kWatcherKey)));
  EXPECT_TRUE(test::eventually([&] { return is_struck_down(first) && is_struck_down(second); }));
  EXPECT_TRUE(test::eventually(
      [&] { return owed_by_game(eth::anvil_key(kWatcherKey).address()).is_zero(); }));
}

TEST_F(ReceiptDisputeTest, TrueAndVoidOnesAreLeftAlone) {
  put(sign(prompt(), truth(6), 6), "true.json");
  auto forged = sign(prompt(), falsified(6, 1), 6);
  forged.receipt.max_tokens = 7;
  put(forged, "forged.json");
  auto other = sign(prompt(), truth(6), 6);
  other.output = falsified(6, 1);
  put(other, "other.json");
  put("garbage.json", "{\"imo\": {\"receipt\": 7}}");
  put("empty.json", "");
  put("no-json.txt", "hello");
  std::filesystem::create_directories(folder_ / "folder.json");
  const auto before = must(world_.client.nonce(eth::anvil_key(kWatcherKey).address()));
  const auto watcher = must(Node::start(with_receipts(), eth::anvil_key(kWatcherKey)));
  // A false one behind them all is still found.
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(must(world_.client.nonce(eth::anvil_key(kWatcherKey).address())), before);
  put(sign(prompt(), falsified(6, 1), 6), "z.json");
  EXPECT_TRUE(test::eventually([&] { return disputes() == 1; })) << watcher->status().problem;
  EXPECT_EQ(must(read_dispute(world_.client, world_.deployment, 1)).view.tokens.output_position,
            1U);
}

TEST_F(ReceiptDisputeTest, ADryRunPutsNoMoneyDown) {
  put(sign(prompt(), falsified(6, 1), 6), "false.json");
  Tokens cut = truth(6);
  cut.pop_back();
  put(sign(prompt(), cut, 6), "cut.json");
  const auto before = must(world_.client.nonce(eth::anvil_key(kWatcherKey).address()));
  const auto watcher = must(Node::start(with_receipts(true), eth::anvil_key(kWatcherKey)));
  ASSERT_TRUE(test::eventually([&] { return watcher->status().ready; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_EQ(must(world_.client.nonce(eth::anvil_key(kWatcherKey).address())), before);
}

TEST_F(ReceiptDisputeTest, AnHonestSignerUnderAttackKeepsItsStake) {
  const auto node =
      must(Node::start(world_.config(world_.directory.path() / "operator"), eth::anvil_key(1)));
  const auto issued = must(node->receipts().issue({model_id_,
                                                   model().root(),
                                                   market::pack_tokens(prompt()),
                                                   market::pack_tokens(truth(6)),
                                                   {},
                                                   6}));
  ReceiptClaim claim{issued.receipt, {}, prompt(), truth(6)};
  const auto signature = issued.signature.to_bytes();
  claim.signature.assign(signature.bytes.begin(), signature.bytes.end());
  const U256 before = deposit();
  eth::Wallet attacker(world_.client, eth::anvil_key(4));
  const auto bond =
      must(world_.client.call(world_.deployment.dispute_game, game::challenger_bond()));
  must(attacker.transact(world_.deployment.dispute_game, open_receipt_call(claim, 3), bond));
  attack(1, attacker, *node);
  EXPECT_EQ(state(1).phase, Phase::kOperatorWon);
  EXPECT_FALSE(is_struck_down(claim));
  EXPECT_EQ(deposit(), before);
  EXPECT_TRUE(must(world_.client.call(world_.deployment.operator_registry,
                                      operators::locked_by(world_.deployment.dispute_game,
                                                           world_.operator_wallet.address())))
                  .is_zero());
  EXPECT_TRUE(owed_by_game(attacker.address()).is_zero());
  EXPECT_TRUE(test::eventually([&] {
    return owed_by_game(world_.operator_wallet.address()).is_zero();
  })) << "its half of the attacker's bond is fetched";
}

}  // namespace
}  // namespace imo::node
