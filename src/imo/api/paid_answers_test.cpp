/// Answers for money, from a real node over real HTTP, paid on a real chain.
#include "imo/api/server.hpp"
#include "imo/api/test_client.hpp"
#include "imo/base/hex.hpp"
#include "imo/crypto/base64.hpp"
#include "imo/eth/address.hpp"
#include "imo/market/abi/DemoDollar.hpp"
#include "imo/market/abi/Splitter.hpp"
#include "imo/market/abi/SplitterFactory.hpp"
#include "imo/node/answer_service.hpp"
#include "imo/node/cashier.hpp"
#include "imo/node/proof_store.hpp"
#include "imo/node/request_index.hpp"
#include "imo/node/test_world.hpp"
#include "imo/node/x402.hpp"

#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace imo::api {
namespace {

namespace dollar = market::abi::demo_dollar;
namespace factory = market::abi::splitter_factory;
namespace splitter = market::abi::splitter;
using nlohmann::json;
using node::test::eventually;
using node::test::must;
using node::test::TestWorld;
using testing::HasSubstr;

constexpr std::uint64_t kFlat = 1'000;
constexpr std::uint64_t kPerToken = 7;
constexpr std::uint64_t kPurse = 100'000;
constexpr std::uint32_t kMaxTokens = 4;

class PaidAnswersTest : public testing::Test {
 protected:
  void SetUp() override {
    model_id_ = world_.register_model(model().model);
    world_.join(model_id_, 100);
    asset_ = must(world_.author.deploy(dollar::deploy_data())).address;
    must(world_.author.transact(asset_, dollar::mint(world_.asker.address(), U256(kPurse))));
    payee_ =
        must(world_.client.call(world_.deployment.splitter_factory,
                                factory::splitter_of(model_id_, world_.operator_wallet.address())));
    start();
  }

  void start(std::uint64_t split_from = 0) {
    auto config = world_.config(world_.directory.path() / "data");
    config.answer_price = {kFlat, kPerToken};
    config.payment_asset = {asset_, "Demo Dollar", "1"};
    config.split_from = split_from;
    config.keep = false;
    node_ = must(node::Node::start(config, eth::anvil_key(1)));
    server_ = must(Server::start(*node_));
    ASSERT_TRUE(eventually([&] {
      return !must(node_->requests().models_of(model().root())).empty() && node_->status().ready;
    }));
  }
  void stop() {
    server_.reset();
    node_.reset();
  }

  static const node::ServedModel& model() { return *node::test::test_models().find("tales"); }
  static json body(const std::string& prompt = "Once upon a time") {
    return {{"prompt", prompt}, {"max_tokens", kMaxTokens}};
  }

  test::Reply post(const json& body, const std::string& header = {},
                   const std::string& name = "X-PAYMENT") {
    std::vector<std::string> headers = {"Content-Type: application/json"};
    if (!header.empty()) headers.push_back(name + ": " + header);
    return test::fetch({"POST", server_->url() + "/v1/completions", body.dump(), headers})
        .value_or(test::Reply{});
  }
  node::PaymentTerms terms(const test::Reply& reply) {
    EXPECT_EQ(reply.status, 402) << reply.body;
    return must(node::parse_payment_required(reply.body, world_.deployment.chain_id));
  }
  std::string pay(const node::PaymentTerms& terms) {
    return node::payment_header(terms, sign(terms));
  }
  node::Payment sign(const node::PaymentTerms& terms) {
    const std::uint64_t now = must(world_.client.block()).timestamp;
    return node::sign_payment(terms, world_.asker.key(), now + 300);
  }
  std::uint64_t dollars_of(const Address& owner) {
    return *must(world_.client.call(asset_, dollar::balance_of(owner))).to_u64();
  }
  void expect_nothing_paid() {
    EXPECT_EQ(dollars_of(world_.asker.address()), kPurse);
    for (const auto& [state, count] : must(node_->cashier().counts()))
      EXPECT_EQ(count, 0U) << state;
  }

  TestWorld world_;
  U256 model_id_;
  Address asset_;
  Address payee_;
  std::unique_ptr<node::Node> node_;
  std::unique_ptr<Server> server_;
};

TEST_F(PaidAnswersTest, OneIsPaidOnceToTheHoldersAndAnswered) {
  const auto refused = post(body());
  const auto due = terms(refused);
  EXPECT_EQ(due.pay_to, payee_);
  EXPECT_TRUE(refused.headers.contains("payment-required"));
  EXPECT_THAT(refused.body, HasSubstr(server_->url() + "/v1/completions"));
  expect_nothing_paid();

  const std::string header = pay(due);
  const auto reply = post(body(), header);
  ASSERT_EQ(reply.status, 200) << reply.body;
  const json answer = json::parse(reply.body);
  const std::uint64_t tokens = answer["usage"]["prompt_tokens"].get<std::uint64_t>() + kMaxTokens;
  const std::uint64_t price = kFlat + kPerToken * tokens;
  EXPECT_EQ(due.amount, U256(price));
  EXPECT_EQ(dollars_of(payee_), price);
  EXPECT_EQ(dollars_of(world_.asker.address()), kPurse - price);

  const json settled = json::parse(must(crypto::from_base64(reply.headers.at("payment-response"))));
  EXPECT_EQ(settled["success"], true);
  EXPECT_EQ(settled["payer"], eth::to_checksum(world_.asker.address()));
  const auto hash = must(fixed_from_hex<32>(settled["transaction"].get<std::string>()));
  EXPECT_TRUE(must(world_.client.receipt(hash)));
  const json& receipt = answer["imo"]["receipt"];
  EXPECT_EQ(receipt["payer"], eth::to_checksum(world_.asker.address()));
  EXPECT_EQ(receipt["asset"], eth::to_checksum(asset_));
  EXPECT_EQ(receipt["payment"], std::to_string(price));

  const auto metrics = test::get(server_->url() + "/metrics").value_or(test::Reply{});
  EXPECT_THAT(metrics.body, HasSubstr("imo_payments{state=\"paid\"} 1\n"));

  // The same again is the same answer, as often as a reply may be lost, and costs nothing.
  for (int again = 0; again < 2; ++again) {
    const auto repeated = post(body(), header, "PAYMENT-SIGNATURE");
    ASSERT_EQ(repeated.status, 200) << repeated.body;
    EXPECT_EQ(json::parse(repeated.body)["choices"], answer["choices"]);
  }
  EXPECT_EQ(post(body(), header).status, 409);
  EXPECT_EQ(dollars_of(payee_), price);

  // Anybody may send the money on: to the operator, and to the author where there is no token.
  must(world_.author.transact(world_.deployment.splitter_factory,
                              factory::deploy(model_id_, world_.operator_wallet.address())));
  must(world_.asker.transact(payee_, splitter::split(asset_)));
  EXPECT_EQ(dollars_of(payee_), 0U);
  EXPECT_EQ(dollars_of(world_.operator_wallet.address()) + dollars_of(world_.author.address()),
            price);
}

TEST_F(PaidAnswersTest, APaymentIsForOneRequest) {
  const std::string header = pay(terms(post(body())));
  ASSERT_EQ(post(body(), header).status, 200);
  const std::uint64_t left = dollars_of(world_.asker.address());
  const auto other = post(body("There was a cat"), header);
  EXPECT_EQ(other.status, 409);
  EXPECT_THAT(other.body, HasSubstr("another request"));
  EXPECT_EQ(other.headers.at("x-should-retry"), "false");
  EXPECT_EQ(dollars_of(world_.asker.address()), left);
}

TEST_F(PaidAnswersTest, AStreamIsPaidBeforeItBegins) {
  json streamed = body();
  streamed["stream"] = true;
  const auto reply = post(streamed, pay(terms(post(streamed))));
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_TRUE(reply.headers.contains("payment-response"));
  EXPECT_THAT(reply.body, HasSubstr("data: [DONE]"));
  EXPECT_GT(dollars_of(payee_), kFlat);
}

TEST_F(PaidAnswersTest, WhatIsNotPaidIsNotAnswered) {
  const auto due = terms(post(body()));
  auto less = due;
  less.amount = due.amount - U256(1);
  EXPECT_THAT(post(body(), pay(less)).body, HasSubstr("are due"));
  auto elsewhere = due;
  elsewhere.pay_to = world_.operator_wallet.address();
  EXPECT_THAT(post(body(), pay(elsewhere)).body, HasSubstr("is due to"));
  auto other_token = due;
  other_token.asset_name = "Real Dollar";
  EXPECT_THAT(post(body(), pay(other_token)).body, HasSubstr("not signed by its payer"));
  EXPECT_EQ(post(body(), "bm9uc2Vuc2U=").status, 402);
  // A longer answer costs more.
  json longer = body();
  longer["max_tokens"] = kMaxTokens + 1;
  EXPECT_THAT(post(longer, pay(due)).body, HasSubstr("are due"));
  expect_nothing_paid();

  const std::string good = pay(due);
  must(world_.asker.transact(asset_, dollar::transfer(world_.author.address(), U256(kPurse))));
  const auto reply = post(body(), good);
  EXPECT_EQ(reply.status, 402);
  EXPECT_THAT(reply.body, HasSubstr("execution reverted"));
}

TEST_F(PaidAnswersTest, WhatCannotBeAnsweredIsRefusedBeforeAnyMoney) {
  json impossible = body();
  impossible["max_tokens"] = model().model.context_length();
  EXPECT_EQ(post(impossible).status, 400);
  EXPECT_EQ(post(impossible, pay(terms(post(body())))).status, 400);
  expect_nothing_paid();
}

TEST_F(PaidAnswersTest, NothingIsComputedBeforeTheMoneyIsThere) {
  const std::string header = pay(terms(post(body())));
  must(world_.control.set_automine(false));
  auto first = std::async(std::launch::async, [&] { return post(body(), header); });
  ASSERT_TRUE(eventually([&] { return must(node_->cashier().counts())["sent"] == 1; }));
  const auto second = post(body(), header);
  EXPECT_EQ(second.status, 409);
  EXPECT_THAT(second.body, HasSubstr("under way"));
  EXPECT_EQ(second.headers.at("x-should-retry"), "false");
  EXPECT_EQ(node_->answers().answers_given(), 0U);
  must(world_.control.set_automine(true));
  must(world_.control.mine(1));
  EXPECT_EQ(first.get().status, 200);
}

TEST_F(PaidAnswersTest, WhatWasPaidIsOwedAfterARestart) {
  const std::string header = pay(terms(post(body())));
  must(world_.control.set_automine(false));
  auto first = std::async(std::launch::async, [&] { return post(body(), header); });
  ASSERT_TRUE(eventually([&] { return must(node_->cashier().counts())["sent"] == 1; }));
  stop();
  EXPECT_NE(first.get().status, 200);
  must(world_.control.set_automine(true));
  must(world_.control.mine(1));
  start();
  ASSERT_TRUE(eventually([&] { return must(node_->cashier().counts())["paid"] == 1; }));
  const std::uint64_t left = dollars_of(world_.asker.address());
  const auto reply = post(body(), header);
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(dollars_of(world_.asker.address()), left);
}

/// Both may be paid to the operator: nobody may have two things for one payment.
TEST_F(PaidAnswersTest, APaymentForAProofIsNoneForAnAnswer) {
  const auto due = terms(post(body()));
  const node::Payment payment = sign(due);
  node::ProofJob job;
  job.paid_by = payment.purpose();
  must(node_->proof_store().add(job, 8, 8));
  const auto reply = post(body(), node::payment_header(due, payment));
  EXPECT_EQ(reply.status, 409);
  EXPECT_THAT(reply.body, HasSubstr("pays for a proof"));
  expect_nothing_paid();

  const node::Payment other = sign(due);
  ASSERT_EQ(post(body(), node::payment_header(due, other)).status, 200);
  job.id.bytes[0] = 1;
  job.paid_by = other.purpose();
  const auto added = node_->proof_store().add(job, 8, 8);
  ASSERT_FALSE(added);
  EXPECT_THAT(added.error().message, HasSubstr("something else"));
}

/// Else the holders' part would stay in the splitter for ever.
TEST_F(PaidAnswersTest, NothingIsSoldForWhatTheSharesDoNotPayOut) {
  world_.offer(model_id_);
  const auto refused = post(body());
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_THAT(refused.body, HasSubstr("do not pay out"));
}

TEST_F(PaidAnswersTest, SharesThatPayOutTheTokenAreSoldFor) {
  world_.offer(model_id_, {asset_});
  EXPECT_EQ(post(body(), pay(terms(post(body())))).status, 200);
}

TEST_F(PaidAnswersTest, EnoughIsSplitByTheNode) {
  const auto due = terms(post(body()));
  stop();
  start(2 * *due.amount.to_u64());
  ASSERT_EQ(post(body(), pay(due)).status, 200);
  ASSERT_EQ(post(body(), pay(due)).status, 200);
  EXPECT_TRUE(eventually([&] { return dollars_of(payee_) == 0; }));
  EXPECT_EQ(
      U256(dollars_of(world_.operator_wallet.address()) + dollars_of(world_.author.address())),
      due.amount + due.amount);
}

TEST_F(PaidAnswersTest, TheModelSaysItsPrice) {
  const auto reply = test::get(server_->url() + "/v1/models/tales").value_or(test::Reply{});
  const json price = json::parse(reply.body)["imo"]["price"];
  EXPECT_EQ(price["per_answer"], std::to_string(kFlat));
  EXPECT_EQ(price["per_token"], std::to_string(kPerToken));
  EXPECT_EQ(price["asset"], eth::to_checksum(asset_));
}

}  // namespace
}  // namespace imo::api
