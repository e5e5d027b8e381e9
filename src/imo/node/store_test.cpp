#include "imo/node/store.hpp"

#include "imo/base/file.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/node/answer_store.hpp"
#include "imo/node/log_store.hpp"

#include <chrono>
#include <csignal>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace imo::node {
namespace {

using testing::HasSubstr;

class StoreTest : public testing::Test {
 protected:
  std::unique_ptr<Store> open() {
    auto store = Store::open(directory_.path());
    EXPECT_TRUE(store) << store.error().message;
    return store ? std::move(*store) : nullptr;
  }

  TemporaryDirectory directory_ = TemporaryDirectory::create().value();
};

Hash32 hash_of(std::uint64_t number) {
  return crypto::keccak256(U256(number).to_be());
}

eth::Log log_at(std::uint64_t block, std::uint64_t index) {
  eth::Log log;
  log.address.bytes.back() = 7;
  log.topics = {hash_of(1), hash_of(index)};
  log.data = {1, 2, 3};
  log.block_number = block;
  log.block_hash = hash_of(block);
  log.transaction_hash = hash_of(block * 100 + index);
  log.log_index = index;
  return log;
}

TEST_F(StoreTest, OneProcessAtATime) {
  auto first = open();
  const auto second = Store::open(directory_.path());
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("another node uses"));
  first.reset();
  EXPECT_TRUE(Store::open(directory_.path()));
}

TEST_F(StoreTest, BelongsToOneChainAndOperator) {
  {
    const auto store = open();
    EXPECT_TRUE(store->bind("chain 1"));
    EXPECT_TRUE(store->bind("chain 1"));
  }
  const auto again = open();
  EXPECT_TRUE(again->bind("chain 1"));
  const auto other = again->bind("chain 2");
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("belongs to chain 1, not to chain 2"));
}

TEST_F(StoreTest, RefusesWhatIsNewerOrNoDatabase) {
  {
    const auto store = open();
    EXPECT_TRUE(store->write(
        "version", [](SQLite::Database& database) { database.exec("PRAGMA user_version = 99"); }));
  }
  const auto newer = Store::open(directory_.path());
  ASSERT_FALSE(newer);
  EXPECT_THAT(newer.error().message, HasSubstr("newer imo"));
  const auto other = TemporaryDirectory::create().value();
  ASSERT_TRUE(write_file_atomic(other.path() / "node.sqlite", as_bytes(std::string(5000, 'x'))));
  EXPECT_FALSE(Store::open(other.path()));
}

TEST_F(StoreTest, UndoesWhatFails) {
  const auto store = open();
  LogStore logs(*store);
  const auto failed = store->write("outer", [&](SQLite::Database&) -> Result<void> {
    const std::vector<eth::Log> some{log_at(5, 0)};
    IMO_TRY_VOID(logs.append(some, {5, hash_of(5)}, 0));
    return fail(ErrorKind::kNetwork, "and then this");
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "and then this");
  EXPECT_EQ(logs.count().value(), 0U);
  EXPECT_FALSE(logs.last().value());
  const auto wrong = store->write(
      "wrong", [](SQLite::Database& database) { database.exec("INSERT INTO nowhere VALUES (1)"); });
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::kIo);
  EXPECT_THAT(wrong.error().message, HasSubstr("wrong: "));
}

TEST_F(StoreTest, KeepsLogsByBlock) {
  const auto store = open();
  LogStore logs(*store);
  const std::vector<eth::Log> first{log_at(3, 0), log_at(3, 1), log_at(5, 0)};
  ASSERT_TRUE(logs.append(first, {5, hash_of(5)}, 0));
  ASSERT_TRUE(logs.append(first, {5, hash_of(5)}, 0));  // a range read twice is there once
  EXPECT_EQ(logs.count().value(), 3U);
  const std::vector<eth::Log> second{log_at(8, 1)};
  ASSERT_TRUE(logs.append(second, {9, hash_of(9)}, 0));
  EXPECT_EQ(logs.last().value(), (FollowedBlock{9, hash_of(9)}));
  EXPECT_EQ(logs.below(9, 10).value(), (std::vector<FollowedBlock>{{5, hash_of(5)}}));

  Address contract;
  contract.bytes.back() = 7;
  const auto about = logs.about(contract, hash_of(1)).value();
  ASSERT_EQ(about.size(), 2U);
  EXPECT_EQ(about[0].block_number, 3U);
  EXPECT_EQ(about[0].topics, log_at(3, 1).topics);
  EXPECT_EQ(about[0].data, log_at(3, 1).data);
  EXPECT_EQ(about[0].transaction_hash, log_at(3, 1).transaction_hash);
  EXPECT_EQ(about[1].block_number, 8U);

  ASSERT_TRUE(logs.roll_back(5));
  EXPECT_EQ(logs.count().value(), 3U);
  EXPECT_EQ(logs.last().value(), (FollowedBlock{5, hash_of(5)}));
}

TEST_F(StoreTest, ForgetsOldBlocksButTheFirst) {
  const auto store = open();
  LogStore logs(*store);
  for (std::uint64_t number = 1; number <= 10; ++number) {
    ASSERT_TRUE(logs.append({}, {number, hash_of(number)}, number > 3 ? number - 3 : 0));
  }
  const auto kept = logs.below(11, 100).value();
  ASSERT_EQ(kept.size(), 5U);
  EXPECT_EQ(kept.front().number, 10U);
  EXPECT_EQ(kept.back().number, 1U);
}

TEST_F(StoreTest, KeepsAnswers) {
  const auto store = open();
  AnswerStore answers(*store);
  EXPECT_FALSE(answers.find(hash_of(1)).value());
  ASSERT_TRUE(answers.save(hash_of(1), {AnswerState::kComputed, {1}, {2, 3}, {}, ""}));
  ASSERT_TRUE(answers.save(hash_of(2), {AnswerState::kDeclined, {}, {}, {}, "too long"}));
  const auto computed = answers.find(hash_of(1)).value();
  ASSERT_TRUE(computed);
  EXPECT_EQ(computed->state, AnswerState::kComputed);
  EXPECT_EQ(computed->output, (Bytes{2, 3}));
  EXPECT_EQ(computed->text, Bytes{});
  EXPECT_EQ(answers.find(hash_of(2)).value()->reason, "too long");
}

// Writes ranges of three logs each until it is killed.
[[noreturn]] void write_for_ever(const std::filesystem::path& directory) {
  const auto store = Store::open(directory);
  if (!store) ::_exit(1);
  LogStore logs(**store);
  const auto last = logs.last();
  for (std::uint64_t block = last && *last ? (*last)->number + 1 : 1;; ++block) {
    const std::vector<eth::Log> batch{log_at(block, 0), log_at(block, 1), log_at(block, 2)};
    if (!logs.append(batch, {block, hash_of(block)}, 0)) ::_exit(2);
  }
}

TEST_F(StoreTest, SurvivesKillAtAnyMoment) {
  std::uint64_t before = 0;
  for (int round = 0; round < 8; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_for_ever(directory_.path());
    std::this_thread::sleep_for(std::chrono::milliseconds(40 + 13 * round));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
    const auto store = open();
    LogStore logs(*store);
    const auto last = logs.last().value();
    const auto number = last ? last->number : 0;
    EXPECT_GE(number, before) << "what was stored is gone";
    EXPECT_EQ(logs.count().value(), 3 * number) << "half a range is there";
    before = number;
  }
  EXPECT_GT(before, 0U);
}

}  // namespace
}  // namespace imo::node
