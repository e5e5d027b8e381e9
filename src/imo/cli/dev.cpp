#include "imo/cli/dev.hpp"

#include "imo/base/file.hpp"
#include "imo/base/hex.hpp"
#include "imo/base/paths.hpp"
#include "imo/cli/account.hpp"
#include "imo/cli/arguments.hpp"
#include "imo/cli/model.hpp"
#include "imo/cli/offering.hpp"
#include "imo/cli/operator.hpp"
#include "imo/crypto/keystore.hpp"
#include "imo/crypto/random.hpp"
#include "imo/eth/address.hpp"
#include "imo/eth/units.hpp"
#include "imo/market/abi/DemoDollar.hpp"
#include "imo/market/deploy.hpp"

#include <csignal>
#include <iostream>
#include <sstream>
#include <thread>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace imo::cli {

namespace {

constexpr std::size_t kAuthor = 0;
constexpr std::size_t kOperator = 9;

/// scrypt at its cheapest: these keys are thrown away, or everybody's.
constexpr crypto::ScryptParameters kDevScrypt{.n = 2, .r = 8, .p = 1};

/// The offering that `imo dev` opens: small prices, a day to bid.
OfferingCreateOptions dev_offering(const std::filesystem::path& model, const Address& dollar) {
  OfferingCreateOptions offering;
  offering.model = model;
  offering.licence = "apache-2.0";
  offering.name = "Demo Model";
  offering.symbol = "DEMO";
  offering.total_supply = U256(1'000'000) * eth::kEther;
  offering.for_sale = U256(600'000) * eth::kEther;
  offering.floor_price = U256(10'000) * eth::kGwei;
  offering.price_step = U256(1'000) * eth::kGwei;
  offering.ticks = 64;
  offering.min_raise = U256(5) * eth::kEther;
  offering.min_bid = eth::kEther / U256(100);
  offering.revenue_tokens = {dollar};
  return offering;
}

/// The address of the play dollar that the shares pay out besides ETH.
Result<Address> open_dev_market(const DevChain& chain, const std::filesystem::path& model) {
  Session author(chain.client, chain.deployment, eth::anvil_key(kAuthor));
  IMO_TRY(const Address dollar, author.deploy(market::abi::demo_dollar::deploy_data()));
  IMO_TRY_VOID(offering_create(author, dev_offering(model, dollar)));
  Session operating(chain.client, chain.deployment, eth::anvil_key(kOperator));
  IMO_TRY_VOID(operator_join(operating, {U256(10) * eth::kEther, ""}));
  OperatorPriceOptions price;
  price.flat = 1'000'000'000'000'000ULL;           // 0.001 ETH
  price.per_output_token = 10'000'000'000'000ULL;  // 0.00001 ETH
  IMO_TRY_VOID(operator_price(operating, price));
  return dollar;
}

/// Blocks SIGINT and SIGTERM in this thread and all it starts, so that stop_signal can wait.
sigset_t block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

/// The URL that a starting node announces in its log; the log's end when it gives up.
Result<std::string> wait_until_ready(ChildProcess& child, const std::filesystem::path& log_file) {
  constexpr std::size_t kMaxLog = 1 << 20;
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (true) {
    const bool ended = !child.running();
    IMO_TRY(const std::string log, read_text_file(log_file, kMaxLog));
    std::istringstream lines(log);
    std::string last;
    for (std::string line; std::getline(lines, line); last = line) {
      const auto ready = nlohmann::json::parse(line, nullptr, false);
      if (ready.is_object() && ready.contains("url")) return ready["url"].get<std::string>();
    }
    if (ended || std::chrono::steady_clock::now() >= give_up) {
      return fail(ErrorKind::kNotFound, "the node did not become ready: " + last);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace

Result<DevChain> start_dev_chain(std::uint16_t port, const std::filesystem::path& file) {
  eth::AnvilOptions options;
  options.port = port;
  IMO_TRY(eth::Anvil anvil, eth::Anvil::start(options));
  IMO_TRY(auto client, connect(anvil.url()));
  eth::Wallet deployer(*client, eth::anvil_key(0));
  IMO_TRY(const market::Deployed made, market::deploy(deployer));
  IMO_TRY_VOID(make_directories(file.parent_path()));
  IMO_TRY_VOID(made.deployment.save(file));
  return DevChain{std::move(anvil), std::move(client), made.deployment, file,
                  made.gas_used,    made.contracts};
}

Result<NodeProcess> NodeProcess::start(const Options& options, const crypto::SecretKey& key) {
  IMO_TRY_VOID(make_directories(options.directory, FileMode::kSecret));
  const auto keystore = options.directory / "operator.json";
  const auto password_file = options.directory / "operator.password";
  Hash32 password;
  crypto::fill_random(password.bytes);
  IMO_TRY(const std::string sealed, crypto::seal_keystore(key, to_hex(password), kDevScrypt));
  IMO_TRY_VOID(write_file_atomic(keystore, as_bytes(sealed), FileMode::kSecret));
  IMO_TRY_VOID(write_file_atomic(password_file, as_bytes(to_hex(password)), FileMode::kSecret));
  IMO_TRY(const auto program, executable_path());
  ChildOptions child_options;
  child_options.output = ChildOutput::kFile;
  child_options.log_file = options.directory / "node.log";
  IMO_TRY(
      ChildProcess child,
      ChildProcess::spawn(
          {program.string(), "--json", "--verbose", "--rpc-url", options.rpc_url, "--deployment",
           options.deployment_file.string(), "--account", keystore.string(), "--password-file",
           password_file.string(), "node", "run", "--model", options.model.string(), "--data",
           (options.directory / "data").string(), "--port", std::to_string(options.port)},
          child_options));
  IMO_TRY(std::string url, wait_until_ready(child, child_options.log_file));
  return NodeProcess(std::move(child), std::move(url), child_options.log_file);
}

std::string NodeProcess::last_words() const {
  constexpr std::size_t kMaxLog = 16 << 20;
  constexpr std::size_t kEnd = 2'000;
  const auto log = read_text_file(log_file_, kMaxLog);
  if (!log || log->size() <= kEnd) return log.value_or("");
  return log->substr(log->find('\n', log->size() - kEnd) + 1);
}

Result<void> dev(const GlobalOptions& global, const DevOptions& options) {
  const sigset_t signals = block_stop_signals();
  IMO_TRY(const TemporaryDirectory directory, TemporaryDirectory::create());
  IMO_TRY(const auto file, deployment_path(kDevChainId));
  IMO_TRY(const DevChain chain, start_dev_chain(options.port, file));
  auto model = options.model;
  if (model.empty()) {
    IMO_TRY(model, compile_demo_model(directory.path()));
  }
  IMO_TRY(const Address dollar, open_dev_market(chain, model));
  IMO_TRY(NodeProcess node, NodeProcess::start({chain.anvil.url(), chain.deployment_file, model,
                                                directory.path() / "node", options.node_port},
                                               eth::anvil_key(kOperator)));
  if (global.json) {
    const nlohmann::ordered_json ready = {{"rpc_url", chain.anvil.url()},
                                          {"node_url", node.url()},
                                          {"deployment", chain.deployment_file.string()},
                                          {"model", model.string()},
                                          {"dollar", eth::to_checksum(dollar)}};
    std::cout << ready.dump() << std::endl;
  } else {
    std::cout
        << fmt::format(
               "chain      {}  (id {}, accounts dev:0 to dev:9)\n"
               "contracts  {}\n"
               "node       {}  (page, OpenAI endpoint; operator dev:{})\n"
               "model      {}\n"
               "dollar     {}  (Demo Dollar 1, paid by signature; anybody may mint)\n\n"
               "An offering is open for a day. In another terminal:\n"
               "  imo offering status\n"
               "  imo bid --price '0.00002 ETH' --amount '12 ETH' --account dev:1\n"
               "  imo dev time 1d && imo settle --account dev:1 && imo claim --account dev:1\n"
               "  imo ask $'Question: Where does Mara keep the lamp?\\nAnswer:' --account dev:1\n\n"
               "Ctrl-C ends everything.\n",
               chain.anvil.url(), kDevChainId, chain.deployment_file.string(), node.url(),
               kOperator, model.string(), eth::to_checksum(dollar))
        << std::flush;
  }
  int signal = 0;
  sigwait(&signals, &signal);
  node.stop();
  return {};
}

Result<Report> dev_pass_time(const GlobalOptions& global, std::uint64_t seconds) {
  IMO_TRY(const auto client, connect(global.rpc_url));
  eth::AnvilControl control(*client);
  IMO_TRY_VOID(control.pass_time(std::chrono::seconds(seconds)));
  IMO_TRY(const eth::Block block, client->block());
  Report report;
  report.data = {{"timestamp", block.timestamp}};
  report.line("the chain's clock is at " + time_text(block.timestamp));
  return report;
}

}  // namespace imo::cli
