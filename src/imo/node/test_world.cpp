#include "imo/node/test_world.hpp"

#include "imo/crypto/keccak.hpp"
#include "imo/eth/units.hpp"
#include "imo/market/abi/ModelRegistry.hpp"
#include "imo/market/abi/OperatorRegistry.hpp"
#include "imo/market/abi/Oracle.hpp"
#include "imo/market/contracts.hpp"
#include "imo/market/deploy.hpp"
#include "imo/market/packed_tokens.hpp"

#include <array>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>

namespace imo::node::test {
namespace {

constexpr std::uint64_t kDay = 86'400;

namespace models = market::abi::model_registry;
namespace offerings = market::abi::offering_factory;
namespace operators = market::abi::operator_registry;
namespace oracle = market::abi::oracle;

eth::Client connect(const std::string& url) {
  eth::ClientOptions options;
  options.poll_interval = std::chrono::milliseconds(5);
  auto client = must(eth::Client::connect(url, options));
  market::add_errors(client.errors());
  return client;
}

market::Deployment deploy(eth::Wallet& wallet) {
  market::DeployOptions options;
  options.window = TestWorld::kWindow;
  return must(market::deploy(wallet, options)).deployment;
}

}  // namespace

eth::AnvilOptions anvil_options() {
  eth::AnvilOptions options;
  options.binary =
      std::string(IMO_SOURCE_DIR) + "/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil";
  return options;
}

std::filesystem::path model_file() {
  const std::filesystem::path shared =
      std::filesystem::path(IMO_SHARED_DATA) / "models/stories260K/stories260K-pad192-Q8_0.gguf";
  if (std::filesystem::exists(shared)) return shared;
  return std::filesystem::path(IMO_SOURCE_DIR) / "models/demo/imo-demo.gguf";
}

const ModelShelf& test_models() {
  static const ModelShelf shelf =
      must(ModelShelf::load(std::array<ModelFile, 1>{{{model_file(), "tales"}}}));
  return shelf;
}

bool eventually(const std::function<bool()>& ready, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!ready()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

TestWorld::TestWorld()
    : anvil(must(eth::Anvil::start(anvil_options()))),
      client(connect(anvil.url())),
      control(client),
      author(client, eth::anvil_key(0)),
      operator_wallet(client, eth::anvil_key(1)),
      asker(client, eth::anvil_key(2)),
      deployment(deploy(author)),
      directory(must(TemporaryDirectory::create())) {}

U256 TestWorld::register_model(const engine::Model& model) {
  models::Registration registration;
  registration.model_root = model.root();
  registration.licence = "MIT";
  registration.binder = deployment.offering_factory;
  registration.operator_bps = 1'000;
  registration.context_length = model.context_length();
  registration.vocabulary_size = model.vocabulary_size();
  registration.end_token = model.end_token();
  const auto receipt =
      must(author.transact(deployment.model_registry, models::register_(registration)));
  return must(eth::find_event<models::events::ModelRegistered>(receipt, deployment.model_registry))
      .model_id;
}

U256 TestWorld::register_root(const Hash32& root) {
  models::Registration registration;
  registration.model_root = root;
  registration.licence = "MIT";
  registration.context_length = 8;
  registration.vocabulary_size = 8;
  const auto receipt =
      must(author.transact(deployment.model_registry, models::register_(registration)));
  return must(eth::find_event<models::events::ModelRegistered>(receipt, deployment.model_registry))
      .model_id;
}

offerings::Offering TestWorld::offer(const U256& model_id, std::vector<Address> revenue_tokens) {
  offerings::Terms terms;
  terms.token.name = "Tales";
  terms.token.symbol = "TALE";
  terms.token.total_supply = eth::kEther * U256(1'000);
  terms.token.epoch_length = kDay;
  terms.token.claimable_bps = 8'000;
  terms.token.revenue_tokens = std::move(revenue_tokens);
  terms.sale.supply = eth::kEther * U256(600);
  terms.sale.floor_price = eth::kEther / U256(100);
  terms.sale.price_step = eth::kEther / U256(1'000);
  terms.sale.tick_count = 4;
  terms.sale.duration = kDay;
  terms.sale.min_raise = eth::kEther;
  terms.sale.min_bid = eth::kEther / U256(100);
  terms.vesting = {0, 30 * kDay};
  terms.treasury = {2'500, 30 * kDay};
  must(author.transact(deployment.offering_factory, offerings::create_offering(model_id, terms)));
  return must(client.call(deployment.offering_factory, offerings::offering_of(model_id)));
}

void TestWorld::join(const U256& model_id, std::uint64_t flat) {
  must(operator_wallet.transact(deployment.operator_registry,
                                operators::register_("http://127.0.0.1:8402"), eth::kEther));
  must(operator_wallet.transact(deployment.operator_registry,
                                operators::set_price(model_id, {flat, 0, 0, 0})));
}

std::uint64_t TestWorld::ask(const U256& model_id, const Question& question) {
  const auto now = must(client.block()).timestamp;
  oracle::Question wire;
  wire.model_id = model_id;
  wire.prompt_tokens = market::pack_tokens(question.prompt);
  wire.max_tokens = question.max_tokens;
  wire.operator_ = question.operator_address;
  wire.deadline = now + question.seconds;
  const auto receipt = must(asker.transact(deployment.oracle, oracle::ask(wire), question.fee));
  return *must(eth::find_event<oracle::events::Asked>(receipt, deployment.oracle))
              .request_id.to_u64();
}

std::uint64_t TestWorld::ask_text(const U256& model_id, std::string_view text) {
  const auto fee = must(client.call(deployment.oracle, oracle::estimate_fee(model_id, U256(0))));
  const auto bytes = as_bytes(text);
  const auto receipt = must(asker.transact(
      deployment.oracle,
      oracle::request_callback(model_id, Bytes(bytes.begin(), bytes.end()), Address{}, 0, {}),
      fee));
  return *must(eth::find_event<oracle::events::Asked>(receipt, deployment.oracle))
              .request_id.to_u64();
}

void TestWorld::rpc(const std::string& method, const std::string& params) {
  must(client.rpc().result({method, params}).map([](const auto&) {}));
}

void TestWorld::reorg(std::uint64_t depth) {
  rpc("anvil_reorg", "[" + std::to_string(depth) + ", []]");
  author.forget_nonce();
  operator_wallet.forget_nonce();
  asker.forget_nonce();
}

NodeConfig TestWorld::config(const std::filesystem::path& data) const {
  NodeConfig config;
  config.rpc_url = anvil.url();
  config.deployment = deployment;
  config.models = {{model_file(), "tales"}};
  config.data_directory = data;
  config.port = 0;
  config.poll_interval = std::chrono::milliseconds(30);
  return config;
}

}  // namespace imo::node::test
