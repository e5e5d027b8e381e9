/// What the followed logs add up to: registered models, and every request with its state.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/base/u256.hpp"
#include "imo/market/deployment.hpp"
#include "imo/node/chain_follower.hpp"
#include "imo/node/log_store.hpp"
#include "imo/node/store.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace imo::node {

/// As IOracle.Status, without None.
enum class RequestStatus : std::uint8_t { kOpen = 1, kAnswered = 2, kFinal = 3, kRefunded = 4 };

/// `open`, `answered`, `final`, `refunded`.
std::string_view request_status_name(RequestStatus status);

/// A request of the oracle as the followed logs tell it. Amounts in wei, times in unix seconds.
struct ChainRequest {
  std::uint64_t id = 0;
  Hash32 content_key;  ///< keccak256 of the Asked log: another question has another key
  U256 model_id;
  Address account;
  Address wanted_operator;  ///< zero: any
  Address beneficiary;
  bool is_text = false;
  Bytes input;  ///< packed prompt tokens, or UTF-8 text
  std::uint32_t max_tokens = 0;
  Hash32 sampling;
  U256 fee;
  U256 bond;
  std::uint64_t deadline = 0;
  Address callback;
  std::uint64_t callback_gas = 0;
  Bytes callback_data;
  Hash32 asked_in;  ///< transaction
  RequestStatus status = RequestStatus::kOpen;
  // Of the live answer; empty or zero while there is none.
  Address operator_address;
  Hash32 claim_hash;
  Bytes prompt;  ///< packed; of a text question the operator's tokenisation
  Bytes output;  ///< packed
  Bytes text;
  std::uint64_t final_at = 0;
  Hash32 answered_in;
  Address splitter;                       ///< where the fee went, once final
  std::vector<Address> struck_operators;  ///< whose answers to it were proven false
  std::uint64_t changed_block = 0;
};

/// IOracle.questionHashOf, from what was seen: keccak256(abi.encode(modelId, isText, inputHash,
/// maxTokens, sampling, fee, bond)). An answer names it, so that it can be given to no other
/// question, nor to the same one on other terms.
Hash32 question_hash(const ChainRequest& request);

struct RegisteredModel {
  U256 model_id;
  Hash32 root;
  Address author;
};

class RequestIndex : public LogSink {
 public:
  RequestIndex(Store& store, const market::Deployment& deployment);

  /// The contracts and first topics that apply() understands.
  [[nodiscard]] std::vector<Address> contracts() const;
  [[nodiscard]] static std::vector<Hash32> events();

  Result<void> apply(std::span<const eth::Log> logs) override;
  Result<void> roll_back(std::uint64_t number) override;

  Result<std::optional<ChainRequest>> find(std::uint64_t id);
  /// Open requests whose deadline is after `time`, oldest first.
  Result<std::vector<ChainRequest>> open_at(std::uint64_t time);
  /// Answers of one operator that wait for their window to pass, oldest first.
  Result<std::vector<ChainRequest>> answered_by(const Address& operator_address);
  /// Answers of anybody that can be disputed at `time`, oldest first.
  Result<std::vector<ChainRequest>> disputable_at(std::uint64_t time);
  /// The newest final request of each splitter that one operator was paid through.
  Result<std::vector<ChainRequest>> last_paid(const Address& operator_address);
  /// The newest first.
  Result<std::vector<ChainRequest>> newest(std::size_t limit);
  /// How many, by status name.
  Result<std::map<std::string, std::uint64_t>> counts();
  Result<std::optional<RegisteredModel>> model(const U256& model_id);
  /// All registrations of a root, the oldest first.
  Result<std::vector<RegisteredModel>> models_of(const Hash32& root);

 private:
  Result<void> apply_one(const eth::Log& log);
  Result<void> register_model(const eth::Log& log);
  Result<void> asked(const eth::Log& log);
  /// Changes a known request; a log about an unknown one is passed over with a warning.
  template <typename Change>
  Result<void> change(const eth::Log& log, const U256& id, Change change);
  Result<void> save(const ChainRequest& request);
  /// The rows that a condition with its parameters picks.
  template <typename Bind>
  Result<std::vector<ChainRequest>> select(const char* condition, Bind bind);

  Store* store_;
  LogStore logs_;
  Address oracle_;
  Address registry_;
};

}  // namespace imo::node
