#include "imo/cli/session.hpp"

#include "imo/base/paths.hpp"
#include "imo/cli/account.hpp"
#include "imo/market/contracts.hpp"

#include <fmt/core.h>

namespace imo::cli {

Result<std::filesystem::path> deployment_path(std::uint64_t chain_id) {
  IMO_TRY(const Directories kept, directories());
  return kept.data / "deployments" / (std::to_string(chain_id) + ".json");
}

Result<std::shared_ptr<eth::Client>> connect(const std::string& rpc_url) {
  IMO_TRY(eth::Client client, eth::Client::connect(rpc_url));
  market::add_errors(client.errors());
  return std::make_shared<eth::Client>(std::move(client));
}

Session::Session(std::shared_ptr<eth::Client> client, market::Deployment deployment,
                 crypto::SecretKey key)
    : client_(std::move(client)),
      deployment_(deployment),
      wallet_(std::in_place, *client_, std::move(key)) {}

Session::Session(std::shared_ptr<eth::Client> client, market::Deployment deployment,
                 GlobalOptions options)
    : client_(std::move(client)), deployment_(deployment), options_(std::move(options)) {}

Result<Session> Session::open(const GlobalOptions& options) {
  IMO_TRY(auto client, connect(options.rpc_url));
  IMO_TRY(const std::uint64_t chain_id, client->chain_id());
  std::filesystem::path path = options.deployment;
  if (path.empty()) {
    IMO_TRY(path, deployment_path(chain_id));
    if (!std::filesystem::exists(path)) {
      return fail(ErrorKind::kNotFound,
                  fmt::format("no contracts of imo are known on chain {}; name them with "
                              "--deployment FILE, or start a chain of your own with `imo dev`",
                              chain_id));
    }
  }
  IMO_TRY(const market::Deployment deployment, market::Deployment::load(path));
  if (deployment.chain_id != chain_id) {
    return invalid(fmt::format("{} is about chain {}, but {} is chain {}", path.string(),
                               deployment.chain_id, options.rpc_url, chain_id));
  }
  IMO_TRY(const Bytes code, client->code(deployment.offering_factory));
  if (code.empty()) {
    return invalid(
        fmt::format("{} names contracts that are not on the chain at {}; was the "
                    "development chain restarted? `imo dev` writes a new file",
                    path.string(), options.rpc_url));
  }
  return Session(std::move(client), deployment, options);
}

Result<eth::Wallet*> Session::wallet() {
  if (!wallet_) {
    IMO_TRY(crypto::SecretKey key,
            open_account(options_.account, options_.password_file, deployment_.chain_id));
    wallet_.emplace(*client_, std::move(key));
  }
  return &*wallet_;
}

Result<Address> Session::deploy(const Result<Bytes>& init_code) {
  IMO_TRY(eth::Wallet * payer, wallet());
  IMO_TRY(const eth::Deployment made, payer->deploy(init_code));
  record(made.receipt);
  return made.address;
}

void Session::record(const eth::TxReceipt& receipt) {
  gas_used_ += receipt.gas_used;
  fees_paid_ += receipt.fee();
}

Result<std::uint64_t> Session::chain_time() {
  IMO_TRY(const eth::Block block, client_->block());
  return block.timestamp;
}

}  // namespace imo::cli
