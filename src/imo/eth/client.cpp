#include "imo/eth/client.hpp"

#include "imo/base/hex.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/eth/client_json.hpp"
#include "imo/eth/json_rpc.hpp"

#include <algorithm>
#include <thread>

#include <nlohmann/json.hpp>

namespace imo::eth {
namespace {

using nlohmann::json;

/// geth's code for a revert; other nodes say so in words, or by sending data.
constexpr std::int64_t kRevertCode = 3;

/// Far above any block's limit; what is above it is no estimate.
constexpr std::uint64_t kMostGas = 1'000'000'000'000;

bool is_revert(const RpcError& error) {
  return error.code == kRevertCode || error.data ||
         error.message.find("revert") != std::string::npos;
}

std::string quoted(BytesView bytes) {
  return '"' + to_hex(bytes) + '"';
}

std::string quoted(const BlockTag& tag) {
  return '"' + tag.text() + '"';
}

Result<void> check_log(const Log& log, const LogFilter& filter) {
  const bool in_range =
      log.block_number >= filter.from_block && log.block_number <= filter.to_block;
  const bool asked = filter.addresses.empty() ||
                     std::find(filter.addresses.begin(), filter.addresses.end(), log.address) !=
                         filter.addresses.end();
  if (!in_range || !asked) return fail(ErrorKind::kNetwork, "the reply has logs never asked for");
  return {};
}

}  // namespace

struct Client::State {
  std::unique_ptr<JsonRpc> rpc;
  ClientOptions options;
  ErrorRegistry errors;

  /// The result of `method`, read by `reader`.
  template <typename T>
  Result<T> ask(const char* method, const std::string& params, Result<T> (*reader)(const json&)) {
    IMO_TRY(const json result, rpc->result({method, "[" + params + "]"}));
    auto value = reader(result);
    if (!value) return tl::unexpected(value.error().within(rpc->peer() + " " + method));
    return value;
  }

  /// As ask, for a question whose answer may be null.
  template <typename T>
  Result<std::optional<T>> ask_optional(const char* method, const std::string& params,
                                        Result<T> (*reader)(const json&)) {
    IMO_TRY(const json result, rpc->result({method, "[" + params + "]"}));
    if (result.is_null()) return std::optional<T>();
    auto value = reader(result);
    if (!value) return tl::unexpected(value.error().within(rpc->peer() + " " + method));
    return std::optional<T>(std::move(*value));
  }

  Error reverted(BytesView data) const {
    return {ErrorKind::kRejected, "execution reverted: " + errors.describe(data)};
  }

  Error refused(const RpcError& error) const {
    if (is_revert(error)) return reverted(error.data.value_or(Bytes{}));
    return {ErrorKind::kRejected, rpc->peer() + ": " + error.message};
  }

  Result<Hash32> send_raw(BytesView transaction) {
    IMO_TRY(const RpcOutcome outcome,
            rpc->request({"eth_sendRawTransaction", "[" + quoted(transaction) + "]"}));
    if (!outcome) return tl::unexpected(refused(outcome.error()));
    return read_hash(*outcome);
  }

  /// The logs of one piece; an outcome, because a peer may find the piece too long.
  Result<RpcOutcome> logs_piece(const LogFilter& filter, std::uint64_t from, std::uint64_t to) {
    return rpc->request({"eth_getLogs", "[" + write_filter(filter, from, to) + "]"});
  }
};

Result<Client> Client::connect(std::string url, ClientOptions options) {
  HttpOptions http;
  http.connect_timeout = options.connect_timeout;
  http.timeout = options.timeout;
  IMO_TRY(auto transport, make_http_transport(std::move(url), http));
  RetryOptions retry;
  retry.attempts = options.attempts;
  Client client(std::make_unique<JsonRpc>(std::move(transport), retry), options);
  IMO_TRY_VOID(client.chain_id());
  return client;
}

Client::Client(std::unique_ptr<JsonRpc> rpc, ClientOptions options)
    : state_(std::make_unique<State>()) {
  state_->rpc = std::move(rpc);
  state_->options = options;
}

Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

ErrorRegistry& Client::errors() {
  return state_->errors;
}
const ErrorRegistry& Client::errors() const {
  return state_->errors;
}
JsonRpc& Client::rpc() {
  return *state_->rpc;
}
const ClientOptions& Client::options() const {
  return state_->options;
}

Result<std::uint64_t> Client::chain_id() {
  return state_->ask("eth_chainId", "", &read_u64);
}

Result<std::uint64_t> Client::block_number() {
  return state_->ask("eth_blockNumber", "", &read_u64);
}

Result<Block> Client::block(const BlockTag& tag) {
  IMO_TRY(std::optional<Block> block,
          state_->ask_optional("eth_getBlockByNumber", quoted(tag) + ",false", &read_block));
  if (!block) return fail(ErrorKind::kNotFound, "the chain has no block " + tag.text());
  return std::move(*block);
}

Result<U256> Client::balance(const Address& account, const BlockTag& at) {
  return state_->ask("eth_getBalance", quoted(account) + "," + quoted(at), &read_quantity);
}

Result<Bytes> Client::code(const Address& account, const BlockTag& at) {
  return state_->ask("eth_getCode", quoted(account) + "," + quoted(at), &read_data);
}

Result<Hash32> Client::storage(const Address& account, const U256& slot, const BlockTag& at) {
  return state_->ask("eth_getStorageAt",
                     quoted(account) + ",\"" + slot.to_quantity() + "\"," + quoted(at), &read_hash);
}

Result<std::uint64_t> Client::nonce(const Address& account, const BlockTag& at) {
  return state_->ask("eth_getTransactionCount", quoted(account) + "," + quoted(at), &read_u64);
}

Result<std::optional<TxInfo>> Client::transaction(const Hash32& hash) {
  return state_->ask_optional("eth_getTransactionByHash", quoted(hash), &read_transaction);
}

Result<CallOutcome> Client::try_call(const CallRequest& request, const BlockTag& at) {
  IMO_TRY(const RpcOutcome outcome,
          state_->rpc->request({"eth_call", "[" + write_call(request) + "," + quoted(at) + "]"}));
  if (!outcome) {
    if (!is_revert(outcome.error())) return tl::unexpected(state_->refused(outcome.error()));
    return CallOutcome{true, outcome.error().data.value_or(Bytes{})};
  }
  IMO_TRY(Bytes data, read_data(*outcome));
  return CallOutcome{false, std::move(data)};
}

Result<Bytes> Client::call_raw(const CallRequest& request, const BlockTag& at) {
  IMO_TRY(CallOutcome outcome, try_call(request, at));
  if (outcome.reverted) return tl::unexpected(state_->reverted(outcome.data));
  return std::move(outcome.data);
}

Result<Bytes> Client::call_bytes(const Address& contract, const char* name,
                                 const Result<Bytes>& data, const CallOptions& options) {
  if (!data) return tl::unexpected(data.error().within(name));
  auto returned =
      call_raw({options.from, contract, options.value, *data, std::nullopt}, options.block);
  if (!returned) return tl::unexpected(returned.error().within(name));
  if (returned->empty()) {
    // Calls of accounts without code succeed with nothing, which no function with results returns.
    IMO_TRY(const Bytes code, this->code(contract, options.block));
    if (code.empty()) {
      return fail(ErrorKind::kNotFound,
                  std::string(name) + ": there is no contract at " + to_hex(contract));
    }
  }
  return returned;
}

Result<std::vector<Bytes>> Client::call_batch(const std::vector<CallRequest>& requests,
                                              const BlockTag& at) {
  std::vector<RpcRequest> batch;
  batch.reserve(requests.size());
  for (const CallRequest& request : requests) {
    batch.push_back({"eth_call", "[" + write_call(request) + "," + quoted(at) + "]"});
  }
  IMO_TRY(const std::vector<RpcOutcome> outcomes, state_->rpc->batch(batch));
  std::vector<Bytes> replies;
  replies.reserve(outcomes.size());
  for (const RpcOutcome& outcome : outcomes) {
    if (!outcome) return tl::unexpected(state_->refused(outcome.error()));
    IMO_TRY(Bytes data, read_data(*outcome));
    replies.push_back(std::move(data));
  }
  return replies;
}

Result<std::uint64_t> Client::estimate_gas(const CallRequest& request) {
  IMO_TRY(const RpcOutcome outcome,
          state_->rpc->request({"eth_estimateGas", "[" + write_call(request) + ",\"pending\"]"}));
  if (!outcome) return tl::unexpected(state_->refused(outcome.error()));
  IMO_TRY(const std::uint64_t gas, read_u64(*outcome));
  if (gas > kMostGas)
    return fail(ErrorKind::kNetwork, "eth_estimateGas: more gas than blocks have");
  return gas;
}

Result<Fees> Client::fees() {
  return state_->ask("eth_feeHistory", R"("0x5","latest",[50])", &read_fee_history);
}

Result<std::vector<Log>> Client::logs(const LogFilter& filter) {
  std::vector<Log> logs;
  std::uint64_t piece = std::max<std::uint64_t>(1, state_->options.log_range);
  for (std::uint64_t from = filter.from_block; from <= filter.to_block;) {
    const std::uint64_t to = from + std::min(piece - 1, filter.to_block - from);
    IMO_TRY(const RpcOutcome outcome, state_->logs_piece(filter, from, to));
    if (!outcome) {
      // Limits and their wording differ from peer to peer; a shorter piece may pass.
      if (from == to) return tl::unexpected(state_->refused(outcome.error()));
      piece = (to - from + 1) / 2;
      continue;
    }
    if (!outcome->is_array()) return fail(ErrorKind::kNetwork, "eth_getLogs: no array of logs");
    for (const json& member : *outcome) {
      IMO_TRY(Log log, read_log(member));
      IMO_TRY_VOID(check_log(log, filter));
      logs.push_back(std::move(log));
    }
    if (to == filter.to_block) break;  // to + 1 may not exist
    from = to + 1;
  }
  return logs;
}

Result<std::optional<TxReceipt>> Client::receipt(const Hash32& transaction) {
  IMO_TRY(auto receipt,
          state_->ask_optional("eth_getTransactionReceipt", quoted(transaction), &read_receipt));
  if (receipt && receipt->transaction_hash != transaction) {
    return fail(ErrorKind::kNetwork,
                "eth_getTransactionReceipt: the receipt of another "
                "transaction came back");
  }
  return receipt;
}

Result<TxReceipt> Client::wait_receipt(const Hash32& transaction,
                                       std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (true) {
    IMO_TRY(auto receipt, this->receipt(transaction));
    if (receipt) return std::move(*receipt);
    if (std::chrono::steady_clock::now() >= deadline) {
      return fail(ErrorKind::kTimeout,
                  "transaction " + to_hex(transaction) + " is not mined after " +
                      std::to_string(patience.count() / 1000) + " s; it may still be");
    }
    std::this_thread::sleep_for(state_->options.poll_interval);
  }
}

Result<Hash32> Client::send_raw(BytesView signed_transaction) {
  const Hash32 hash = crypto::keccak256(signed_transaction);
  auto named = state_->send_raw(signed_transaction);
  if (!named) {
    // The peer may have it all the same: its answer got lost, or a repeated request met the first.
    const auto there = transaction(hash);
    if (there && *there) return hash;
    return tl::unexpected(std::move(named).error());
  }
  if (*named != hash) {
    return fail(ErrorKind::kNetwork, "eth_sendRawTransaction: the peer names another hash");
  }
  return hash;
}

}  // namespace imo::eth
