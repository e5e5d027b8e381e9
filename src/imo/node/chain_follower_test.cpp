/// Following a real chain through reorganisations, by the registry's events.
#include "imo/node/chain_follower.hpp"

#include "imo/crypto/keccak.hpp"
#include "imo/market/abi/Oracle.hpp"
#include "imo/node/request_index.hpp"
#include "imo/node/test_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::node {
namespace {

using test::must;
using test::TestWorld;

Hash32 root_of(std::string_view name) {
  return crypto::keccak256(as_bytes(name));
}

// A store, an index and a follower over one data directory, as a node has them.
struct Following {
  Following(TestWorld& world, FollowOptions options)
      : store(must(Store::open(world.directory.path()))), index(*store, world.deployment) {
    options.contracts = index.contracts();
    options.events = RequestIndex::events();
    options.first_block = world.deployment.deploy_block;
    follower = std::make_unique<ChainFollower>(world.client, *store, index, options);
  }
  explicit Following(TestWorld& world) : Following(world, FollowOptions{}) {}

  bool knows(std::string_view name) { return !must(index.models_of(root_of(name))).empty(); }

  std::unique_ptr<Store> store;
  RequestIndex index;
  std::unique_ptr<ChainFollower> follower;
};

class ChainFollowerTest : public testing::Test {
 protected:
  TestWorld world_;
};

TEST_F(ChainFollowerTest, ReadsInRangesAndGoesOnAfterARestart) {
  world_.register_root(root_of("a"));
  must(world_.control.mine(30));
  world_.register_root(root_of("b"));
  FollowOptions small;
  small.first_range = 4;
  small.longest_range = 8;
  {
    Following following(world_, small);
    const auto first = must(following.follower->step());
    EXPECT_FALSE(first.caught_up);
    EXPECT_EQ(first.followed, world_.deployment.deploy_block + 3);
    const auto second = must(following.follower->step());
    EXPECT_EQ(second.followed, first.followed + 8) << "ranges grow";
  }
  Following again(world_, small);
  const auto third = must(again.follower->step());
  EXPECT_EQ(third.followed, world_.deployment.deploy_block + 3 + 8 + 4);
  const auto done = must(again.follower->catch_up());
  EXPECT_EQ(done.followed, must(world_.client.block_number()));
  EXPECT_TRUE(again.knows("a"));
  EXPECT_TRUE(again.knows("b"));
  EXPECT_TRUE(must(again.follower->step()).caught_up);
}

TEST_F(ChainFollowerTest, StaysBehindByTheConfirmations) {
  FollowOptions careful;
  careful.confirmations = 3;
  Following following(world_, careful);
  must(following.follower->catch_up());
  world_.register_root(root_of("a"));
  must(following.follower->catch_up());
  EXPECT_FALSE(following.knows("a"));
  must(world_.control.mine(3));
  const auto progress = must(following.follower->catch_up());
  EXPECT_TRUE(following.knows("a"));
  EXPECT_EQ(progress.followed, progress.head - 3);
}

TEST_F(ChainFollowerTest, UndoesAReorganisation) {
  Following following(world_);
  world_.register_root(root_of("kept"));
  must(following.follower->catch_up());
  const auto fork = must(world_.client.block_number());
  world_.register_root(root_of("lost"));
  must(following.follower->catch_up());
  world_.register_root(root_of("lost too"));
  must(following.follower->catch_up());
  ASSERT_TRUE(following.knows("lost"));

  world_.reorg(2);
  const auto undone = must(following.follower->step());
  EXPECT_EQ(undone.rolled_back_to, fork);
  EXPECT_TRUE(following.knows("kept"));
  EXPECT_FALSE(following.knows("lost"));
  world_.register_root(root_of("new"));
  must(following.follower->catch_up());
  EXPECT_TRUE(following.knows("new"));
  EXPECT_FALSE(following.knows("lost too"));
}

TEST_F(ChainFollowerTest, FollowsAChainThatBecameShorter) {
  Following following(world_);
  const auto snapshot = must(world_.control.snapshot());
  world_.register_root(root_of("lost"));
  must(world_.control.mine(5));
  must(following.follower->catch_up());
  must(world_.control.revert(snapshot));
  world_.author.forget_nonce();
  must(following.follower->catch_up());
  EXPECT_FALSE(following.knows("lost"));
  EXPECT_TRUE(must(following.follower->step()).caught_up);
}

TEST_F(ChainFollowerTest, ARequestIsAfterAReorganisationWhatItsRemainingLogsSay) {
  const auto id = world_.register_root(root_of("model"));
  Following following(world_);
  const auto asked = world_.ask(id, {{1, 2}, 2, U256(5), {}, 60});
  must(following.follower->catch_up());
  const auto before = must(following.index.find(asked));
  ASSERT_TRUE(before);
  EXPECT_EQ(before->input, (Bytes{0, 0, 0, 1, 0, 0, 0, 2}));
  EXPECT_EQ(before->fee, U256(5));
  EXPECT_EQ(before->status, RequestStatus::kOpen);
  EXPECT_EQ(must(world_.client.call(world_.deployment.oracle,
                                    market::abi::oracle::question_hash_of(U256(asked)))),
            question_hash(*before));

  must(world_.control.pass_time(std::chrono::seconds(100)));
  must(following.follower->catch_up());
  must(world_.asker.transact(world_.deployment.oracle, market::abi::oracle::refund(U256(asked))));
  must(following.follower->catch_up());
  EXPECT_EQ(must(following.index.find(asked))->status, RequestStatus::kRefunded);
  EXPECT_EQ(must(following.index.counts())["refunded"], 1U);

  world_.reorg(1);
  must(following.follower->catch_up());
  EXPECT_EQ(must(following.index.find(asked)).value().content_key, before->content_key);
  EXPECT_EQ(must(following.index.find(asked))->status, RequestStatus::kOpen);

  world_.reorg(4);
  must(following.follower->catch_up());
  EXPECT_FALSE(must(following.index.find(asked)));
}

}  // namespace
}  // namespace imo::node
