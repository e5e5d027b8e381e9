/// The node: one process that follows the chain, answers what is asked there, and holds what the
/// HTTP door needs. Everything runs on threads of its own; the calls here do not block on them.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/base/u256.hpp"
#include "imo/crypto/secp256k1.hpp"
#include "imo/node/config.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace imo::eth {
class Client;
}

namespace imo::node {

class AnswerService;
class Cashier;
class ModelShelf;
class ProofService;
class ProofStore;
class ReceiptIssuer;
class RequestIndex;

/// A picture of the node at one moment.
struct NodeStatus {
  Address operator_address;
  U256 balance_wei;  ///< pays for gas and bonds
  std::uint64_t chain_id = 0;
  std::uint64_t head_block = 0;                   ///< the newest block seen
  std::uint64_t followed_block = 0;               ///< every log up to here is in the store
  std::uint64_t answers_waiting = 0;              ///< in the queue, not yet running
  std::map<std::string, std::uint64_t> requests;  ///< how many on-chain requests, by state
  bool ready = false;                             ///< models loaded, chain followed to its head
  bool draining = false;
  std::string problem;  ///< the last fault of the chain side, empty when none
};

class Node {
 public:
  /// Loads the models, opens the store, checks the chain, starts following. `key` signs answers
  /// and receipts. Fails when a model file, the data directory or the deployment is wrong; a
  /// chain that stops answering later is a problem in status(), not an end.
  static Result<std::unique_ptr<Node>> start(NodeConfig config, crypto::SecretKey key);

  /// The same with the key that the configuration's keystore and password file hold.
  static Result<std::unique_ptr<Node>> start(NodeConfig config);

  /// Stops at once; what was under way is resumed by the next start on the same directory.
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Takes no new work and waits until what runs is done and stored, at most `limit`.
  /// True when everything was done in time.
  bool drain(std::chrono::milliseconds limit);

  [[nodiscard]] NodeStatus status() const;
  [[nodiscard]] const NodeConfig& config() const;
  [[nodiscard]] AnswerService& answers();
  [[nodiscard]] const ModelShelf& models() const;
  [[nodiscard]] ReceiptIssuer& receipts();
  [[nodiscard]] Cashier& cashier();
  /// Null where the configuration has no proofs.
  [[nodiscard]] ProofService* proofs();
  [[nodiscard]] ProofStore& proof_store();
  /// Models and requests as the followed logs tell them; safe from any thread.
  [[nodiscard]] RequestIndex& requests();
  /// A client of the node's chain for reads by the HTTP door; safe from any thread.
  [[nodiscard]] eth::Client& chain();

 private:
  struct Parts;
  explicit Node(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

/// The key in the configuration's keystore, opened with the first line of its password file.
Result<crypto::SecretKey> operator_key(const NodeConfig& config);

}  // namespace imo::node
