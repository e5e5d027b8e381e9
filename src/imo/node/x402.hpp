/// x402 on the wire: what is due, and how it is paid. Version 2 in headers, version 1 in the body;
/// scheme `exact`.
#pragma once

#include "imo/base/result.hpp"
#include "imo/node/payment.hpp"

#include <string>
#include <string_view>

namespace imo::node {

/// The longest header that is read.
inline constexpr std::size_t kMaxPaymentHeader = 8192;

/// The thing that is sold.
struct PaidResource {
  std::string url;  ///< absolute: clients of version 1 refuse any other
  std::string description;
};

/// Version 1's body of a 402.
std::string payment_required_body(const PaymentTerms& terms, const PaidResource& resource,
                                  std::string_view error);
/// Version 2's header PAYMENT-REQUIRED.
std::string payment_required_header(const PaymentTerms& terms, const PaidResource& resource,
                                    std::string_view error);

/// That a payment is in a block: version 2's header PAYMENT-RESPONSE, version 1's
/// X-PAYMENT-RESPONSE.
std::string payment_response_header(std::uint64_t chain_id, const Address& payer,
                                    const Hash32& transaction);

/// The terms of a 402's body, from the entry of scheme `exact` on the chain.
Result<PaymentTerms> parse_payment_required(std::string_view body, std::uint64_t chain_id);

/// Version 1's header X-PAYMENT.
std::string payment_header(const PaymentTerms& terms, const Payment& payment);
/// X-PAYMENT or PAYMENT-SIGNATURE, for terms on this chain.
Result<Payment> parse_payment_header(std::string_view header, const PaymentTerms& terms);

}  // namespace imo::node
