#include "imo/node/x402.hpp"

#include "imo/base/hex.hpp"
#include "imo/crypto/base64.hpp"
#include "imo/eth/address.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace imo::node {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kScheme = "exact";
constexpr int kMaxSeconds = 600;  // that a payment need be good for

/// What version 1 calls the chains that it knows.
constexpr std::array<std::pair<std::uint64_t, std::string_view>, 11> kNetworks = {{
    {8453, "base"},
    {84532, "base-sepolia"},
    {137, "polygon"},
    {80002, "polygon-amoy"},
    {43114, "avalanche"},
    {43113, "avalanche-fuji"},
    {1329, "sei"},
    {1328, "sei-testnet"},
    {2741, "abstract"},
    {11124, "abstract-testnet"},
    {4689, "iotex"},
}};

/// On chains that version 1 has no name for its clients cannot pay; ours can.
std::string first_network(const PaymentTerms& terms) {
  for (const auto& [chain_id, name] : kNetworks) {
    if (chain_id == terms.chain_id) return std::string(name);
  }
  return terms.network();
}

Json required(const PaymentTerms& terms, const std::string& network, const char* amount_name) {
  return {{"scheme", kScheme},
          {"network", network},
          {amount_name, terms.amount.to_dec()},
          {"asset", eth::to_checksum(terms.asset)},
          {"payTo", eth::to_checksum(terms.pay_to)},
          {"maxTimeoutSeconds", kMaxSeconds},
          {"extra", {{"name", terms.asset_name}, {"version", terms.asset_version}}}};
}

std::string text_of(const Json& object, const char* name) {
  if (!object.is_object() || !object.contains(name) || !object[name].is_string()) return {};
  return object[name].get<std::string>();
}

/// A member that is an object; null where there is none.
Json object_of(const Json& object, const char* name) {
  if (!object.is_object() || !object.contains(name)) return nullptr;
  return object[name];
}

tl::unexpected<Error> unreadable(std::string_view what) {
  return invalid(fmt::format("the payment's {} is missing or wrong", what));
}

Result<Address> address_of(const Json& object, const char* name) {
  const auto address = eth::parse_address(text_of(object, name));
  if (!address) return unreadable(name);
  return *address;
}

/// Decimal text, as all of x402's numbers are.
Result<U256> number_of(const Json& object, const char* name) {
  const std::string text = text_of(object, name);
  const auto number = U256::parse(text);
  if (!number || number->to_dec() != text) return unreadable(name);
  return *number;
}

Result<Payment> payment_of(const Json& payload) {
  const Json authorization = object_of(payload, "authorization");
  Payment payment;
  IMO_TRY(payment.from, address_of(authorization, "from"));
  IMO_TRY(payment.to, address_of(authorization, "to"));
  IMO_TRY(payment.value, number_of(authorization, "value"));
  IMO_TRY(payment.valid_after, number_of(authorization, "validAfter"));
  IMO_TRY(payment.valid_before, number_of(authorization, "validBefore"));
  const auto nonce = fixed_from_hex<32>(text_of(authorization, "nonce"));
  if (!nonce) return unreadable("nonce");
  payment.nonce = *nonce;
  const auto bytes = from_hex(text_of(payload, "signature"));
  if (!bytes) return unreadable("signature");
  auto signature = crypto::Signature::from_bytes(*bytes);
  if (!signature) return unreadable("signature");
  payment.signature = *signature;
  return payment;
}

}  // namespace

std::string payment_required_body(const PaymentTerms& terms, const PaidResource& resource,
                                  std::string_view error) {
  Json entry = required(terms, first_network(terms), "maxAmountRequired");
  entry["resource"] = resource.url;
  entry["description"] = resource.description;
  entry["mimeType"] = "application/json";
  return Json{{"x402Version", 1}, {"error", error}, {"accepts", Json::array({entry})}}.dump();
}

std::string payment_required_header(const PaymentTerms& terms, const PaidResource& resource,
                                    std::string_view error) {
  Json entry = required(terms, terms.network(), "amount");
  entry["extra"]["assetTransferMethod"] = "eip3009";
  const Json document = {{"x402Version", 2},
                         {"error", error},
                         {"resource",
                          {{"url", resource.url},
                           {"description", resource.description},
                           {"mimeType", "application/json"}}},
                         {"accepts", Json::array({entry})},
                         {"extensions", Json::object()}};
  return crypto::to_base64(as_bytes(document.dump()));
}

std::string payment_response_header(std::uint64_t chain_id, const Address& payer,
                                    const Hash32& transaction) {
  PaymentTerms terms;
  terms.chain_id = chain_id;
  const Json document = {{"success", true},
                         {"transaction", to_hex(transaction)},
                         {"network", terms.network()},
                         {"payer", eth::to_checksum(payer)}};
  return crypto::to_base64(as_bytes(document.dump()));
}

Result<PaymentTerms> parse_payment_required(std::string_view body, std::uint64_t chain_id) {
  const Json document = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  const Json accepts = object_of(document, "accepts");
  PaymentTerms terms;
  terms.chain_id = chain_id;
  for (const Json& entry : accepts.is_array() ? accepts : Json::array()) {
    if (text_of(entry, "scheme") != kScheme || text_of(entry, "network") != first_network(terms)) {
      continue;
    }
    IMO_TRY(terms.asset, address_of(entry, "asset"));
    IMO_TRY(terms.pay_to, address_of(entry, "payTo"));
    IMO_TRY(terms.amount, number_of(entry, "maxAmountRequired"));
    terms.asset_name = text_of(object_of(entry, "extra"), "name");
    terms.asset_version = text_of(object_of(entry, "extra"), "version");
    return terms;
  }
  return invalid(
      fmt::format("the server takes no payment of scheme {} on {}", kScheme, terms.network()));
}

std::string payment_header(const PaymentTerms& terms, const Payment& payment) {
  const Json document = {{"x402Version", 1},
                         {"scheme", kScheme},
                         {"network", first_network(terms)},
                         {"payload",
                          {{"signature", to_hex(payment.signature.to_bytes())},
                           {"authorization",
                            {{"from", eth::to_checksum(payment.from)},
                             {"to", eth::to_checksum(payment.to)},
                             {"value", payment.value.to_dec()},
                             {"validAfter", payment.valid_after.to_dec()},
                             {"validBefore", payment.valid_before.to_dec()},
                             {"nonce", to_hex(payment.nonce)}}}}}};
  return crypto::to_base64(as_bytes(document.dump()));
}

Result<Payment> parse_payment_header(std::string_view header, const PaymentTerms& terms) {
  if (header.size() > kMaxPaymentHeader) return unreadable("size");
  IMO_TRY(const Bytes bytes, crypto::from_base64(header));
  const Json document = Json::parse(bytes, nullptr, /*allow_exceptions=*/false);
  const Json version = object_of(document, "x402Version");
  if (version != 1 && version != 2) return unreadable("x402Version");
  // Version 2 says again what it accepts, version 1 only which kind.
  const Json chosen = version == 2 ? object_of(document, "accepted") : document;
  if (text_of(chosen, "scheme") != kScheme) return unreadable("scheme");
  const std::string network = version == 2 ? terms.network() : first_network(terms);
  if (text_of(chosen, "network") != network) return unreadable("network");
  return payment_of(object_of(document, "payload"));
}

}  // namespace imo::node
