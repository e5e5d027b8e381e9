/// Client and wallet against a real chain, with the generated bindings of contracts/test/bindings.
#include "imo/eth/anvil.hpp"

#include "imo/base/file.hpp"
#include "imo/base/hex.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/eth/address.hpp"
#include "imo/eth/client.hpp"
#include "imo/eth/json_rpc.hpp"
#include "imo/eth/units.hpp"
#include "imo/eth/wallet.hpp"
#include "imo/test/BindingZoo.hpp"

#include <csignal>
#include <filesystem>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace imo::eth {
namespace {

namespace zoo = test::binding_zoo;
using testing::HasSubstr;

std::string anvil_binary() {
  return std::string(IMO_SOURCE_DIR) + "/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil";
}

AnvilOptions anvil_options() {
  AnvilOptions options;
  options.binary = anvil_binary();
  return options;
}

/// The value of a Result, or a failed test that says why there is none.
template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}
void must(Result<void> result) {
  if (!result) throw std::runtime_error(result.error().message);
}
template <typename T>
std::string refusal(const Result<T>& result) {
  return result ? "it was no failure" : result.error().message;
}

class ChainTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(anvil_binary())) GTEST_SKIP() << "anvil is not installed";
    anvil_ = std::make_unique<Anvil>(must(Anvil::start(anvil_options())));
    ClientOptions options;
    options.poll_interval = std::chrono::milliseconds(10);
    client_ = std::make_unique<Client>(must(Client::connect(anvil_->url(), options)));
    client_->errors().add(zoo::error_signatures());
    wallet_ = std::make_unique<Wallet>(*client_, anvil_key(0));
  }

  Address make_zoo(const U256& value = {}) {
    const auto data = zoo::deploy_data(wallet_->address(), "a zoo \"of\" one", {1, 2, 3});
    return must(wallet_->deploy(data, value)).address;
  }

  static zoo::Tree tree() {
    return {.root = {1, "root"},
            .leaves = {{2, ""}, {255, std::string(100, 'x')}},
            .pairs = {{{1, 65535}}, {{3, 4}}},
            .mark = {{{0xDE, 0xAD, 0xBE, 0xEF}}}};
  }

  std::unique_ptr<Anvil> anvil_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<Wallet> wallet_;
};

TEST_F(ChainTest, AnswersPlainQuestions) {
  EXPECT_EQ(must(client_->chain_id()), 31337U);
  EXPECT_EQ(must(client_->block_number()), 0U);
  EXPECT_EQ(must(client_->balance(wallet_->address())), U256(10'000) * kEther);
  EXPECT_EQ(must(client_->nonce(wallet_->address())), 0U);
  EXPECT_TRUE(must(client_->code(wallet_->address())).empty());
  const Block genesis = must(client_->block(0));
  EXPECT_EQ(genesis.number, 0U);
  EXPECT_TRUE(genesis.transactions.empty());
  const auto missing = client_->block(99);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(must(client_->receipt(Hash32{})));
  EXPECT_GT(must(client_->fees()).max_fee_per_gas, must(client_->fees()).max_priority_fee_per_gas);
}

TEST_F(ChainTest, MovesEther) {
  const Address to = crypto::SecretKey::generate().address();
  const TxReceipt receipt = must(wallet_->transact(to, kEther));
  EXPECT_TRUE(receipt.succeeded);
  EXPECT_EQ(receipt.gas_used, 21'000U);
  EXPECT_EQ(must(client_->balance(to)), kEther);
  EXPECT_EQ(must(client_->balance(to, receipt.block_number - 1)), U256());
  EXPECT_EQ(must(client_->balance(wallet_->address())), U256(9'999) * kEther - receipt.fee());
  const TxInfo info = *must(client_->transaction(receipt.transaction_hash));
  EXPECT_EQ(info.value, kEther);
  EXPECT_EQ(info.to, to);
  EXPECT_EQ(must(client_->block()).transactions, std::vector<Hash32>{receipt.transaction_hash});
}

TEST_F(ChainTest, DeploysAndCallsThroughBindings) {
  const Address at = make_zoo(U256(5));
  EXPECT_EQ(at, create_address(wallet_->address(), 0));
  EXPECT_EQ(must(client_->balance(at)), U256(5));
  EXPECT_EQ(must(client_->call(at, zoo::count())), U256(6));
  EXPECT_EQ(must(client_->call(at, zoo::title())), "a zoo \"of\" one");
  EXPECT_EQ(must(client_->call(at, zoo::owner())), wallet_->address());
  EXPECT_EQ(must(client_->call(at, zoo::operator_(40, 2))), U256(42));
  EXPECT_EQ(must(client_->call(at, zoo::delete_())), U256(1));
  EXPECT_EQ(must(client_->call(at, zoo::events_())), U256(2));
  EXPECT_EQ(must(client_->call(at, zoo::describe_uint256(1))), "number");
  EXPECT_EQ(must(client_->call(at, zoo::describe_address({}))), "address");
  const auto all = must(client_->call_all(
      at, std::vector<Call<U256>>{zoo::operator_(1, 1), zoo::operator_(2, 2), zoo::count()}));
  EXPECT_EQ(all, (std::vector<U256>{2, 4, 6}));
}

TEST_F(ChainTest, EveryTypeGoesThereAndBack) {
  const Address at = make_zoo();
  const zoo::EchoResult echo = must(client_->call(at, zoo::echo(tree(), -5, Bytes{1, 2, 3}, true)));
  EXPECT_EQ(echo, (zoo::EchoResult{tree(), -5, Bytes{1, 2, 3}, true}));
  const U256 minus_two = U256() - U256(2);
  const auto call = zoo::numbers(255, (std::uint64_t{1} << 40) - 1, U256::max(), -128, minus_two,
                                 {0, 255}, {7, 8, 9});
  EXPECT_EQ(
      must(client_->call(at, call)),
      (zoo::NumbersResult{
          255, (std::uint64_t{1} << 40) - 1, U256::max(), -128, minus_two, {0, 255}, {7, 8, 9}}));
  const auto too_wide = client_->call(at, zoo::numbers(0, std::uint64_t{1} << 40, 0, 0, 0, {}, {}));
  EXPECT_EQ(refusal(too_wide), "BindingZoo.numbers: b: 0x10000000000 does not fit uint40");
}

TEST_F(ChainTest, DecodesEvents) {
  const Address at = make_zoo();
  const TxReceipt receipt = must(wallet_->transact(at, zoo::plant("oak", Bytes{9, 9}, tree(), -7)));
  const auto planted = must(find_event<zoo::events::Planted>(receipt, at));
  EXPECT_EQ(planted.by, wallet_->address());
  EXPECT_EQ(planted.name, crypto::keccak256(as_bytes("oak")));
  EXPECT_EQ(planted.seed, crypto::keccak256(Bytes{9, 9}));
  EXPECT_EQ(planted.tree, tree());
  EXPECT_EQ(planted.depth, -7);
  EXPECT_EQ(find_event<zoo::events::Counted>(receipt, at).error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(zoo::events::Counted::decode(receipt.logs.at(0)));

  must(wallet_->transact(at, zoo::add_1(0)));
  must(wallet_->transact(at, zoo::add_1(5), U256(3)));
  must(wallet_->transact(at, zoo::add_0()));
  const std::uint64_t head = must(client_->block_number());
  const auto counted = must(client_->events<zoo::events::Counted>(at, 0, head));
  ASSERT_EQ(counted.size(), 3U);
  EXPECT_EQ(counted[1].event, (zoo::events::Counted{U256(11), 1}));
  EXPECT_EQ(counted[2].event, (zoo::events::Counted{U256(12), 0}));
  EXPECT_EQ(counted[2].log.block_number, head);
  EXPECT_EQ(must(client_->events<zoo::events::Quiet>(at, 0, head)).size(), 1U);
  EXPECT_TRUE(
      must(client_->events<zoo::events::Counted>(at, 0, counted[0].log.block_number - 1)).empty());
}

TEST_F(ChainTest, LogsComeInPieces) {
  const Address at = make_zoo();
  for (int i = 0; i < 7; ++i) must(wallet_->transact(at, zoo::add_0()));
  ClientOptions options;
  options.log_range = 3;
  Client pieces = must(Client::connect(anvil_->url(), options));
  const auto logs = must(pieces.logs({0, 8, {at}, {}}));
  ASSERT_EQ(logs.size(), 7U);
  for (std::size_t i = 1; i < logs.size(); ++i) {
    EXPECT_LT(logs[i - 1].block_number, logs[i].block_number);
  }
}

TEST_F(ChainTest, SpellsOutWhyAContractRefuses) {
  const Address at = make_zoo();
  const std::string self = to_checksum(wallet_->address());
  const auto why = [&](std::uint64_t how) {
    const auto result = client_->call(at, zoo::fail(how), {.from = wallet_->address()});
    EXPECT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::kRejected);
    return refusal(result);
  };
  const std::string prefix = "BindingZoo.fail: execution reverted: ";
  EXPECT_EQ(why(0), prefix + "BindingZoo.TooSmall(given = 0, least = 5, who = " + self + ")");
  EXPECT_EQ(why(1),
            prefix + "BindingZoo.Nested(leaf = (kind = 3, label = \"leaf\"), data = 0x0102)");
  EXPECT_EQ(why(2), prefix + "BindingZoo.Plain()");
  EXPECT_EQ(why(3), prefix + "\"plain words\"");
  EXPECT_EQ(why(4), prefix + "arithmetic overflow (panic 0x11)");
  EXPECT_EQ(why(5), prefix + "assertion failed (panic 0x1)");
  EXPECT_EQ(why(6), prefix + "no reason given");
  const auto sent = wallet_->transact(at, zoo::fail(0));
  EXPECT_EQ(refusal(sent), why(0));
  EXPECT_EQ(must(client_->nonce(wallet_->address())), 1U);

  const CallOutcome outcome = must(
      client_->try_call({wallet_->address(), at, {}, zoo::fail(1).data.value(), std::nullopt}));
  ASSERT_TRUE(outcome.reverted);
  EXPECT_EQ(must(zoo::errors::Nested::decode(outcome.data)),
            (zoo::errors::Nested{{3, "leaf"}, Bytes{1, 2}}));
  EXPECT_FALSE(zoo::errors::Plain::decode(outcome.data));
}

TEST_F(ChainTest, LearnsWhyAMinedTransactionReverted) {
  const Address at = make_zoo();
  AnvilControl control(*client_);
  must(control.set_automine(false));
  // Both pass by themselves; in one block the second finds the count moved.
  const Hash32 first = must(wallet_->send(at, zoo::add_0()));
  TxRequest late{at, {}, zoo::add_if(6).data.value(), 100'000, std::nullopt, "late"};
  const Hash32 second = must(wallet_->send(late));
  must(control.mine());
  EXPECT_TRUE(must(wallet_->wait(first)).succeeded);
  const std::string self = to_checksum(wallet_->address());
  EXPECT_THAT(refusal(wallet_->wait(second)),
              HasSubstr("reverted: BindingZoo.TooSmall(given = 7, least = 6, who = " + self));
  late.gas_limit = 22'500;
  const Hash32 starved = must(wallet_->send(late));
  must(control.mine());
  EXPECT_THAT(refusal(wallet_->wait(starved)), HasSubstr("out of gas (22500)"));
}

TEST_F(ChainTest, NumbersTransactionsOfManyThreads) {
  const Address to = crypto::SecretKey::generate().address();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 5; ++j) must(wallet_->transact(to, U256(1)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(must(client_->balance(to)), U256(20));
}

TEST_F(ChainTest, RecoversWhenTheChainHasAnotherNonce) {
  const Address to = crypto::SecretKey::generate().address();
  must(wallet_->transact(to, U256(1)));
  Wallet other(*client_, anvil_key(0));
  must(other.transact(to, U256(1)));
  must(wallet_->transact(to, U256(1)));  // its own count is one behind
  EXPECT_EQ(must(client_->balance(to)), U256(3));
}

TEST_F(ChainTest, MovesTimeAndGoesBack) {
  const Address at = make_zoo();
  AnvilControl control(*client_);
  const std::uint64_t before = must(client_->block()).timestamp;
  const U256 snapshot = must(control.snapshot());
  must(control.pass_time(std::chrono::hours(24 * 30)));
  EXPECT_GE(must(client_->call(at, zoo::clock())), U256(before + 24 * 30 * 3600));
  must(control.set_next_timestamp(before + 40 * 86'400));
  must(control.mine());
  EXPECT_EQ(must(client_->block()).timestamp, before + 40 * 86'400);
  must(wallet_->transact(at, zoo::add_0()));
  must(control.revert(snapshot));
  wallet_->forget_nonce();
  EXPECT_EQ(must(client_->block()).timestamp, before);
  EXPECT_FALSE(control.revert(snapshot));
  EXPECT_FALSE(control.increase_time(std::chrono::seconds(-1)));
  must(control.set_balance(at, kEther));
  EXPECT_EQ(must(client_->balance(at)), kEther);
  must(wallet_->transact(at, zoo::add_0()));
  must(control.set_code(at, Bytes{}));
  EXPECT_THAT(refusal(client_->call(at, zoo::count())), HasSubstr("there is no contract at 0x"));
}

TEST_F(ChainTest, AnvilEndsWithItsOwner) {
  const int pid = anvil_->pid();
  EXPECT_EQ(::kill(pid, 0), 0);
  anvil_->stop();
  EXPECT_NE(::kill(pid, 0), 0);
  anvil_->stop();
  EXPECT_EQ(client_->block_number().error().kind, ErrorKind::kNetwork);
}

TEST(Anvil, KeysAreThoseAnvilPrints) {
  EXPECT_EQ(to_checksum(anvil_key(0).address()), "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
  EXPECT_EQ(to_checksum(anvil_key(9).address()), "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720");
}

TEST(Anvil, KeepsItsStateInAFile) {
  if (!std::filesystem::exists(anvil_binary())) GTEST_SKIP() << "anvil is not installed";
  const auto folder = must(TemporaryDirectory::create());
  AnvilOptions options = anvil_options();
  options.state_file = folder.path() / "state.json";
  options.genesis_timestamp = 1'700'000'000;
  const Address to = crypto::SecretKey::generate().address();
  {
    const Anvil anvil = must(Anvil::start(options));
    Client client = must(Client::connect(anvil.url()));
    EXPECT_EQ(must(client.block(0)).timestamp, 1'700'000'000U);
    must(Wallet(client, anvil_key(0)).transact(to, kEther));
  }
  const Anvil anvil = must(Anvil::start(options));
  Client client = must(Client::connect(anvil.url()));
  EXPECT_EQ(must(client.balance(to)), kEther);
}

TEST(Anvil, SaysWhyItDoesNotStart) {
  if (!std::filesystem::exists(anvil_binary())) GTEST_SKIP() << "anvil is not installed";
  AnvilOptions options = anvil_options();
  options.state_file = "/nonexistent/folder/state.json";
  options.block_time = 0;
  const auto anvil = Anvil::start(options);
  ASSERT_FALSE(anvil);
  EXPECT_THAT(anvil.error().message, HasSubstr("anvil does not start"));
  options.binary = "/nonexistent/anvil";
  EXPECT_FALSE(Anvil::start(options));
}

}  // namespace
}  // namespace imo::eth
