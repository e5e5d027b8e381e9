/// Sends the node's transactions: each on disk before the chain sees it, each at most once.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/base/u256.hpp"
#include "imo/crypto/secp256k1.hpp"
#include "imo/eth/client.hpp"
#include "imo/eth/transaction.hpp"
#include "imo/node/store.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace imo::node {

/// Sent ⇄ Mined → Settled, or Sent → Reverted, or Sent → Dropped (another transaction took the
/// nonce). Mined goes back to Sent when a reorganisation takes the block away.
enum class TransactionState { kSent, kMined, kSettled, kReverted, kDropped };

struct TransactionRecord {
  std::string key;
  std::string name;
  TransactionState state = TransactionState::kSent;
  eth::Transaction body;
  Bytes raw;
  Hash32 hash;  ///< of the newest version, or of the mined one
  std::uint64_t sent_at = 0;
  std::uint64_t block_number = 0;
  std::uint64_t gas_used = 0;
};

struct TransactionOptions {
  std::chrono::seconds bump_after{60};  ///< waiting longer than this costs an eighth more
  std::uint64_t settle_depth = 12;      ///< blocks after which a receipt is looked at no more
  std::uint64_t gas_margin_percent = 25;
};

/// One key, one sender: nothing else may send from this key while a node runs, or nonces collide
/// (which is survived: the loser is dropped and may be sent anew). Not for two threads at once.
class TransactionManager {
 public:
  TransactionManager(eth::Client& client, Store& store, crypto::SecretKey key,
                     std::uint64_t chain_id, TransactionOptions options = {});

  [[nodiscard]] const Address& address() const { return address_; }

  /// Makes sure that there is one transaction for the purpose `key`; the one that is there, if it
  /// is. Signs, stores, then hands over; a peer that fails then is tried again by tend(). What
  /// would revert fails here with its reason and leaves nothing. A reverted one is not repeated.
  Result<TransactionRecord> ensure(const std::string& key, const char* name, const Address& to,
                                   BytesView data, const U256& value = {});

  template <typename R>
  Result<TransactionRecord> ensure(const std::string& key, const Address& to,
                                   const eth::Call<R>& call, const U256& value = {}) {
    if (!call.data) return tl::unexpected(call.data.error().within(call.name));
    return ensure(key, call.name, to, *call.data, value);
  }

  Result<std::optional<TransactionRecord>> find(const std::string& key);
  /// Neither mined nor lost, by nonce.
  Result<std::vector<TransactionRecord>> in_state(TransactionState state);

  /// Looks after everything that is on its way: receipts, lost ones, ones that wait too long.
  Result<void> tend(std::uint64_t head_block);

 private:
  Result<std::uint64_t> next_nonce();
  Result<void> save(const TransactionRecord& record);
  Result<void> broadcast(const TransactionRecord& record);
  Result<void> tend_sent(TransactionRecord record, std::uint64_t mined_count);
  Result<void> tend_mined(TransactionRecord record, std::uint64_t head_block);
  Result<std::optional<eth::TxReceipt>> receipt_of(const TransactionRecord& record);
  Result<void> bump(TransactionRecord record);
  void sign(TransactionRecord& record);

  eth::Client* client_;
  Store* store_;
  crypto::SecretKey key_;
  Address address_;
  std::uint64_t chain_id_;
  TransactionOptions options_;
};

}  // namespace imo::node
