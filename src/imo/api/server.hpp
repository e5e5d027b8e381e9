/// The doors of a node: OpenAI's wire format, REST, metrics and the page, over HTTP/1.1.
#pragma once

#include "imo/base/result.hpp"
#include "imo/crypto/secp256k1.hpp"
#include "imo/node/config.hpp"
#include "imo/node/node.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace imo::api {

/// Serves one node until it is destroyed. The node must outlive it.
class Server {
 public:
  /// Listens where the node's configuration says; port 0 takes any free one.
  static Result<std::unique_ptr<Server>> start(node::Node& node);

  /// Closes every connection.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  /// `http://127.0.0.1:8402`, with the port that was taken.
  [[nodiscard]] std::string url() const;

  /// Accepts nothing new and waits until every open request is answered, at most `limit`.
  bool drain(std::chrono::milliseconds limit);

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

/// What `imo node run` does: starts a node and its doors, calls `on_ready` once both stand, then
/// serves until SIGINT or SIGTERM, drains for at most `drain_limit` and returns. A second signal
/// ends the draining. Must be called before other threads are started: it blocks the signals.
Result<void> serve_until_signal(node::NodeConfig config, crypto::SecretKey key,
                                const std::function<void(node::Node&, Server&)>& on_ready,
                                std::chrono::milliseconds drain_limit = std::chrono::seconds(30));

}  // namespace imo::api
