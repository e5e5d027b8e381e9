/// What most commands need: a chain, the contracts on it, and a key that pays.
#pragma once

#include "imo/base/result.hpp"
#include "imo/crypto/secp256k1.hpp"
#include "imo/eth/client.hpp"
#include "imo/eth/wallet.hpp"
#include "imo/market/deployment.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace imo::cli {

/// Options that stand before or after any command, with their environment variables in app.cpp.
struct GlobalOptions {
  std::string rpc_url = "http://127.0.0.1:8545";
  std::filesystem::path deployment;     ///< empty: what is kept for the chain's id
  std::string account;                  ///< a keystore's name or path, or `dev:N` on a dev chain
  std::filesystem::path password_file;  ///< empty: asked for on the terminal
  bool json = false;
  bool verbose = false;
};

/// Where the deployment of a chain is kept: `<data>/deployments/<chain id>.json`.
Result<std::filesystem::path> deployment_path(std::uint64_t chain_id);

/// A connection with the contracts known and, when a command needs one, an account.
class Session {
 public:
  /// Connects and finds the deployment; the account is opened when it is first needed.
  static Result<Session> open(const GlobalOptions& options);
  /// Over a connection that exists, with a key at hand.
  Session(std::shared_ptr<eth::Client> client, market::Deployment deployment,
          crypto::SecretKey key);

  [[nodiscard]] eth::Client& client() const { return *client_; }
  [[nodiscard]] const market::Deployment& deployment() const { return deployment_; }

  /// The paying account; fails with the remedy when none was named or its password is wrong.
  Result<eth::Wallet*> wallet();

  /// Sends `call` from the account, waits, and adds to gas_used().
  template <typename R>
  Result<eth::TxReceipt> transact(const Address& to, const eth::Call<R>& call,
                                  const U256& value = {}) {
    IMO_TRY(eth::Wallet * payer, wallet());
    IMO_TRY(eth::TxReceipt receipt, payer->transact(to, call, value));
    record(receipt);
    return receipt;
  }

  /// Creates a contract from the account, waits, and adds to gas_used().
  Result<Address> deploy(const Result<Bytes>& init_code);

  /// Gas of everything this session sent.
  [[nodiscard]] std::uint64_t gas_used() const { return gas_used_; }
  /// What that gas cost, in wei.
  [[nodiscard]] const U256& fees_paid() const { return fees_paid_; }

  /// The time of the newest block, unix seconds: the only clock that the contracts know.
  Result<std::uint64_t> chain_time();

 private:
  Session(std::shared_ptr<eth::Client> client, market::Deployment deployment,
          GlobalOptions options);
  void record(const eth::TxReceipt& receipt);

  std::shared_ptr<eth::Client> client_;
  market::Deployment deployment_;
  GlobalOptions options_;
  std::optional<eth::Wallet> wallet_;
  std::uint64_t gas_used_ = 0;
  U256 fees_paid_;
};

/// Connects, and lets messages spell out every custom error of our contracts.
Result<std::shared_ptr<eth::Client>> connect(const std::string& rpc_url);

}  // namespace imo::cli
