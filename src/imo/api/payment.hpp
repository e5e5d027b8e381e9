/// Payments on their way through the HTTP door: x402.
#pragma once

#include "imo/api/http.hpp"
#include "imo/base/result.hpp"
#include "imo/node/payment.hpp"

#include <string>
#include <string_view>

namespace imo::api {

/// The payment that a request brings; fails when it brings none, or one that cannot be read.
Result<node::Payment> payment_of(const HttpRequest& request, const node::PaymentTerms& terms);

/// 402, in both versions of x402 at once.
HttpResponse payment_required(const HttpRequest& request, const node::PaymentTerms& terms,
                              std::string_view description, std::string_view why);

/// What a paid answer's head says of its payment, in both versions.
HttpHeaders settlement_headers(std::uint64_t chain_id, const Address& payer,
                               const Hash32& transaction);

/// Money has moved, or is about to: no client may send the request anew by itself, and pay again.
inline constexpr std::pair<const char*, const char*> kDoNotRetry{"x-should-retry", "false"};

}  // namespace imo::api
