#include "imo/node/payment.hpp"

#include "imo/base/check.hpp"
#include "imo/base/hex.hpp"
#include "imo/crypto/random.hpp"
#include "imo/eth/abi.hpp"
#include "imo/eth/abi_bind.hpp"
#include "imo/eth/address.hpp"
#include "imo/eth/eip712.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace imo::node {
namespace {

/// Seconds that a payment must still be good for.
constexpr std::uint64_t kTimeToSend = 20;

}  // namespace

std::string PaymentTerms::network() const {
  return fmt::format("eip155:{}", chain_id);
}

Hash32 Payment::digest(const PaymentTerms& terms) const {
  const eth::Eip712Domain domain{.name = terms.asset_name,
                                 .version = terms.asset_version,
                                 .chain_id = U256(terms.chain_id),
                                 .verifying_contract = terms.asset,
                                 .salt = {}};
  const Hash32 hash =
      eth::StructHash(
          "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,"
          "uint256 validBefore,bytes32 nonce)")
          .add(from)
          .add(to)
          .add(value)
          .add(valid_after)
          .add(valid_before)
          .add(nonce)
          .finish();
  return eth::eip712_digest(domain.separator(), hash);
}

Result<Bytes> Payment::call() const {
  constexpr std::string_view kArguments =
      "(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)";
  return eth::abi::encode_args(
      eth::abi::selector_of("transferWithAuthorization" + std::string(kArguments)), kArguments,
      from, to, value, valid_after, valid_before, nonce,
      static_cast<std::uint8_t>(27 + signature.y_parity), signature.r, signature.s);
}

std::string Payment::purpose() const {
  return fmt::format("payment {} {}", eth::to_checksum(from), to_hex(nonce));
}

Address payer_of(BytesView call) {
  constexpr std::size_t kFirst = 4 + 12;  // a selector, and what fills the word of an address
  IMO_CHECK(call.size() >= kFirst + Address::kSize, "the call of a payment");
  Address payer;
  std::ranges::copy(call.subspan(kFirst, Address::kSize), payer.bytes.begin());
  return payer;
}

Payment sign_payment(const PaymentTerms& terms, const crypto::SecretKey& key, std::uint64_t until) {
  Payment payment;
  payment.from = key.address();
  payment.to = terms.pay_to;
  payment.value = terms.amount;
  payment.valid_before = U256(until);
  crypto::fill_random(payment.nonce.bytes);
  payment.signature = key.sign(payment.digest(terms));
  return payment;
}

Result<void> check_signature(const PaymentTerms& terms, const Payment& payment) {
  const auto signer = crypto::recover(payment.digest(terms), payment.signature);
  if (!signer || *signer != payment.from) {
    return invalid("the payment is not signed by its payer, for this token on this chain");
  }
  return {};
}

Result<void> check_payment(const PaymentTerms& terms, const Payment& payment, std::uint64_t now) {
  if (payment.to != terms.pay_to) {
    return invalid(fmt::format("the payment is to {}, and is due to {}",
                               eth::to_checksum(payment.to), eth::to_checksum(terms.pay_to)));
  }
  if (payment.value < terms.amount) {
    return invalid(fmt::format("the payment is of {}, and {} are due", payment.value.to_dec(),
                               terms.amount.to_dec()));
  }
  if (payment.valid_after > U256(now) || payment.valid_before < U256(now + kTimeToSend)) {
    return invalid(fmt::format(
        "the payment is good from {} until {}, and now is {}; it takes up to {} seconds to send",
        payment.valid_after.to_dec(), payment.valid_before.to_dec(), now, kTimeToSend));
  }
  return check_signature(terms, payment);
}

}  // namespace imo::node
