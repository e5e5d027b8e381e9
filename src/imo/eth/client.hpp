/// An Ethereum node, asked over JSON-RPC.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/base/u256.hpp"
#include "imo/eth/call.hpp"
#include "imo/eth/errors.hpp"
#include "imo/eth/types.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace imo::eth {

class JsonRpc;

struct ClientOptions {
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds timeout{30'000};
  int attempts = 4;
  /// How often wait() asks.
  std::chrono::milliseconds poll_interval{100};
  /// Blocks in one eth_getLogs; halved when the peer finds that too many.
  std::uint64_t log_range = 10'000;
};

/// How a call that changes nothing is made.
struct CallOptions {
  std::optional<Address> from{};
  U256 value{};
  BlockTag block = BlockTag::latest();
};

/// An event together with the log it came from.
template <typename E>
struct EventAt {
  E event;
  Log log;
};

/// Safe to share between threads once errors() is filled. Every failure names the peer and the
/// method; a revert is ErrorKind::kRejected with its reason in words.
class Client {
 public:
  /// Opens `url` and asks for the chain id, so that a wrong address fails here.
  static Result<Client> connect(std::string url, ClientOptions options = {});
  explicit Client(std::unique_ptr<JsonRpc> rpc, ClientOptions options = {});
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  /// Custom errors that messages spell out; fill it with what the bindings list.
  [[nodiscard]] ErrorRegistry& errors();
  [[nodiscard]] const ErrorRegistry& errors() const;
  /// For methods that this class lacks.
  [[nodiscard]] JsonRpc& rpc();
  [[nodiscard]] const ClientOptions& options() const;

  Result<std::uint64_t> chain_id();
  Result<std::uint64_t> block_number();
  /// kNotFound when there is no such block.
  Result<Block> block(const BlockTag& tag = BlockTag::latest());
  Result<U256> balance(const Address& account, const BlockTag& at = BlockTag::latest());
  /// Empty for an account without code.
  Result<Bytes> code(const Address& account, const BlockTag& at = BlockTag::latest());
  Result<Hash32> storage(const Address& account, const U256& slot,
                         const BlockTag& at = BlockTag::latest());
  /// How many transactions `account` has sent, waiting ones included unless `at` says otherwise.
  Result<std::uint64_t> nonce(const Address& account, const BlockTag& at = BlockTag::pending());
  Result<std::optional<TxInfo>> transaction(const Hash32& hash);

  /// Executes without sending; a revert is an outcome.
  Result<CallOutcome> try_call(const CallRequest& request, const BlockTag& at = BlockTag::latest());
  /// Executes without sending; a revert is a failure.
  Result<Bytes> call_raw(const CallRequest& request, const BlockTag& at = BlockTag::latest());
  /// Asks `contract` and reads the answer.
  template <typename R>
  Result<R> call(const Address& contract, const Call<R>& call, const CallOptions& options = {}) {
    auto returned = call_bytes(contract, call.name, call.data, options);
    if (!returned) return tl::unexpected(std::move(returned).error());
    return call.decode(*returned);
  }
  /// Asks `contract` many things of one kind in one exchange; fails when one of them does.
  template <typename R>
  Result<std::vector<R>> call_all(const Address& contract, const std::vector<Call<R>>& calls,
                                  const CallOptions& options = {}) {
    std::vector<CallRequest> requests;
    requests.reserve(calls.size());
    for (const Call<R>& call : calls) {
      if (!call.data) return tl::unexpected(call.data.error().within(call.name));
      requests.push_back({options.from, contract, options.value, *call.data, std::nullopt});
    }
    auto replies = call_batch(requests, options.block);
    if (!replies) return tl::unexpected(std::move(replies).error());
    std::vector<R> results;
    results.reserve(calls.size());
    for (std::size_t i = 0; i < calls.size(); ++i) {
      auto value = calls[i].decode((*replies)[i]);
      if (!value) return tl::unexpected(std::move(value).error());
      results.push_back(std::move(*value));
    }
    return results;
  }
  Result<std::vector<Bytes>> call_batch(const std::vector<CallRequest>& requests,
                                        const BlockTag& at = BlockTag::latest());

  /// The gas that the execution takes now; no margin.
  Result<std::uint64_t> estimate_gas(const CallRequest& request);
  /// Twice the next base fee plus the median tip of recent blocks: stays valid for six full blocks.
  Result<Fees> fees();

  /// All logs of the range in order, fetched in pieces.
  Result<std::vector<Log>> logs(const LogFilter& filter);
  /// Events of one kind that `contract` wrote in a range of blocks, both ends included.
  template <typename E>
  Result<std::vector<EventAt<E>>> events(const Address& contract, std::uint64_t from_block,
                                         std::uint64_t to_block) {
    auto found = logs({from_block, to_block, {contract}, {{E::kTopic0}}});
    if (!found) return tl::unexpected(std::move(found).error());
    std::vector<EventAt<E>> events;
    events.reserve(found->size());
    for (Log& log : *found) {
      auto event = E::decode(log);
      if (!event) return tl::unexpected(std::move(event).error());
      events.push_back({std::move(*event), std::move(log)});
    }
    return events;
  }

  /// Nothing while the transaction is not mined.
  Result<std::optional<TxReceipt>> receipt(const Hash32& transaction);
  /// Asks until it is mined; kTimeout when that takes longer than `patience`. Says nothing about
  /// success: see Wallet::wait.
  Result<TxReceipt> wait_receipt(const Hash32& transaction,
                                 std::chrono::milliseconds patience = std::chrono::seconds{120});
  /// Hands over a signed transaction. One that the peer already has is no failure.
  Result<Hash32> send_raw(BytesView signed_transaction);

 private:
  struct State;
  Result<Bytes> call_bytes(const Address& contract, const char* name, const Result<Bytes>& data,
                           const CallOptions& options);
  std::unique_ptr<State> state_;
};

/// The first event of this kind that `contract` wrote in `receipt`; kNotFound without one.
template <typename E>
Result<E> find_event(const TxReceipt& receipt, const Address& contract) {
  for (const Log& log : receipt.logs) {
    if (log.address == contract && !log.topics.empty() && log.topics.front() == E::kTopic0) {
      return E::decode(log);
    }
  }
  return fail(ErrorKind::kNotFound, std::string("the receipt holds no event ") + E::kName);
}

}  // namespace imo::eth
