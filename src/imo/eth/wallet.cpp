#include "imo/eth/wallet.hpp"

#include "imo/base/hex.hpp"
#include "imo/eth/transaction.hpp"

#include <mutex>
#include <optional>

namespace imo::eth {
namespace {

bool is_nonce_trouble(const Error& error) {
  return error.message.find("nonce too low") != std::string::npos ||
         error.message.find("nonce too high") != std::string::npos;
}

}  // namespace

struct Wallet::State {
  Client* client;
  crypto::SecretKey key;
  Address address;
  WalletOptions options;
  std::mutex mutex;
  std::optional<std::uint64_t> chain_id;    // guarded by mutex
  std::optional<std::uint64_t> next_nonce;  // guarded by mutex

  State(Client& c, crypto::SecretKey k, WalletOptions o)
      : client(&c), key(std::move(k)), address(key.address()), options(o) {}

  Result<std::uint64_t> gas_for(const TxRequest& request) const {
    if (request.gas_limit) return *request.gas_limit;
    IMO_TRY(const std::uint64_t estimate,
            client->estimate_gas({address, request.to, request.value, request.data, std::nullopt}));
    return gas_with_margin(estimate, options.gas_margin_percent);
  }

  /// Numbers, signs and hands over. The lock keeps two threads from one nonce.
  Result<Hash32> submit(Transaction transaction) {
    const std::lock_guard lock(mutex);
    if (!chain_id) {
      IMO_TRY(chain_id, client->chain_id());
    }
    transaction.chain_id = *chain_id;
    for (const bool fresh : {!next_nonce.has_value(), true}) {
      if (!next_nonce || fresh) {
        IMO_TRY(next_nonce, client->nonce(address));
      }
      transaction.nonce = *next_nonce;
      auto hash = client->send_raw(sign(transaction, key).encode());
      if (hash) {
        ++*next_nonce;
        return hash;
      }
      next_nonce.reset();
      if (fresh || !is_nonce_trouble(hash.error())) return hash;
    }
    return fail(ErrorKind::kRejected, "the chain keeps refusing the nonce of " + to_hex(address));
  }

  /// Executes a mined transaction again, on the state before its block, to learn why it failed.
  std::string reason_of(const TxReceipt& receipt) const {
    const auto info = client->transaction(receipt.transaction_hash);
    if (!info || !*info) return "no reason found";
    const TxInfo& tx = **info;
    if (receipt.gas_used == tx.gas_limit)
      return "out of gas (" + std::to_string(tx.gas_limit) + ")";
    const CallRequest again{tx.from, tx.to, tx.value, tx.data, tx.gas_limit};
    // The block's own state is the second guess: earlier transactions of it may be to blame.
    for (const std::uint64_t block : {receipt.block_number - 1, receipt.block_number}) {
      const auto outcome = client->try_call(again, block);
      if (outcome && outcome->reverted) return client->errors().describe(outcome->data);
    }
    return "no reason found; executed again, it succeeds";
  }
};

Wallet::Wallet(Client& client, crypto::SecretKey key, WalletOptions options)
    : state_(std::make_unique<State>(client, std::move(key), options)) {}
Wallet::Wallet(Wallet&&) noexcept = default;
Wallet& Wallet::operator=(Wallet&&) noexcept = default;
Wallet::~Wallet() = default;

const Address& Wallet::address() const {
  return state_->address;
}
const crypto::SecretKey& Wallet::key() const {
  return state_->key;
}
Client& Wallet::client() const {
  return *state_->client;
}

Result<Hash32> Wallet::send(const TxRequest& request) {
  const auto attempt = [&]() -> Result<Hash32> {
    IMO_TRY(const std::uint64_t gas_limit, state_->gas_for(request));
    Fees fees;
    if (request.fees) {
      fees = *request.fees;
    } else {
      IMO_TRY(fees, state_->client->fees());
    }
    return state_->submit({.chain_id = 0,
                           .nonce = 0,
                           .max_priority_fee_per_gas = fees.max_priority_fee_per_gas,
                           .max_fee_per_gas = fees.max_fee_per_gas,
                           .gas_limit = gas_limit,
                           .to = request.to,
                           .value = request.value,
                           .data = request.data,
                           .access_list = {}});
  };
  auto hash = attempt();
  if (!hash) return tl::unexpected(hash.error().within(request.name));
  return hash;
}

Result<Hash32> Wallet::send(const Address& to, const U256& value) {
  return send(TxRequest{to, value, {}, std::nullopt, std::nullopt, "transfer"});
}

Result<TxReceipt> Wallet::wait(const Hash32& transaction) {
  IMO_TRY(TxReceipt receipt, state_->client->wait_receipt(transaction, state_->options.patience));
  if (!receipt.succeeded) {
    return fail(ErrorKind::kRejected,
                "transaction " + to_hex(transaction) + " reverted: " + state_->reason_of(receipt));
  }
  return receipt;
}

Result<TxReceipt> Wallet::transact(const TxRequest& request) {
  IMO_TRY(const Hash32 hash, send(request));
  auto receipt = wait(hash);
  if (!receipt) return tl::unexpected(receipt.error().within(request.name));
  return receipt;
}

Result<TxReceipt> Wallet::transact(const Address& to, const U256& value) {
  IMO_TRY(const Hash32 hash, send(to, value));
  return wait(hash);
}

Result<Deployment> Wallet::deploy(const Result<Bytes>& init_code, const U256& value) {
  if (!init_code) return tl::unexpected(init_code.error().within("deployment"));
  IMO_TRY(TxReceipt receipt, transact(TxRequest{std::nullopt, value, *init_code, std::nullopt,
                                                std::nullopt, "deployment"}));
  if (!receipt.contract_address) {
    return fail(ErrorKind::kNetwork, "deployment: the receipt names no contract");
  }
  const Address address = *receipt.contract_address;
  return Deployment{address, std::move(receipt)};
}

void Wallet::forget_nonce() {
  const std::lock_guard lock(state_->mutex);
  state_->next_nonce.reset();
}

}  // namespace imo::eth
