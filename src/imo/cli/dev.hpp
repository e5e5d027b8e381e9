/// `imo dev`: a chain of one's own with everything on it, until Ctrl-C.
#pragma once

#include "imo/base/child_process.hpp"
#include "imo/base/result.hpp"
#include "imo/cli/report.hpp"
#include "imo/cli/session.hpp"
#include "imo/eth/anvil.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace imo::cli {

/// A development chain with our contracts on it.
struct DevChain {
  eth::Anvil anvil;
  std::shared_ptr<eth::Client> client;
  market::Deployment deployment;
  std::filesystem::path deployment_file;
  std::uint64_t gas_used = 0;
  unsigned contracts = 0;
};

/// Starts anvil on `port` (0: a free one), deploys from dev:0, and writes the deployment to `file`.
Result<DevChain> start_dev_chain(std::uint16_t port, const std::filesystem::path& file);

/// A node as a child process, as a user would start it: this program, `node run`.
class NodeProcess {
 public:
  struct Options {
    std::string rpc_url;
    std::filesystem::path deployment_file;
    std::filesystem::path model;
    std::filesystem::path directory;  ///< for the data, the keystore and the log
    std::uint16_t port = 0;
  };
  /// Seals `key` into a keystore in the directory, starts the node and waits until it is ready.
  static Result<NodeProcess> start(const Options& options, const crypto::SecretKey& key);

  [[nodiscard]] const std::string& url() const { return url_; }
  /// The end of its log, for whoever has to find out why something failed.
  [[nodiscard]] std::string last_words() const;
  /// SIGTERM, and waits until it has drained.
  void stop() { child_.terminate(std::chrono::seconds(10)); }

 private:
  NodeProcess(ChildProcess child, std::string url, std::filesystem::path log_file)
      : child_(std::move(child)), url_(std::move(url)), log_file_(std::move(log_file)) {}

  ChildProcess child_;
  std::string url_;
  std::filesystem::path log_file_;
};

struct DevOptions {
  std::uint16_t port = 8545;       ///< of the chain
  std::uint16_t node_port = 8402;  ///< of the node and the page
  std::filesystem::path model;     ///< empty: the demo model inside this program
};

/// Chain, contracts, an open offering of the model by dev:0, and a node with operator dev:9.
/// Returns when it is told to stop by a signal.
Result<void> dev(const GlobalOptions& global, const DevOptions& options);

/// Moves the clock of a development chain.
Result<Report> dev_pass_time(const GlobalOptions& global, std::uint64_t seconds);

}  // namespace imo::cli
