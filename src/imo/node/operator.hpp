/// The operator: answers the oracle's requests for the models it serves, with its bond.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/eth/client.hpp"
#include "imo/market/deployment.hpp"
#include "imo/node/answer_service.hpp"
#include "imo/node/answer_store.hpp"
#include "imo/node/chain_follower.hpp"
#include "imo/node/model_shelf.hpp"
#include "imo/node/request_index.hpp"
#include "imo/node/transaction_manager.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace imo::node {

/// What the chain-side workers share; the node owns all of it and outlives them.
struct ChainSide {
  eth::Client& client;
  const market::Deployment& deployment;
  RequestIndex& index;
  TransactionManager& transactions;
};

/// For one request after the other:
///
///     open ──worth it?──► queued ──► computed (stored) ──► transaction (stored, sent) ──► answered
///
/// Every arrow is taken again after a restart, and none twice: the computed answer is kept by the
/// hash of the question, the transaction by the request's number.
class Operator {
 public:
  Operator(ChainSide chain, const ModelShelf& models, AnswerService& answers, AnswerStore& store,
           std::function<void()> wake);
  /// Waits for callbacks that are under way.
  ~Operator();
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;

  /// Moves every open request one arrow on. One that cannot move is tried again later and keeps
  /// no other from moving. The error is of the store or the whole chain.
  Result<void> step(const FollowProgress& now);

  /// Requests whose answers are being computed.
  [[nodiscard]] std::size_t under_way() const;

  /// After this no new computation starts; what is computed is still posted.
  void take_no_more() { accepting_ = false; }

 private:
  struct Shared;
  /// OperatorRegistry.Price of this operator, in wei, and how long it is believed.
  struct Price {
    std::uint64_t flat = 0;
    std::uint64_t per_prompt_token = 0;
    std::uint64_t per_output_token = 0;
    std::uint64_t per_callback_gas = 0;
    std::chrono::steady_clock::time_point until;
  };

  Result<void> advance(const ChainRequest& request, std::uint64_t now);
  Result<void> begin(const ChainRequest& request, std::shared_ptr<const ServedModel> model);
  Result<bool> worth_it(const ChainRequest& request, std::size_t prompt_tokens);
  Result<Price> price_of(const U256& model_id);
  Result<void> post(const ChainRequest& request, const StoredAnswer& answer);
  Result<void> decline(const ChainRequest& request, const std::string& reason);
  void later(const ChainRequest& request, const std::string& reason);

  ChainSide chain_;
  const ModelShelf& models_;
  AnswerService& answers_;
  AnswerStore& store_;
  std::shared_ptr<Shared> shared_;
  std::atomic<bool> accepting_ = true;
  std::map<U256, Price> prices_;
  /// When a request that could not move is looked at again.
  std::map<Hash32, std::chrono::steady_clock::time_point> not_before_;
};

}  // namespace imo::node
