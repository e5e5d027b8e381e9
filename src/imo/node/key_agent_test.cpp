// Keys for proofs on a real chain: agents that defend true ones and bring false ones down.
#include "imo/node/key_agent.hpp"

#include "imo/base/file.hpp"
#include "imo/eth/units.hpp"
#include "imo/market/abi/ModelVerifier.hpp"
#include "imo/node/key_words.hpp"
#include "imo/node/test_world.hpp"
#include "imo/zkml/model_proof.hpp"

#include <array>
#include <random>

#include <gtest/gtest.h>

namespace imo::node {
namespace {

namespace registry = market::abi::proof_registry;
using test::must;
using test::TestWorld;
using zkml::Fp3;
using zkml::VerifyingKey;

/// A node's worth of things behind one agent.
class Party {
 public:
  Party(TestWorld& world, unsigned key, const ModelShelf& models, KeyAgent::Options options)
      : world_(world),
        index_(*store_, world.deployment),
        transactions_(world.client, *store_, eth::anvil_key(key), world.deployment.chain_id),
        agent_(std::make_unique<KeyAgent>(side(), models, options)),
        models_(models),
        options_(options) {}

  void step() {
    must(transactions_.tend(must(world_.client.block_number())));
    FollowProgress now;
    now.time = must(world_.client.block()).timestamp;
    must(agent_->step(now));
  }
  /// Forgets all that is not in the store.
  void restart() { agent_ = std::make_unique<KeyAgent>(side(), models_, options_); }
  [[nodiscard]] const Address& address() const { return transactions_.address(); }

 private:
  ChainSide side() { return {world_.client, world_.deployment, index_, transactions_}; }

  TestWorld& world_;
  TemporaryDirectory directory_ = must(TemporaryDirectory::create());
  std::unique_ptr<Store> store_ = must(Store::open(directory_.path()));
  RequestIndex index_;
  TransactionManager transactions_;
  std::unique_ptr<KeyAgent> agent_;
  const ModelShelf& models_;
  KeyAgent::Options options_;
};

class KeyAgentTest : public testing::Test {
 protected:
  static const ServedModel& served() { return *test::test_models().all().front(); }

  /// A commitment that nobody made, with the value that the model's weights have at its point.
  VerifyingKey true_key() {
    VerifyingKey key{served().root(), {}, {}, must(zkml::ModelShape::of(served().model.program()))};
    key.registered_root.bytes[0] = 1;
    key.binding_value = prover().value_at(key.binding_point());
    return key;
  }

  const KeyProver& prover() {
    if (!prover_) {
      openings_.emplace(served().model.program(), &pool_);
      prover_ = must(
          KeyProver::make(*openings_, must(zkml::ModelShape::of(served().model.program())), pool_));
    }
    return *prover_;
  }

  std::uint64_t register_key(const VerifyingKey& key, eth::Wallet& by) {
    prover();
    const auto receipt = must(by.transact(
        world_.deployment.proof_registry,
        registry::register_(key_words<registry::VerifyingKey>(key),
                            opening_words<registry::ModelOpening>(openings_->opening())),
        must(world_.client.call(world_.deployment.proof_registry, registry::registration_bond()))));
    return *must(eth::find_event<registry::events::Registered>(receipt,
                                                               world_.deployment.proof_registry))
                .registration_id.to_u64();
  }

  ChainRegistration registration(std::uint64_t id) {
    return must(read_registration(world_.client, world_.deployment, id));
  }
  ChainChallenge challenge(std::uint64_t id) {
    return must(read_challenge(world_.client, world_.deployment, id));
  }
  std::uint64_t challenges() { return must(challenge_count(world_.client, world_.deployment)); }
  U256 owed(const Address& account) {
    return must(world_.client.call(world_.deployment.proof_registry, registry::owed(account)));
  }

  void send(eth::Wallet& wallet, const eth::Call<void>& call) {
    must(wallet.transact(world_.deployment.proof_registry, call));
  }

  TestWorld world_;
  ThreadPool pool_{2};
  std::optional<opml::ModelProver> openings_;
  std::optional<KeyProver> prover_;
};

TEST_F(KeyAgentTest, NamesKeysAsTheContractDoes) {
  const VerifyingKey key = true_key();
  EXPECT_EQ(registration(register_key(key, world_.author)).state.key_id, key_id(key));
  EXPECT_EQ(registration(1).key, key);
  EXPECT_FALSE(must(is_key_final(world_.client, world_.deployment, key)));
}

// The whole life of a true key: watched, attacked anyway, defended across restarts, final.
TEST_F(KeyAgentTest, DefendsATrueKeyAndMakesItFinal) {
  const VerifyingKey key = true_key();
  ASSERT_EQ(register_key(key, world_.operator_wallet), 1U);
  Party owner(world_, 1, test::test_models(), {});
  Party watcher(world_, 3, test::test_models(), {.contest = true, .dry_run = false});
  owner.step();
  watcher.step();
  EXPECT_EQ(challenges(), 0U) << "there is nothing to object to";

  must(world_.asker.transact(
      world_.deployment.proof_registry,
      registry::challenge(U256(1), key_words<registry::VerifyingKey>(key)),
      must(world_.client.call(world_.deployment.proof_registry, registry::challenge_bond()))));
  std::mt19937_64 random(1);
  while (is_live(challenge(1).phase)) {
    owner.restart();
    ASSERT_TRUE(test::eventually([&] {
      owner.step();
      return challenge(1).phase == ChallengePhase::kPick || !is_live(challenge(1).phase);
    }));
    const ChainChallenge now = challenge(1);
    if (!is_live(now.phase)) break;
    send(world_.asker, registry::pick(U256(1), now.sums, U256(random() % now.sums.size())));
  }
  EXPECT_EQ(challenge(1).phase, ChallengePhase::kRegistrantWon);
  EXPECT_EQ(registration(1).status, KeyStatus::kPending);

  must(world_.control.pass_time(std::chrono::seconds(4 * 86'400)));
  ASSERT_TRUE(test::eventually([&] {
    owner.step();
    return registration(1).status == KeyStatus::kFinal && owed(owner.address()).is_zero();
  })) << "final, and all that is owed is fetched";
  EXPECT_TRUE(must(is_key_final(world_.client, world_.deployment, key)));
}

// A registrant with a false value, who puts the lie somewhere else in every reveal.
TEST_F(KeyAgentTest, BringsAFalseValueDown) {
  VerifyingKey key = true_key();
  const Fp3 lie(7);
  key.binding_value += lie;
  ASSERT_EQ(register_key(key, world_.asker), 1U);
  Party watcher(world_, 3, test::test_models(), {.contest = true, .dry_run = false});
  const U256 before = must(world_.client.balance(watcher.address()));
  ASSERT_TRUE(test::eventually([&] {
    watcher.step();
    return challenges() == 1;
  }));
  std::mt19937_64 random(5);
  const Fp3 point = key.binding_point();
  unsigned rounds = 0;
  while (is_live(challenge(1).phase)) {
    const ChainChallenge now = challenge(1);
    if (now.phase == ChallengePhase::kReveal) {
      std::vector<Fp3> sums = prover().split(point, now.state.cell, now.state.left);
      sums[random() % sums.size()] += lie;
      std::vector<FixedBytes<24>> words;
      for (const Fp3& sum : sums) words.push_back(zkml::field_bytes(sum));
      send(world_.asker, registry::reveal(U256(1), words));
      ++rounds;
    }
    watcher.restart();
    ASSERT_TRUE(test::eventually([&] {
      watcher.step();
      const ChallengePhase phase = challenge(1).phase;
      return phase == ChallengePhase::kReveal || !is_live(phase);
    }));
  }
  EXPECT_EQ(challenge(1).phase, ChallengePhase::kChallengerWon);
  EXPECT_EQ(registration(1).status, KeyStatus::kFallen);
  EXPECT_EQ(challenges(), 1U) << "opened once, however often the watcher began again";
  EXPECT_EQ(rounds, (prover().variables() + kRevealBits - 1) / kRevealBits);
  ASSERT_TRUE(test::eventually([&] {
    watcher.step();
    return owed(watcher.address()).is_zero();
  }));
  EXPECT_GT(must(world_.client.balance(watcher.address())), before) << "half of the bond is his";
}

TEST_F(KeyAgentTest, StrikesAnotherShape) {
  VerifyingKey key = true_key();
  key.shape.layers[0].mix_shift += 1;
  ASSERT_EQ(register_key(key, world_.asker), 1U);
  Party watcher(world_, 3, test::test_models(), {.contest = true, .dry_run = false});
  ASSERT_TRUE(test::eventually([&] {
    watcher.step();
    return registration(1).status == KeyStatus::kFallen;
  }));
  EXPECT_EQ(challenges(), 0U);
}

TEST_F(KeyAgentTest, PutsNoMoneyDownInADryRunNorForModelsItDoesNotHave) {
  VerifyingKey key = true_key();
  key.binding_value += Fp3(1);
  register_key(key, world_.asker);
  Party dry(world_, 3, test::test_models(), {.contest = true, .dry_run = true});
  const ModelShelf nothing;
  Party blind(world_, 4, nothing, {.contest = true, .dry_run = false});
  Party idle(world_, 5, test::test_models(), {.contest = false, .dry_run = false});
  for (Party* party : {&dry, &blind, &idle}) {
    party->step();
    party->step();
  }
  EXPECT_EQ(challenges(), 0U);
  EXPECT_EQ(registration(1).status, KeyStatus::kPending);
}

// A registrant who says nothing loses when his time is over.
TEST_F(KeyAgentTest, EndsAChallengeThatNobodyAnswers) {
  VerifyingKey key = true_key();
  key.binding_value += Fp3(1);
  register_key(key, world_.asker);
  Party watcher(world_, 3, test::test_models(), {.contest = true, .dry_run = false});
  ASSERT_TRUE(test::eventually([&] {
    watcher.step();
    return challenges() == 1;
  }));
  must(world_.control.pass_time(std::chrono::seconds(7 * 3'600)));
  ASSERT_TRUE(test::eventually([&] {
    watcher.step();
    return registration(1).status == KeyStatus::kFallen;
  }));
}

}  // namespace
}  // namespace imo::node
