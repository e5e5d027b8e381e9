/// Payments by signature: x402's scheme `exact` over EIP-3009.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/base/u256.hpp"
#include "imo/crypto/secp256k1.hpp"

#include <cstdint>
#include <string>

namespace imo::node {

/// What something costs, and in which token.
struct PaymentTerms {
  std::uint64_t chain_id = 0;
  Address asset;
  std::string asset_name;     ///< of the token's EIP-712 domain
  std::string asset_version;  ///< the same
  Address pay_to;
  U256 amount;

  /// CAIP-2, as x402 writes it: `eip155:1`.
  [[nodiscard]] std::string network() const;
};

/// What its payer signs: that anybody may move so much from here to there, once, in this window.
struct Payment {
  Address from;
  Address to;
  U256 value;
  U256 valid_after;  ///< unix seconds, as the next
  U256 valid_before;
  Hash32 nonce;
  crypto::Signature signature;

  /// Of what is signed for this token.
  [[nodiscard]] Hash32 digest(const PaymentTerms& terms) const;
  /// The call of the token that moves the money.
  [[nodiscard]] Result<Bytes> call() const;
  /// One authorisation, whatever it is used for: the same in all its uses.
  [[nodiscard]] std::string purpose() const;
};

/// Who pays in what Payment::call() gave (its size is checked).
Address payer_of(BytesView call);

/// A payment of these terms that is valid until `until`.
Payment sign_payment(const PaymentTerms& terms, const crypto::SecretKey& key, std::uint64_t until);

/// Fails when it is not signed by its payer.
Result<void> check_signature(const PaymentTerms& terms, const Payment& payment);

/// Fails when it pays somebody else or less, is not signed by its payer, or when its window has not
/// begun or ends before there is time to send it. Whether the money is there only the chain knows.
Result<void> check_payment(const PaymentTerms& terms, const Payment& payment, std::uint64_t now);

}  // namespace imo::node
