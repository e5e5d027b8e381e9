#include "imo/eth/json_rpc.hpp"

#include "imo/base/format.hpp"
#include "imo/base/hex.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include <nlohmann/json.hpp>

namespace imo::eth {
namespace {

using nlohmann::json;

constexpr std::size_t kMostMessage = 300;  // of a peer's text in ours
constexpr std::size_t kBatch = 100;        // requests in one HTTP exchange

/// The peer's text, fit for a terminal and of bearable length.
std::string clean(std::string_view text) {
  return printable(text.substr(0, kMostMessage));
}

tl::unexpected<Error> nonsense(const std::string& what) {
  return fail(ErrorKind::kNetwork, "the reply is no JSON-RPC: " + what);
}

RpcError read_error(const json& error) {
  RpcError out;
  if (const auto code = error.find("code"); code != error.end() && code->is_number_integer()) {
    out.code = code->get<std::int64_t>();
  }
  const auto message = error.find("message");
  out.message = message != error.end() && message->is_string()
                    ? clean(message->get_ref<const std::string&>())
                    : "error without a message";
  if (const auto data = error.find("data"); data != error.end() && data->is_string()) {
    const auto& text = data->get_ref<const std::string&>();
    if (auto bytes = from_hex(text); bytes && text.starts_with("0x")) out.data = std::move(*bytes);
  }
  return out;
}

Result<RpcOutcome> read_outcome(json& reply) {
  const auto error = reply.find("error");
  const auto result = reply.find("result");
  const bool has_error = error != reply.end() && !error->is_null();
  if (has_error && result != reply.end() && !result->is_null()) {
    return nonsense("it has both a result and an error");
  }
  if (has_error) {
    if (!error->is_object()) return nonsense("its error is no object");
    return RpcOutcome(tl::unexpected(read_error(*error)));
  }
  if (result == reply.end()) return nonsense("it has neither a result nor an error");
  return RpcOutcome(std::move(*result));
}

/// The position of the request that `reply` answers.
Result<std::size_t> read_index(const json& reply, std::uint64_t first_id, std::size_t count) {
  if (!reply.is_object()) return nonsense("it is no object");
  const auto id = reply.find("id");
  if (id == reply.end() || !id->is_number_unsigned()) return nonsense("its id is missing");
  const auto number = id->get<std::uint64_t>();
  if (number < first_id || number - first_id >= count) {
    return nonsense("its id " + std::to_string(number) + " was never asked");
  }
  return static_cast<std::size_t>(number - first_id);
}

/// A peer that could not read a request at all answers with the id null.
bool is_nameless_error(const json& reply) {
  return reply.is_object() && reply.contains("error") && reply["error"].is_object() &&
         (!reply.contains("id") || reply["id"].is_null());
}

Result<std::vector<RpcOutcome>> read_batch(json& replies, std::uint64_t first_id,
                                           std::size_t count) {
  std::vector<std::optional<RpcOutcome>> slots(count);
  for (json& reply : replies) {
    IMO_TRY(const std::size_t index, read_index(reply, first_id, count));
    if (slots[index]) return nonsense("an id is answered twice");
    IMO_TRY(slots[index], read_outcome(reply));
  }
  std::vector<RpcOutcome> outcomes;
  outcomes.reserve(count);
  for (auto& slot : slots) {
    if (!slot) return nonsense("a request of the batch is not answered");
    outcomes.push_back(std::move(*slot));
  }
  return outcomes;
}

/// Asking twice does no harm: reads, and a signed transaction, which has one hash however often
/// it is handed over. Polling a filter is not among them: each answer is given once.
bool is_repeatable(std::string_view method) {
  constexpr std::array<std::string_view, 8> kPrefixes = {
      "eth_get",      "eth_call",     "eth_estimateGas", "eth_chainId",
      "eth_gasPrice", "eth_blockNum", "eth_feeHistory",  "eth_sendRawTransaction"};
  if (method.starts_with("eth_getFilter")) return false;
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return method.starts_with(prefix); });
}

bool is_overload(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

}  // namespace

std::string write_requests(const std::vector<RpcRequest>& requests, std::uint64_t first_id) {
  std::string text;
  for (const RpcRequest& request : requests) {
    text += text.empty() ? "" : ",";
    text += R"({"jsonrpc":"2.0","id":)" + std::to_string(first_id++) + R"(,"method":")" +
            request.method + R"(","params":)" + request.params + "}";
  }
  return requests.size() == 1 ? text : "[" + text + "]";
}

Result<std::vector<RpcOutcome>> read_replies(std::string_view text, std::uint64_t first_id,
                                             std::size_t count) {
  json document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) {
    return nonsense("it is not JSON but '" + clean(text.substr(0, 80)) + "'");
  }
  if (is_nameless_error(document)) {
    const RpcError error = read_error(document["error"]);
    if (count != 1) return fail(ErrorKind::kNetwork, "the batch was refused: " + error.message);
    return std::vector<RpcOutcome>{tl::unexpected(error)};
  }
  if (count != 1) {
    if (!document.is_array()) return nonsense("it is no array, which a batch deserves");
    return read_batch(document, first_id, count);
  }
  IMO_TRY_VOID(read_index(document, first_id, count));
  IMO_TRY(RpcOutcome outcome, read_outcome(document));
  std::vector<RpcOutcome> outcomes;
  outcomes.push_back(std::move(outcome));
  return outcomes;
}

struct JsonRpc::State {
  std::unique_ptr<Transport> transport;
  RetryOptions retry;
  std::atomic<std::uint64_t> next_id{1};

  /// One exchange of at most kBatch requests, with the retries it may have.
  Result<std::vector<RpcOutcome>> exchange(const std::vector<RpcRequest>& requests) {
    const std::uint64_t first_id = next_id.fetch_add(requests.size());
    const std::string body = write_requests(requests, first_id);
    const bool repeatable = std::all_of(requests.begin(), requests.end(), [](const RpcRequest& r) {
      return is_repeatable(r.method);
    });
    auto pause = retry.first_pause;
    for (int attempt = 1;; ++attempt, pause *= 2) {
      auto reply = transport->post(body);
      const bool last = attempt >= retry.attempts;
      if (!last && should_repeat(reply, repeatable)) {
        std::this_thread::sleep_for(pause);
        continue;
      }
      auto outcomes = read(reply, first_id, requests.size());
      if (!outcomes) {
        return tl::unexpected(
            outcomes.error().within(transport->peer() + " " + requests.front().method));
      }
      return outcomes;
    }
  }

  static bool should_repeat(const tl::expected<HttpReply, TransportError>& reply, bool repeatable) {
    if (reply) return is_overload(reply->status) && (repeatable || reply->status == 429);
    if (reply.error().never_sent) return true;
    // A timeout has cost its patience already.
    return repeatable && reply.error().error.kind == ErrorKind::kNetwork;
  }

  static Result<std::vector<RpcOutcome>> read(const tl::expected<HttpReply, TransportError>& reply,
                                              std::uint64_t first_id, std::size_t count) {
    if (!reply) return tl::unexpected(reply.error().error);
    auto outcomes = read_replies(reply->body, first_id, count);
    // Some peers put a proper JSON-RPC error behind a bad status; others put a web page there.
    if (!outcomes && (reply->status < 200 || reply->status > 299)) {
      return fail(ErrorKind::kNetwork, "answered with HTTP status " +
                                           std::to_string(reply->status) +
                                           "; check the address and its key");
    }
    return outcomes;
  }
};

JsonRpc::JsonRpc(std::unique_ptr<Transport> transport, RetryOptions retry)
    : state_(std::make_unique<State>()) {
  state_->transport = std::move(transport);
  state_->retry = retry;
}

JsonRpc::JsonRpc(JsonRpc&&) noexcept = default;
JsonRpc& JsonRpc::operator=(JsonRpc&&) noexcept = default;
JsonRpc::~JsonRpc() = default;

Result<RpcOutcome> JsonRpc::request(const RpcRequest& request) {
  IMO_TRY(std::vector<RpcOutcome> outcomes, state_->exchange({request}));
  return std::move(outcomes.front());
}

Result<std::vector<RpcOutcome>> JsonRpc::batch(const std::vector<RpcRequest>& requests) {
  std::vector<RpcOutcome> outcomes;
  outcomes.reserve(requests.size());
  for (std::size_t start = 0; start < requests.size(); start += kBatch) {
    const std::size_t end = std::min(start + kBatch, requests.size());
    const auto first = requests.begin() + static_cast<std::ptrdiff_t>(start);
    const auto last = requests.begin() + static_cast<std::ptrdiff_t>(end);
    IMO_TRY(std::vector<RpcOutcome> piece, state_->exchange({first, last}));
    std::move(piece.begin(), piece.end(), std::back_inserter(outcomes));
  }
  return outcomes;
}

Result<nlohmann::json> JsonRpc::result(const RpcRequest& request) {
  IMO_TRY(RpcOutcome outcome, this->request(request));
  if (!outcome) {
    return fail(ErrorKind::kRejected, peer() + " " + request.method + ": " +
                                          outcome.error().message + " (code " +
                                          std::to_string(outcome.error().code) + ")");
  }
  return std::move(*outcome);
}

std::string JsonRpc::peer() const {
  return state_->transport->peer();
}

}  // namespace imo::eth
