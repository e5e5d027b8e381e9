/// A chain of its own with all contracts on it, and people with keys: for tests.
#pragma once

#include "imo/base/file.hpp"
#include "imo/eth/anvil.hpp"
#include "imo/eth/client.hpp"
#include "imo/eth/json_rpc.hpp"
#include "imo/eth/wallet.hpp"
#include "imo/market/abi/OfferingFactory.hpp"
#include "imo/market/deployment.hpp"
#include "imo/node/config.hpp"
#include "imo/node/model_shelf.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace imo::node::test {

/// With the anvil that this checkout has.
eth::AnvilOptions anvil_options();

/// The value, or the end of the test with the error's message.
template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// A GGUF file to serve: stories260K where the shared data is, else the repository's own model.
std::filesystem::path model_file();

/// model_file() compiled, once per process.
const ModelShelf& test_models();

/// Waits until `ready` says so; false after `limit`.
bool eventually(const std::function<bool()>& ready,
                std::chrono::milliseconds limit = std::chrono::seconds(60));

class TestWorld {
 public:
  /// Seconds an answer can be disputed.
  static constexpr std::uint64_t kWindow = 600;

  TestWorld();

  /// Registers a model with the limits of `model`; its id.
  U256 register_model(const engine::Model& model);
  U256 register_root(const Hash32& root);
  /// Offers a model's shares, which pay out ETH and these tokens.
  market::abi::offering_factory::Offering offer(const U256& model_id,
                                                std::vector<Address> revenue_tokens = {});
  /// Registers the operator with a deposit and posts a price of `flat` wei an answer.
  void join(const U256& model_id, std::uint64_t flat);

  struct Question {
    std::vector<std::uint32_t> prompt;
    std::uint32_t max_tokens = 8;
    U256 fee{1'000'000};
    Address operator_address;  ///< zero: any
    std::uint64_t seconds = 3600;
  };
  /// Asks with packed tokens; the request's number.
  std::uint64_t ask(const U256& model_id, const Question& question);
  /// Asks with text, at the price that the oracle estimates.
  std::uint64_t ask_text(const U256& model_id, std::string_view text);

  /// `anvil_reorg`: the last `depth` blocks are replaced by empty ones.
  void reorg(std::uint64_t depth);
  /// Any other method of the chain's RPC with these parameters (JSON text).
  void rpc(const std::string& method, const std::string& params);

  [[nodiscard]] NodeConfig config(const std::filesystem::path& data) const;

  eth::Anvil anvil;
  eth::Client client;
  eth::AnvilControl control;
  eth::Wallet author;
  eth::Wallet operator_wallet;
  eth::Wallet asker;
  market::Deployment deployment;
  TemporaryDirectory directory;
};

}  // namespace imo::node::test
