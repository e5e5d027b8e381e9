/// A key that sends transactions.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/base/u256.hpp"
#include "imo/crypto/secp256k1.hpp"
#include "imo/eth/call.hpp"
#include "imo/eth/client.hpp"
#include "imo/eth/types.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

namespace imo::eth {

/// What to send; the wallet fills in the rest.
struct TxRequest {
  std::optional<Address> to{};  ///< nothing: `data` is creation code
  U256 value{};
  Bytes data{};
  std::optional<std::uint64_t> gas_limit{};  ///< nothing: estimated, with a margin
  std::optional<Fees> fees{};                ///< nothing: from the chain
  /// `Contract.function`, for messages.
  const char* name = "transaction";
};

struct WalletOptions {
  /// Added to every estimate, in hundredths: state may move between estimate and execution.
  std::uint64_t gas_margin_percent = 25;
  std::chrono::milliseconds patience = std::chrono::seconds{120};
};

/// A contract just made.
struct Deployment {
  Address address;
  TxReceipt receipt;
};

/// Numbers its transactions itself, so that several can wait at once; starts again from the
/// chain's count when the chain disagrees. Safe to share between threads. The client must outlive
/// it.
class Wallet {
 public:
  Wallet(Client& client, crypto::SecretKey key, WalletOptions options = {});
  Wallet(Wallet&&) noexcept;
  Wallet& operator=(Wallet&&) noexcept;
  ~Wallet();

  [[nodiscard]] const Address& address() const;
  [[nodiscard]] const crypto::SecretKey& key() const;
  [[nodiscard]] Client& client() const;

  /// Signs and hands over; returns before it is mined. What would revert fails here, with the
  /// reason, and uses no nonce.
  Result<Hash32> send(const TxRequest& request);
  template <typename R>
  Result<Hash32> send(const Address& to, const Call<R>& call, const U256& value = {}) {
    if (!call.data) return tl::unexpected(call.data.error().within(call.name));
    return send(TxRequest{to, value, *call.data, std::nullopt, std::nullopt, call.name});
  }
  /// Plain ether.
  Result<Hash32> send(const Address& to, const U256& value);

  /// Waits for the receipt; a transaction that reverted is a failure with its reason.
  Result<TxReceipt> wait(const Hash32& transaction);

  /// send, then wait.
  Result<TxReceipt> transact(const TxRequest& request);
  template <typename R>
  Result<TxReceipt> transact(const Address& to, const Call<R>& call, const U256& value = {}) {
    auto hash = send(to, call, value);
    if (!hash) return tl::unexpected(std::move(hash).error());
    return wait(*hash);
  }
  Result<TxReceipt> transact(const Address& to, const U256& value);

  /// Creates a contract: `wallet.deploy(abi::uniform_sale::deploy_data(...))`.
  Result<Deployment> deploy(const Result<Bytes>& init_code, const U256& value = {});

  /// Forgets the count kept here; the next send asks the chain. For after a snapshot's revert.
  void forget_nonce();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace imo::eth
