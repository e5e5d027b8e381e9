/// JSON-RPC 2.0 over HTTP. Transport, the reading of replies, and retries are apart, so that each
/// can be tested by itself and the reading be fuzzed. Only .cpp files that need a method which
/// Client lacks include this.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace imo::eth {

/// What an HTTP server answered.
struct HttpReply {
  int status = 0;
  std::string body;
};

/// Why there is no answer.
struct TransportError {
  Error error;
  /// The request cannot have reached the peer, so that sending it again is safe whatever it says.
  bool never_sent = false;
};

/// Carries one request body to a peer and its answer back. Safe to share between threads.
class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;
  virtual tl::expected<HttpReply, TransportError> post(const std::string& body) = 0;
  /// For messages; carries no credentials.
  [[nodiscard]] virtual std::string peer() const = 0;
};

struct HttpOptions {
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds timeout{30'000};
  /// Longer answers are refused as soon as they pass this.
  std::size_t max_reply_bytes = std::size_t{64} << 20;
  std::vector<std::string> headers{};  ///< `Name: value`, besides the content's type
};

/// libcurl, with connections kept open. Follows no redirects; http and https only.
Result<std::unique_ptr<Transport>> make_http_transport(std::string url, HttpOptions options = {});

/// One method with its parameters as JSON text (an array).
struct RpcRequest {
  std::string method;
  std::string params = "[]";
};

/// The peer's own refusal.
struct RpcError {
  std::int64_t code = 0;
  std::string message;
  /// What came in `data` when that is hexadecimal: the revert data of an execution.
  std::optional<Bytes> data;
};

/// The `result` of a reply, or its `error`.
using RpcOutcome = tl::expected<nlohmann::json, RpcError>;

/// The request text of `requests`, numbered from `first_id`; a batch unless it is one.
std::string write_requests(const std::vector<RpcRequest>& requests, std::uint64_t first_id);

/// Reads the answer to `count` requests numbered from `first_id`, in the order of the requests
/// whatever that of the replies. Every deviation is one error: text that is not JSON, missing,
/// doubled or unknown ids, neither or both of result and error, a single error for a whole batch.
Result<std::vector<RpcOutcome>> read_replies(std::string_view text, std::uint64_t first_id,
                                             std::size_t count);

struct RetryOptions {
  int attempts = 4;                            ///< in all
  std::chrono::milliseconds first_pause{200};  ///< doubled each time
};

/// Sends requests and sorts the answers. Safe to share between threads.
class JsonRpc {
 public:
  explicit JsonRpc(std::unique_ptr<Transport> transport, RetryOptions retry = {});
  JsonRpc(JsonRpc&&) noexcept;
  JsonRpc& operator=(JsonRpc&&) noexcept;
  ~JsonRpc();

  /// One request. Fails with the transport or with nonsense; the peer's refusal is an outcome.
  Result<RpcOutcome> request(const RpcRequest& request);
  /// Many requests in few HTTP exchanges, answers in order.
  Result<std::vector<RpcOutcome>> batch(const std::vector<RpcRequest>& requests);
  /// As request, but the peer's refusal is a failure too.
  Result<nlohmann::json> result(const RpcRequest& request);

  [[nodiscard]] std::string peer() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace imo::eth
