/// What a node is told before it starts: from a TOML file, or filled in by a program.
#pragma once

#include "imo/base/result.hpp"
#include "imo/market/deployment.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace imo::node {

/// A model to serve: a compiled program (`.imo`) or a GGUF file, which is compiled at the start.
struct ModelFile {
  std::filesystem::path path;
  std::string name;  ///< what HTTP clients call it; empty: the file's name without its ending
};

/// Proofs that others may ask for.
struct ProofConfig {
  bool enabled = false;
  bool post = false;               ///< to the oracle, where who asks wants that; costs its gas
  bool prove_answers = false;      ///< every answer on the chain, and post the proof
  std::uint64_t memory_bytes = 0;  ///< a proof may take; 0: what the machine has
  std::uint32_t queue_limit = 16;  ///< proofs waiting; beyond it the node says busy
  std::uint32_t kept = 256;        ///< done ones that can still be fetched
  /// Prices in the smallest units of the token; a proof costs the sum.
  std::uint64_t price = 0;
  std::uint64_t price_per_second = 0;  ///< of the estimated time, begun seconds whole
  std::uint64_t price_of_posting = 0;  ///< for who wants it posted

  [[nodiscard]] bool has_price() const {
    return price != 0 || price_per_second != 0 || price_of_posting != 0;
  }
};

/// What an answer over HTTP costs, in the smallest units of the token; the sum.
struct AnswerPrice {
  std::uint64_t flat = 0;
  std::uint64_t per_token = 0;  ///< of the prompt, and of the most that the answer may have

  [[nodiscard]] bool is_free() const { return flat == 0 && per_token == 0; }
};

/// The token of all prices: one that can be paid by signature (EIP-3009).
struct PaymentAsset {
  Address address;
  std::string name;     ///< of its EIP-712 domain
  std::string version;  ///< the same
};

struct NodeConfig {
  std::string rpc_url = "http://127.0.0.1:8545";
  std::string public_rpc_url;  ///< what the page is told; empty: rpc_url, if it has no secret
  market::Deployment deployment;
  std::filesystem::path keystore;       ///< V3 JSON of the operator's key
  std::filesystem::path password_file;  ///< its first line opens the keystore
  std::vector<ModelFile> models;
  std::filesystem::path data_directory;  ///< made when absent; one node at a time
  std::string listen_address = "127.0.0.1";
  std::uint16_t port = 8402;        ///< 0: any free one, see api::Server::port
  std::uint64_t confirmations = 0;  ///< blocks behind the head at which a log is acted on
  std::chrono::milliseconds poll_interval{1000};
  std::uint32_t default_max_tokens = 128;  ///< for HTTP requests that name none
  std::uint32_t queue_limit = 64;          ///< answers waiting; beyond it the node says busy
  AnswerPrice answer_price;                ///< for who asks over HTTP
  PaymentAsset payment_asset;
  std::uint64_t split_from = 0;          ///< of the asset in a splitter; 0: others split it
  bool answer_requests = true;           ///< false: the HTTP door only, no bond at risk
  bool keep = true;                      ///< finalise and split what is due, for everybody's good
  bool watch = false;                    ///< check the answers of others
  bool watch_dry_run = true;             ///< say what is false; false: dispute it, with a bond
  std::filesystem::path watch_receipts;  ///< folder of receipts to check; empty: none
  ProofConfig proofs;

  /// Reads a file as below; paths in it are relative to the file. Errors name line and key.
  ///
  ///     rpc_url = "http://127.0.0.1:8545"
  ///     public_rpc_url = "https://rpc.example.org"
  ///     deployment = "deployment.json"
  ///     keystore = "operator.json"
  ///     password_file = "operator.password"
  ///     data_directory = "data"
  ///     [[model]]
  ///     path = "tales.imo"
  ///     name = "tales"
  ///     [http]
  ///     listen = "127.0.0.1"
  ///     port = 8402
  ///     default_max_tokens = 128
  ///     queue_limit = 64
  ///     price = 500
  ///     price_per_token = 20
  ///     [payment]
  ///     asset = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
  ///     asset_name = "USDC"
  ///     asset_version = "2"
  ///     split_from = 5000000
  ///     [chain]
  ///     confirmations = 2
  ///     poll_interval_ms = 1000
  ///     answer_requests = true
  ///     keep = true
  ///     [watch]
  ///     enabled = true
  ///     dry_run = false
  ///     receipts = "receipts"
  ///     [proofs]
  ///     enabled = true
  ///     post = true
  ///     prove_answers = false
  ///     memory_mb = 8192
  ///     queue_limit = 16
  ///     kept = 256
  ///     price = 0
  ///     price_per_second = 1000
  ///     price_of_posting = 250000
  static Result<NodeConfig> load(const std::filesystem::path& file);

  /// The same from text; `directory` is what relative paths start from.
  static Result<NodeConfig> parse(std::string_view toml, const std::filesystem::path& directory);
};

}  // namespace imo::node
