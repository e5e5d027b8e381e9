#include "imo/cli/node.hpp"

#include "imo/api/server.hpp"
#include "imo/base/large_vector.hpp"
#include "imo/base/paths.hpp"
#include "imo/cli/account.hpp"
#include "imo/eth/address.hpp"

#include <iostream>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace imo::cli {

namespace {

/// The configuration when there is no file: the global options say which chain and contracts.
Result<node::NodeConfig> config_from_flags(const GlobalOptions& global) {
  IMO_TRY(const auto client, connect(global.rpc_url));
  IMO_TRY(const std::uint64_t chain_id, client->chain_id());
  auto path = global.deployment;
  if (path.empty()) {
    IMO_TRY(path, deployment_path(chain_id));
  }
  node::NodeConfig config;
  config.rpc_url = global.rpc_url;
  IMO_TRY(config.deployment, market::Deployment::load(path));
  return config;
}

Result<node::NodeConfig> config_of(const GlobalOptions& global, const NodeRunOptions& options) {
  auto config =
      options.config.empty() ? config_from_flags(global) : node::NodeConfig::load(options.config);
  if (!config) return config;
  for (const auto& model : options.models) config->models.push_back({model, ""});
  if (!options.data_directory.empty()) config->data_directory = options.data_directory;
  if (!options.listen_address.empty()) config->listen_address = options.listen_address;
  if (options.port) config->port = *options.port;
  if (config->models.empty()) {
    return invalid(
        "the node has no model to serve: give --model FILE or [[model]] in the "
        "configuration");
  }
  if (config->data_directory.empty()) {
    IMO_TRY(const Directories kept, directories());
    config->data_directory = kept.data / "node" / std::to_string(config->deployment.chain_id);
  }
  return config;
}

/// The operator's key: --account wins, else what the configuration file names.
Result<crypto::SecretKey> key_of(const GlobalOptions& global, const node::NodeConfig& config) {
  if (!global.account.empty() || config.keystore.empty()) {
    return open_account(global.account, global.password_file, config.deployment.chain_id);
  }
  return open_account(config.keystore.string(), config.password_file, config.deployment.chain_id);
}

void announce(const node::Node& node, const api::Server& server, bool json) {
  const auto status = node.status();
  const std::string operator_text = eth::to_checksum(status.operator_address);
  if (json) {
    const nlohmann::ordered_json line = {
        {"url", server.url()}, {"operator", operator_text}, {"chain_id", status.chain_id}};
    std::cout << line.dump() << std::endl;
    return;
  }
  std::cout << fmt::format("serving {} as operator {}\n", server.url(), operator_text)
            << std::flush;
}

}  // namespace

Result<void> node_run(const GlobalOptions& global, const NodeRunOptions& options) {
  IMO_TRY(node::NodeConfig config, config_of(global, options));
  IMO_TRY(crypto::SecretKey key, key_of(global, config));
  if (config.proofs.enabled) keep_freed_memory();  // until a proof is done
  return api::serve_until_signal(
      std::move(config), std::move(key),
      [&](node::Node& node, api::Server& server) { announce(node, server, global.json); });
}

}  // namespace imo::cli
