/// Receipts of the HTTP door: signed claims that the operator's deposit stands for, in the EIP-712
/// form of contracts/src/interfaces/IOperatorRegistry.sol.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/base/u256.hpp"
#include "imo/crypto/secp256k1.hpp"
#include "imo/node/store.hpp"

#include <cstdint>
#include <optional>

namespace imo::node {

/// IOperatorRegistry.Receipt, member by member.
struct Receipt {
  U256 model_id;
  Hash32 model_root;
  Hash32 prompt_hash;
  Hash32 output_hash;
  Hash32 text_hash;
  std::uint32_t max_tokens = 0;
  Hash32 sampling;  ///< zero: greedy
  Address operator_address;
  Address payer;
  Address asset;
  U256 payment;
  std::uint64_t issued_at = 0;  ///< unix seconds
  Hash32 nonce;

  friend bool operator==(const Receipt&, const Receipt&) = default;
};

struct SignedReceipt {
  Receipt receipt;
  Hash32 digest;
  crypto::Signature signature;
};

/// What is signed: EIP-712 over domain {"imo", "1", chain id, the operator registry}.
Hash32 receipt_digest(const Receipt& receipt, std::uint64_t chain_id, const Address& registry);

/// What an answer was, before it is signed for.
struct AnswerFacts {
  U256 model_id;
  Hash32 model_root;
  Bytes prompt;  ///< packed
  Bytes output;  ///< packed
  Bytes text;
  std::uint32_t max_tokens = 0;
  // What was paid; zeros: nothing.
  Address payer = {};
  Address asset = {};
  U256 payment = {};
};

class ReceiptIssuer {
 public:
  ReceiptIssuer(Store& store, crypto::SecretKey key, std::uint64_t chain_id,
                const Address& registry);

  /// Signs an answer and stores the receipt with what it stands for. Safe from any thread.
  Result<SignedReceipt> issue(const AnswerFacts& answer);

  Result<std::uint64_t> count();
  /// What a receipt of this node stands for; its root is not stored, the model's id says it,
  /// nor who paid.
  Result<std::optional<AnswerFacts>> find(const Hash32& digest);

 private:
  Store* store_;
  crypto::SecretKey key_;
  std::uint64_t chain_id_;
  Address registry_;
};

}  // namespace imo::node
