/// Transactions of type 2: fees by EIP-1559, envelope by EIP-2718, access lists by EIP-2930.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/base/u256.hpp"
#include "imo/crypto/secp256k1.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace imo::eth {

/// What one transaction may use (EIP-7825).
inline constexpr std::uint64_t kMostTransactionGas = std::uint64_t{1} << 24;

/// An estimate with a margin, as far as a transaction has room for it.
constexpr std::uint64_t gas_with_margin(std::uint64_t estimate, std::uint64_t percent) {
  const std::uint64_t with_margin = estimate + estimate * percent / 100;
  return std::max(estimate, std::min(with_margin, kMostTransactionGas));
}

struct AccessListEntry {
  Address address;
  std::vector<Hash32> storage_keys;
  friend bool operator==(const AccessListEntry&, const AccessListEntry&) = default;
};

/// What is signed.
struct Transaction {
  std::uint64_t chain_id = 0;
  std::uint64_t nonce = 0;
  U256 max_priority_fee_per_gas{};
  U256 max_fee_per_gas{};
  std::uint64_t gas_limit = 0;
  std::optional<Address> to{};  ///< nothing: `data` is creation code
  U256 value{};
  Bytes data{};
  std::vector<AccessListEntry> access_list{};

  friend bool operator==(const Transaction&, const Transaction&) = default;
};

/// keccak256(0x02 ‖ rlp([chain_id, ..., access_list])), which the sender signs.
Hash32 signing_hash(const Transaction& transaction);

struct SignedTransaction {
  Transaction body;
  crypto::Signature signature;

  /// 0x02 ‖ rlp([..., y_parity, r, s]), as eth_sendRawTransaction takes it.
  [[nodiscard]] Bytes encode() const;
  /// keccak256 of encode(); by this the chain knows the transaction.
  [[nodiscard]] Hash32 hash() const;
  /// The address whose key signed.
  [[nodiscard]] Result<Address> sender() const;
  /// Refuses other types, other shapes, and signatures with a high s.
  static Result<SignedTransaction> decode(BytesView bytes);
};

SignedTransaction sign(Transaction transaction, const crypto::SecretKey& key);

/// The least gas that a call with this calldata is charged, whatever it executes (EIP-7623): 21000,
/// 10 a zero byte and 40 any other.
std::uint64_t calldata_floor(BytesView calldata);

}  // namespace imo::eth
