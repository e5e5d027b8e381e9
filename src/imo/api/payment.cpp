#include "imo/api/payment.hpp"

#include "imo/node/x402.hpp"

namespace imo::api {
namespace {

/// As its client called it; behind a proxy, as that one was called.
std::string url_of(const HttpRequest& request) {
  const bool is_secure = request.header("x-forwarded-proto") == "https";
  return (is_secure ? "https://" : "http://") + std::string(request.header("host")) + request.path;
}

}  // namespace

Result<node::Payment> payment_of(const HttpRequest& request, const node::PaymentTerms& terms) {
  std::string_view header = request.header("payment-signature");
  if (header.empty()) header = request.header("x-payment");
  if (header.empty()) return invalid("PAYMENT-SIGNATURE or X-PAYMENT is required");
  return node::parse_payment_header(header, terms);
}

HttpResponse payment_required(const HttpRequest& request, const node::PaymentTerms& terms,
                              std::string_view description, std::string_view why) {
  const node::PaidResource resource{url_of(request), std::string(description)};
  return {402,
          "application/json",
          node::payment_required_body(terms, resource, why),
          {{"PAYMENT-REQUIRED", node::payment_required_header(terms, resource, why)},
           {"Cache-Control", "no-store"}}};
}

HttpHeaders settlement_headers(std::uint64_t chain_id, const Address& payer,
                               const Hash32& transaction) {
  const std::string header = node::payment_response_header(chain_id, payer, transaction);
  return {{"PAYMENT-RESPONSE", header}, {"X-PAYMENT-RESPONSE", header}};
}

}  // namespace imo::api
