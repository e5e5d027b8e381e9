#include "imo/node/config.hpp"

#include "imo/base/file.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::node {
namespace {

using testing::HasSubstr;

class Config : public testing::Test {
 protected:
  void SetUp() override {
    for (auto* address :
         {&deployment_.model_registry, &deployment_.offering_factory, &deployment_.splitter_factory,
          &deployment_.operator_registry, &deployment_.oracle, &deployment_.content_token,
          &deployment_.step_verifier, &deployment_.dispute_game, &deployment_.model_verifier,
          &deployment_.proof_registry}) {
      address->bytes.back() = ++next_;
    }
    deployment_.chain_id = 31337;
    ASSERT_TRUE(deployment_.save(directory_.path() / "deployment.json"));
  }

  std::string fault_of(std::string_view toml) {
    const auto config = NodeConfig::parse(toml, directory_.path());
    return config ? "accepted" : config.error().message;
  }

  TemporaryDirectory directory_ = TemporaryDirectory::create().value();
  market::Deployment deployment_;
  std::uint8_t next_ = 0;
};

TEST_F(Config, ReadsEverySetting) {
  const auto config = NodeConfig::parse(R"(
    rpc_url = "http://127.0.0.1:9545"
    deployment = "deployment.json"
    keystore = "operator.json"
    password_file = "/etc/imo/password"
    data_directory = "data"
    [[model]]
    path = "tales.imo"
    name = "tales"
    [[model]]
    path = "other.gguf"
    [http]
    listen = "0.0.0.0"
    port = 0
    default_max_tokens = 7
    queue_limit = 3
    price = 8
    price_per_token = 9
    [chain]
    confirmations = 2
    poll_interval_ms = 250
    answer_requests = false
    keep = false
    [watch]
    enabled = true
    dry_run = false
    receipts = "receipts"
    [proofs]
    enabled = true
    post = true
    prove_answers = true
    memory_mb = 512
    queue_limit = 4
    kept = 5
    price = 1
    price_per_second = 2
    price_of_posting = 3
    [payment]
    asset = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
    asset_name = "USDC"
    asset_version = "2"
    split_from = 10
  )",
                                        directory_.path());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->rpc_url, "http://127.0.0.1:9545");
  EXPECT_EQ(config->deployment, deployment_);
  EXPECT_EQ(config->keystore, directory_.path() / "operator.json");
  EXPECT_EQ(config->password_file, "/etc/imo/password");
  EXPECT_EQ(config->data_directory, directory_.path() / "data");
  ASSERT_EQ(config->models.size(), 2U);
  EXPECT_EQ(config->models[0].path, directory_.path() / "tales.imo");
  EXPECT_EQ(config->models[0].name, "tales");
  EXPECT_EQ(config->models[1].name, "");
  EXPECT_EQ(config->listen_address, "0.0.0.0");
  EXPECT_EQ(config->port, 0);
  EXPECT_EQ(config->default_max_tokens, 7U);
  EXPECT_EQ(config->queue_limit, 3U);
  EXPECT_EQ(config->confirmations, 2U);
  EXPECT_EQ(config->poll_interval, std::chrono::milliseconds(250));
  EXPECT_EQ(config->watch_receipts, directory_.path() / "receipts");
  EXPECT_FALSE(config->answer_requests);
  EXPECT_FALSE(config->keep);
  EXPECT_TRUE(config->watch);
  EXPECT_FALSE(config->watch_dry_run);
  EXPECT_TRUE(config->proofs.enabled);
  EXPECT_TRUE(config->proofs.post);
  EXPECT_TRUE(config->proofs.prove_answers);
  EXPECT_EQ(config->proofs.memory_bytes, std::uint64_t{512} << 20);
  EXPECT_EQ(config->proofs.queue_limit, 4U);
  EXPECT_EQ(config->proofs.kept, 5U);
  EXPECT_EQ(config->proofs.price, 1U);
  EXPECT_EQ(config->proofs.price_per_second, 2U);
  EXPECT_EQ(config->proofs.price_of_posting, 3U);
  EXPECT_EQ(config->answer_price.flat, 8U);
  EXPECT_EQ(config->answer_price.per_token, 9U);
  EXPECT_EQ(config->payment_asset.address.bytes[0], 0x03);
  EXPECT_EQ(config->payment_asset.name, "USDC");
  EXPECT_EQ(config->payment_asset.version, "2");
  EXPECT_EQ(config->split_from, 10U);
}

TEST_F(Config, APriceNamesItsToken) {
  for (const char* priced : {"[proofs]\nprice_per_second = 3", "[http]\nprice = 1",
                             "[http]\nprice_per_token = 1\n[payment]\nasset_name = \"USDC\""}) {
    const auto config = NodeConfig::parse(
        fmt::format("deployment = \"deployment.json\"\n{}\n", priced), directory_.path());
    ASSERT_FALSE(config) << priced;
    EXPECT_THAT(config.error().message, testing::HasSubstr("needs the token"));
  }
}

TEST_F(Config, ProvesNothingUnlessTold) {
  const auto config = NodeConfig::parse("deployment = \"deployment.json\"", directory_.path());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->answer_price.is_free());
  EXPECT_FALSE(config->proofs.enabled);
  EXPECT_FALSE(config->proofs.post);
  EXPECT_FALSE(config->proofs.prove_answers);
}

TEST_F(Config, ListensOnLoopbackUnlessTold) {
  const auto config = NodeConfig::parse("deployment = \"deployment.json\"", directory_.path());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->listen_address, "127.0.0.1");
}

TEST_F(Config, WatchesOnlyWhenToldAndPutsNoMoneyDownUnlessTold) {
  const auto config = NodeConfig::parse("deployment = \"deployment.json\"", directory_.path());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_FALSE(config->watch);
  EXPECT_TRUE(config->watch_dry_run);
}

TEST_F(Config, NamesLineAndSetting) {
  EXPECT_THAT(fault_of("rpc_url = 5"), HasSubstr("line 1: rpc_url: must be a text"));
  EXPECT_THAT(fault_of("\nrcp_url = \"x\""), HasSubstr("line 2: rcp_url: there is no such"));
  EXPECT_THAT(fault_of("[http]\nport = 65536"), HasSubstr("line 2: http.port"));
  EXPECT_THAT(fault_of("[http]\nport = -1"), HasSubstr("http.port"));
  EXPECT_THAT(fault_of("[http]\nport = \"80\""), HasSubstr("http.port"));
  EXPECT_THAT(fault_of("[chain]\npoll_interval_ms = 0"), HasSubstr("chain.poll_interval_ms"));
  EXPECT_THAT(fault_of("[chain]\nkeep = 1"), HasSubstr("line 2: chain.keep: must be true"));
  EXPECT_THAT(fault_of("http = 3"), HasSubstr("line 1: http: must be a table"));
  EXPECT_THAT(fault_of("model = 3"), HasSubstr("[[model]]"));
  EXPECT_THAT(fault_of("[[model]]\nname = \"x\""), HasSubstr("needs a path"));
  EXPECT_THAT(fault_of("a = = b"), HasSubstr("line 1"));
  EXPECT_THAT(fault_of(""), HasSubstr("deployment"));
  EXPECT_THAT(fault_of("deployment = \"missing.json\""), HasSubstr("missing.json"));
}

TEST_F(Config, NamesTheFile) {
  const auto file = directory_.path() / "imo.toml";
  ASSERT_TRUE(write_file_atomic(file, as_bytes("nonsense = 1")));
  const auto config = NodeConfig::load(file);
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("imo.toml: line 1: nonsense"));
}

}  // namespace
}  // namespace imo::node
