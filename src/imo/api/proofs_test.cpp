/// Proofs on request, from a real node over real HTTP, held against the contracts of a real chain.
#include "imo/api/proofs.hpp"

#include "imo/api/server.hpp"
#include "imo/api/test_client.hpp"
#include "imo/base/hex.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/crypto/base64.hpp"
#include "imo/eth/address.hpp"
#include "imo/eth/units.hpp"
#include "imo/market/abi/DemoDollar.hpp"
#include "imo/market/abi/ModelVerifier.hpp"
#include "imo/market/abi/OperatorRegistry.hpp"
#include "imo/market/abi/Oracle.hpp"
#include "imo/market/abi/ProofRegistry.hpp"
#include "imo/market/packed_tokens.hpp"
#include "imo/node/key_words.hpp"
#include "imo/node/proof_service.hpp"
#include "imo/node/request_index.hpp"
#include "imo/node/test_world.hpp"
#include "imo/node/x402.hpp"
#include "imo/opml/witness.hpp"
#include "imo/zkml/proof_file.hpp"

#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace imo::api {
namespace {

namespace dollar = market::abi::demo_dollar;
namespace oracle = market::abi::oracle;
namespace registry_of_operators = market::abi::operator_registry;
namespace registry = market::abi::proof_registry;
namespace verifier = market::abi::model_verifier;
using nlohmann::json;
using node::test::eventually;
using node::test::must;
using node::test::TestWorld;
using testing::HasSubstr;

constexpr std::uint64_t kFlat = 100;

class ProofsTest : public testing::Test {
 protected:
  void SetUp() override {
    model_id_ = world_.register_model(model().model);
    world_.join(model_id_, kFlat);
  }

  void start(const node::ProofConfig& proofs, const node::PaymentAsset& asset = {}) {
    auto config = world_.config(world_.directory.path() / "data");
    config.proofs = proofs;
    config.payment_asset = asset;
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
  static node::ProofConfig on() {
    node::ProofConfig config;
    config.enabled = true;
    return config;
  }

  test::Reply post(const std::string& path, const json& body) {
    return test::post(server_->url() + path, body.dump()).value_or(test::Reply{});
  }
  test::Reply get(const std::string& path, std::vector<std::string> headers = {}) {
    return test::fetch({"GET", server_->url() + path, {}, std::move(headers)})
        .value_or(test::Reply{});
  }
  json state_of(const std::string& id) { return json::parse(get("/v1/proofs/" + id).body); }
  /// The digest of the receipt of a new answer.
  std::string receipt() {
    const auto reply = post("/v1/completions", {{"prompt", "Once upon a time"}, {"max_tokens", 4}});
    EXPECT_EQ(reply.status, 200) << reply.body;
    return json::parse(reply.body)["imo"]["receipt"]["digest"];
  }
  static TestWorld::Question question() {
    TestWorld::Question question;
    question.prompt = {1, 70, 80};
    question.max_tokens = 3;
    return question;
  }
  std::uint64_t answered_request() {
    const auto id = world_.ask(model_id_, question());
    EXPECT_TRUE(eventually([&] {
      const auto found = must(node_->requests().find(id));
      return found && found->status == node::RequestStatus::kAnswered;
    }));
    return id;
  }
  std::string ask(const json& body) {
    const auto reply = post("/v1/proofs", body);
    // Accepted, or ready.
    EXPECT_TRUE(reply.status == 202 || reply.status == 200) << reply.body.substr(0, 1000);
    return json::parse(reply.body)["id"];
  }
  bool is_ready(const std::string& id) {
    return eventually([&] { return state_of(id)["state"] == "ready"; });
  }
  zkml::ProofFile file_of(const std::string& id) {
    const auto reply = get("/v1/proofs/" + id, {"Accept: application/octet-stream"});
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(reply.headers.at("content-type"), "application/octet-stream");
    return must(zkml::ProofFile::decode(as_bytes(reply.body)));
  }
  void expect_chain_accepts(const zkml::ProofFile& file) {
    const auto& answer = file.statement.answer;
    must(world_.client.call(
        world_.deployment.model_verifier,
        verifier::verify(node::key_words<verifier::VerifyingKey>(file.key), file.statement.context,
                         market::pack_tokens(answer.prompt), market::pack_tokens(answer.output),
                         file.proof)));
  }
  /// Has the contracts believe proofs of the model.
  void make_key_final(const zkml::VerifyingKey& key) {
    ThreadPool pool(2);
    const opml::ModelProver prover(model().model.program(), &pool);
    const auto& address = world_.deployment.proof_registry;
    const auto bond = must(world_.client.call(address, registry::registration_bond()));
    const auto receipt = must(world_.author.transact(
        address,
        registry::register_(node::key_words<registry::VerifyingKey>(key),
                            node::opening_words<registry::ModelOpening>(prover.opening())),
        bond));
    const auto registered = must(eth::find_event<registry::events::Registered>(receipt, address));
    must(world_.control.set_next_timestamp(registered.final_at));
    must(world_.control.mine(1));
    must(world_.author.transact(address, registry::finalise(registered.registration_id)));
  }

  TestWorld world_;
  U256 model_id_;
  std::unique_ptr<node::Node> node_;
  std::unique_ptr<Server> server_;
};

TEST_F(ProofsTest, OfAReceiptIsEstimatedMadeAndAccepted) {
  start(on());
  const std::string digest = receipt();
  const auto quoted = post("/v1/proofs/estimate", {{"receipt", digest}});
  ASSERT_EQ(quoted.status, 200) << quoted.body;
  const json estimate = json::parse(quoted.body)["estimate"];
  EXPECT_GT(estimate["gas"], 1'000'000);
  EXPECT_GT(estimate["memory_bytes"], 1'000'000);
  EXPECT_TRUE(must(node_->proof_store().counts())["queued"] == 0) << "nothing is begun";

  const std::string id = ask({{"receipt", digest}});
  EXPECT_EQ(ask({{"receipt", digest}}), id) << "the same answer is the same job";
  EXPECT_EQ(state_of(id)["estimate"], estimate);
  ASSERT_TRUE(is_ready(id)) << state_of(id);
  EXPECT_EQ(ask({{"receipt", digest}}), id);
  const zkml::ProofFile file = file_of(id);
  EXPECT_EQ(to_hex(file.statement.context), digest);
  EXPECT_EQ(to_hex(file.encode()), state_of(id)["proof"]);
  EXPECT_TRUE(zkml::check_answer(file.key, file.statement, file.proof));
  expect_chain_accepts(file);
  EXPECT_THAT(get("/metrics").body, HasSubstr("imo_proofs{state=\"ready\"} 1\n"));
}

TEST_F(ProofsTest, OfARequestMakesItFinalWhereThatWasAskedFor) {
  auto config = on();
  config.post = true;
  start(config);
  const std::uint64_t request = answered_request();
  const std::string id = ask({{"request", request}});
  ASSERT_TRUE(is_ready(id)) << state_of(id);
  const zkml::ProofFile file = file_of(id);
  expect_chain_accepts(file);
  const auto status = [&] { return must(node_->requests().find(request))->status; };
  EXPECT_EQ(status(), node::RequestStatus::kAnswered) << "nobody asked for it to be posted";

  make_key_final(file.key);
  EXPECT_EQ(ask({{"request", request}, {"post", true}}), id);
  EXPECT_TRUE(eventually([&] { return status() == node::RequestStatus::kFinal; }));
  EXPECT_TRUE(eventually([&] { return must(node_->proof_store().to_post()).empty(); }));
}

TEST_F(ProofsTest, OfEveryAnswerWhereTheOperatorWantsThat) {
  ThreadPool pool(2);
  make_key_final(must(zkml::ProvingKey::make(model().model, pool)).verifying_key());
  auto config = on();
  config.prove_answers = true;
  start(config);
  const auto id = world_.ask(model_id_, question());
  EXPECT_TRUE(eventually([&] {
    const auto found = must(node_->requests().find(id));
    return found && found->status == node::RequestStatus::kFinal;
  }));
}

class PaidProofsTest : public ProofsTest {
 protected:
  static constexpr std::uint64_t kPrice = 5'000;
  static constexpr std::uint64_t kOfPosting = 70'000;

  void SetUp() override {
    ProofsTest::SetUp();
    asset_ = must(world_.author.deploy(dollar::deploy_data())).address;
    config_ = on();
    config_.price = kPrice;
    config_.price_of_posting = kOfPosting;
    config_.post = true;
    start(config_, {asset_, "Demo Dollar", "1"});
    mint(world_.asker.address(), 10 * kPrice);
  }

  void mint(const Address& to, std::uint64_t amount) {
    must(world_.author.transact(asset_, dollar::mint(to, U256(amount))));
  }
  std::uint64_t dollars_of(const Address& owner) {
    return *must(world_.client.call(asset_, dollar::balance_of(owner))).to_u64();
  }
  node::PaymentTerms terms(const test::Reply& reply) {
    EXPECT_EQ(reply.status, 402) << reply.body;
    return must(node::parse_payment_required(reply.body, world_.deployment.chain_id));
  }
  std::string pay(const node::PaymentTerms& terms) {
    const std::uint64_t now = must(world_.client.block()).timestamp;
    return node::payment_header(terms, node::sign_payment(terms, world_.asker.key(), now + 300));
  }
  test::Reply post_paid(const json& body, const std::string& header,
                        const std::string& name = "X-PAYMENT") {
    return test::fetch({"POST",
                        server_->url() + "/v1/proofs",
                        body.dump(),
                        {"Content-Type: application/json", name + ": " + header}})
        .value_or(test::Reply{});
  }

  /// The reply says which transaction brought the money, and whose.
  void expect_settled(const test::Reply& reply) {
    ASSERT_TRUE(reply.headers.contains("payment-response"));
    const std::string header = reply.headers.at("payment-response");
    EXPECT_EQ(reply.headers.at("x-payment-response"), header);
    const json said = json::parse(must(crypto::from_base64(header)));
    EXPECT_EQ(said["success"], true);
    EXPECT_EQ(said["network"], "eip155:" + std::to_string(world_.deployment.chain_id));
    EXPECT_EQ(said["payer"], eth::to_checksum(world_.asker.address()));
    const Hash32 hash = must(fixed_from_hex<32>(said["transaction"].get<std::string>()));
    const auto receipt = must(world_.client.receipt(hash));
    ASSERT_TRUE(receipt);
    EXPECT_EQ(receipt->to, asset_);
  }

  Address asset_;
  node::ProofConfig config_;
};

TEST_F(PaidProofsTest, OneIsPaidOnceAndMade) {
  const json body{{"receipt", receipt()}};
  const json quoted = json::parse(post("/v1/proofs/estimate", body).body);
  EXPECT_EQ(quoted["price"]["amount"], std::to_string(kPrice));
  const auto refused = post("/v1/proofs", body);
  const auto due = terms(refused);
  EXPECT_EQ(due.amount, U256(kPrice));
  EXPECT_EQ(due.pay_to, world_.operator_wallet.address());
  EXPECT_TRUE(refused.headers.contains("payment-required"));
  for (const auto& [state, count] : must(node_->proof_store().counts())) EXPECT_EQ(count, 0U);

  const std::string header = pay(due);
  const auto taken = post_paid(body, header);
  ASSERT_EQ(taken.status, 202) << taken.body;
  const std::string id = json::parse(taken.body)["id"];
  EXPECT_EQ(json::parse(post_paid(body, header).body)["id"], id) << "sent twice, paid once";
  EXPECT_EQ(ask(body), id) << "what is paid is asked for without paying";
  ASSERT_TRUE(is_ready(id)) << state_of(id);
  expect_chain_accepts(file_of(id));
  EXPECT_EQ(dollars_of(world_.operator_wallet.address()), kPrice);
  EXPECT_EQ(dollars_of(world_.asker.address()), 9 * kPrice);
  const auto again = post("/v1/proofs", body);
  EXPECT_EQ(again.status, 200);
  expect_settled(again);
  expect_settled(get("/v1/proofs/" + id));
  EXPECT_EQ(json::parse(again.body)["proof"], to_hex(file_of(id).encode()));

  // The same payment for another proof.
  const json other{{"request", answered_request()}};
  EXPECT_EQ(terms(post_paid(other, header)).amount, U256(kPrice));
  EXPECT_EQ(dollars_of(world_.operator_wallet.address()), kPrice);
}

TEST_F(PaidProofsTest, WhatIsNotPaidIsNotBegun) {
  const json body{{"receipt", receipt()}};
  const auto due = terms(post("/v1/proofs", body));
  auto less = due;
  less.amount = U256(kPrice - 1);
  EXPECT_THAT(post_paid(body, pay(less)).body, HasSubstr("are due"));
  auto elsewhere = due;
  elsewhere.pay_to = world_.author.address();
  EXPECT_THAT(post_paid(body, pay(elsewhere)).body, HasSubstr("is due to"));
  auto other_token = due;
  other_token.asset_name = "Real Dollar";
  EXPECT_THAT(post_paid(body, pay(other_token)).body, HasSubstr("not signed by its payer"));
  EXPECT_EQ(post_paid(body, "bm9uc2Vuc2U=").status, 402);
  const std::string good = pay(due);
  must(world_.asker.transact(asset_, dollar::transfer(world_.author.address(), U256(10 * kPrice))));
  const auto reply = post_paid(body, good);
  EXPECT_EQ(reply.status, 402);
  EXPECT_THAT(reply.body, HasSubstr("execution reverted"));
  for (const auto& [state, count] : must(node_->proof_store().counts())) EXPECT_EQ(count, 0U);
}

TEST_F(PaidProofsTest, NothingIsMadeBeforeTheMoneyIsThere) {
  const json body{{"receipt", receipt()}};
  const auto due = terms(post("/v1/proofs", body));
  const std::string good = pay(due);
  must(world_.control.set_automine(false));
  const auto taken = post_paid(body, good);
  ASSERT_EQ(taken.status, 202) << taken.body;
  const std::string id = json::parse(taken.body)["id"];
  EXPECT_EQ(state_of(id)["state"], "paying");
  EXPECT_FALSE(get("/v1/proofs/" + id).headers.contains("payment-response"));
  EXPECT_EQ(dollars_of(world_.operator_wallet.address()), 0U);
  must(world_.control.set_automine(true));
  must(world_.control.mine(1));
  EXPECT_TRUE(is_ready(id)) << state_of(id);
  EXPECT_EQ(dollars_of(world_.operator_wallet.address()), kPrice);
}

TEST_F(PaidProofsTest, PostingHasItsPrice) {
  const json body{{"request", answered_request()}};
  json posted = body;
  posted["post"] = true;
  EXPECT_EQ(terms(post("/v1/proofs", posted)).amount, U256(kPrice + kOfPosting));
  const auto taken = post_paid(body, pay(terms(post("/v1/proofs", body))), "PAYMENT-SIGNATURE");
  ASSERT_EQ(taken.status, 202) << taken.body;
  ASSERT_TRUE(is_ready(json::parse(taken.body)["id"]));
  EXPECT_EQ(post("/v1/proofs", posted).status, 400) << "not for the price of a proof alone";
}

TEST_F(ProofsTest, WhatHasNoRoomIsRefusedBeforeAnyWork) {
  auto config = on();
  config.memory_bytes = 1 << 20;
  start(config);
  const std::string digest = receipt();
  for (const char* path : {"/v1/proofs", "/v1/proofs/estimate"}) {
    const auto reply = post(path, {{"receipt", digest}});
    EXPECT_EQ(reply.status, 400);
    const json error = json::parse(reply.body)["error"];
    EXPECT_EQ(error["code"], "proof_too_large");
    EXPECT_THAT(error["message"].get<std::string>(), HasSubstr("of memory, this node has 1.0 MiB"));
  }
  for (const auto& [state, count] : must(node_->proof_store().counts())) EXPECT_EQ(count, 0U);
}

TEST_F(ProofsTest, WhatIsNotThisNodesIsRefused) {
  start(on());
  const std::string unknown = "0x" + std::string(64, '1');
  EXPECT_EQ(post("/v1/proofs", {{"receipt", unknown}}).status, 404);
  EXPECT_EQ(post("/v1/proofs", {{"request", 77}}).status, 404);
  EXPECT_EQ(get("/v1/proofs/" + unknown).status, 404);
  EXPECT_EQ(get("/v1/proofs/7").status, 404);
  // Two operators: the node answers as one, a bare account as the other.
  const auto& operators = world_.deployment.operator_registry;
  must(world_.author.transact(operators, registry_of_operators::register_("http://127.0.0.1:1"),
                              eth::kEther));
  must(world_.author.transact(operators,
                              registry_of_operators::set_price(model_id_, {kFlat, 0, 0, 0})));
  auto asked = question();
  asked.operator_address = world_.author.address();
  const auto other = world_.ask(model_id_, asked);
  ASSERT_TRUE(eventually([&] { return must(node_->requests().find(other)).has_value(); }));
  const auto seen = *must(node_->requests().find(other));
  oracle::Answer answer;
  answer.question_hash = node::question_hash(seen);
  answer.output_tokens = market::pack_tokens(std::vector<std::uint32_t>{9, 9, 9});
  must(world_.author.transact(world_.deployment.oracle, oracle::answer(U256(other), answer)));
  ASSERT_TRUE(eventually([&] {
    return must(node_->requests().find(other))->status == node::RequestStatus::kAnswered;
  }));
  const auto reply = post("/v1/proofs", {{"request", other}});
  EXPECT_EQ(reply.status, 404);
  EXPECT_THAT(reply.body, HasSubstr("is another operator's"));
  for (const json& body :
       {json{}, json{{"receipt", "0x12"}}, json{{"request", -1}}, json{{"request", "7"}},
        json{{"receipt", unknown}, {"request", 1}}, json{{"receipt", unknown}, {"post", true}},
        json{{"request", 1}, {"post", true}}, json{{"request", 1}, {"prompt", "x"}}}) {
    EXPECT_EQ(post("/v1/proofs", body).status, 400) << body;
  }
}

TEST_F(ProofsTest, AreNotThereWhereTheOperatorDoesNotSellThem) {
  start({});
  EXPECT_EQ(post("/v1/proofs", {{"request", 1}}).status, 404);
}

TEST_F(ProofsTest, OneThatANodeEndedWithIsMadeByTheNext) {
  start(on());
  const std::string digest = receipt();
  const std::string id = ask({{"receipt", digest}});
  ASSERT_TRUE(is_ready(id));
  stop();
  {
    // As a node that was killed leaves it.
    const auto store = must(node::Store::open(world_.directory.path() / "data"));
    node::ProofStore proofs(*store);
    const Hash32 hash = must(fixed_from_hex<32>(id));
    must(proofs.restart(hash, 1));
    ASSERT_EQ(must(proofs.take())->id, hash);
  }
  start(on());
  ASSERT_TRUE(is_ready(id)) << state_of(id);
  expect_chain_accepts(file_of(id));
}

}  // namespace
}  // namespace imo::api
