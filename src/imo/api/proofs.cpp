#include "imo/api/proofs.hpp"

#include "imo/api/api_error.hpp"
#include "imo/api/payment.hpp"
#include "imo/base/hex.hpp"
#include "imo/base/machine.hpp"
#include "imo/eth/address.hpp"
#include "imo/eth/client.hpp"
#include "imo/node/model_shelf.hpp"
#include "imo/node/proof_service.hpp"

#include <optional>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace imo::api {
namespace {

using Json = nlohmann::ordered_json;
using node::PaymentTerms;
using node::ProofJob;
using node::ProofSource;
using node::ProofState;

constexpr std::string_view kFileType = "application/octet-stream";

/// What a body asks for: exactly one of the two.
struct Asked {
  std::optional<Hash32> receipt;
  std::optional<std::uint64_t> request;
  bool post = false;
};

ApiResult<Asked> parse_asked(std::string_view body) {
  const Json document = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return bad_field("", "the body must be a JSON object");
  Asked asked;
  for (const auto& [key, value] : document.items()) {
    if (key == "receipt") {
      const auto digest = value.is_string() ? fixed_from_hex<32>(value.get<std::string>())
                                            : Result<Hash32>(invalid("no text"));
      if (!digest) return bad_field(key, "must be a receipt's digest: 0x and 64 hex digits");
      asked.receipt = *digest;
    } else if (key == "request") {
      if (!value.is_number_unsigned()) return bad_field(key, "must be the number of a request");
      asked.request = value.get<std::uint64_t>();
    } else if (key == "post") {
      if (!value.is_boolean()) return bad_field(key, "must be true or false");
      asked.post = value.get<bool>();
    } else {
      return bad_field(key, "there is no such field; known are: receipt, request, post");
    }
  }
  if (asked.receipt.has_value() == asked.request.has_value()) {
    return bad_field("", "name one answer: receipt, by its digest, or request, by its number");
  }
  if (asked.post && !asked.request) {
    return bad_field("post", "only answers on the chain are posted to it");
  }
  return asked;
}

struct Quoted {
  ProofJob job;
  PaymentTerms terms;  ///< an amount of zero: it is free
};

PaymentTerms terms_of(node::Node& node, const ProofJob& job) {
  const node::ProofConfig& config = node.config().proofs;
  const auto begun_seconds = static_cast<std::uint64_t>((job.proving.count() + 999) / 1000);
  U256 amount = U256(config.price) + U256(config.price_per_second) * U256(begun_seconds);
  if (job.post) amount = amount + U256(config.price_of_posting);
  const node::PaymentAsset& asset = node.config().payment_asset;
  return {node.config().deployment.chain_id, asset.address, asset.name, asset.version,
          node.status().operator_address,    amount};
}

ApiResult<Quoted> quote(node::Node& node, std::string_view body) {
  if (node.proofs() == nullptr) {
    return tl::unexpected(not_found("this node proves nothing on request"));
  }
  const auto asked = parse_asked(body);
  if (!asked) return tl::unexpected(asked.error());
  if (asked->post && !node.config().proofs.post) {
    return bad_field("post",
                     "this node posts no proofs on request; fetch it, and post it yourself");
  }
  auto source =
      asked->receipt
          ? ProofSource::of_receipt(node.receipts(), node.requests(), node.models(),
                                    *asked->receipt)
          : ProofSource::of_request(node.chain(), node.config().deployment, node.requests(),
                                    node.models(), node.status().operator_address, *asked->request);
  if (!source) return tl::unexpected(from_error(source.error()));
  auto cost = node.proofs()->estimate(*source);
  if (!cost) {
    ApiError error = from_error(cost.error());
    if (error.status == 400) error.code = "proof_too_large";
    return tl::unexpected(std::move(error));
  }
  Quoted quoted{node::ProofService::job_of(*source, *cost, asked->post), {}};
  quoted.terms = terms_of(node, quoted.job);
  return quoted;
}

Json estimate_json(const ProofJob& job) {
  return {{"prove_s", seconds(job.proving)},
          {"memory_bytes", job.memory_bytes},
          {"proof_bytes", job.proof_bytes},
          {"gas", job.gas}};
}

Json job_json(const ProofJob& job) {
  return {{"id", to_hex(job.id)},
          {"object", "proof"},
          {"state", node::proof_state_name(job.state)},
          {"model_root", to_hex(job.model_root)},
          {"context", to_hex(job.context)},
          {"request", job.request != 0 ? Json(job.request) : Json(nullptr)},
          {"estimate", estimate_json(job)},
          {"reason", job.reason.empty() ? Json(nullptr) : Json(job.reason)}};
}

HttpResponse json_response(int status, const Json& document) {
  return {status,
          "application/json",
          document.dump(-1, ' ', false, Json::error_handler_t::replace),
          {}};
}

/// What says that a job was paid, if it was, and the chain has it.
HttpResponse with_settlement(node::Node& node, const ProofJob& job, HttpResponse response) {
  if (job.paid_by.empty()) return response;
  const auto transaction = node.proof_store().payment_transaction(job.id);
  if (!transaction || !*transaction) return response;
  for (auto& header : settlement_headers(node.config().deployment.chain_id,
                                         node::payer_of(job.payment), **transaction)) {
    response.headers.push_back(std::move(header));
  }
  return response;
}

/// The job, with the proof once it is there.
HttpResponse job_response(node::Node& node, const ProofJob& job, int status) {
  Json document = job_json(job);
  document["proof"] = job.state == ProofState::kReady ? Json(to_hex(job.file)) : Json(nullptr);
  return with_settlement(node, job, json_response(status, document));
}

/// Puts the payment that a request brings to its job; fails when there is none, or a bad one.
Result<void> take_payment(node::Node& node, const HttpRequest& request, Quoted& quoted) {
  IMO_TRY(const node::Payment payment, payment_of(request, quoted.terms));
  // The chain's clock is what the token goes by.
  IMO_TRY(const auto block, node.chain().block());
  IMO_TRY_VOID(node::check_payment(quoted.terms, payment, block.timestamp));
  IMO_TRY(quoted.job.payment, payment.call());
  quoted.job.paid_by = payment.purpose();
  // Whether the money is there, and not paid out already: before anything is stored.
  return node.chain()
      .estimate_gas({.from = quoted.terms.pay_to,
                     .to = quoted.terms.asset,
                     .value = {},
                     .data = quoted.job.payment,
                     .gas_limit = {}})
      .map([](std::uint64_t) {});
}

}  // namespace

HttpResponse estimate_proof(node::Node& node, const HttpRequest& request) {
  const auto quoted = quote(node, request.body);
  if (!quoted) return quoted.error().to_response();
  const ProofJob& job = quoted->job;
  const PaymentTerms& terms = quoted->terms;
  const Json price = {{"amount", terms.amount.to_dec()},
                      {"asset", eth::to_checksum(terms.asset)},
                      {"network", terms.network()},
                      {"payTo", eth::to_checksum(terms.pay_to)}};
  return json_response(200, {{"object", "proof.estimate"},
                             {"model_root", to_hex(job.model_root)},
                             {"context", to_hex(job.context)},
                             {"estimate", estimate_json(job)},
                             {"price", terms.amount.is_zero() ? Json(nullptr) : price}});
}

HttpResponse ask_for_proof(node::Node& node, const HttpRequest& request) {
  auto quoted = quote(node, request.body);
  if (!quoted) return quoted.error().to_response();
  const auto known = node.proof_store().find(quoted->job.id);
  if (!known) return from_error(known.error()).to_response();
  // What is there, under way, or paid and failed, is not paid again.
  const bool owed =
      *known && ((*known)->state != ProofState::kFailed || !(*known)->paid_by.empty());
  if (owed && quoted->job.post && !(*known)->post && node.config().proofs.price_of_posting != 0) {
    return ApiError{400, "invalid_request_error",
                    "this proof was asked for without being posted; fetch it, and post it yourself",
                    "post", ""}
        .to_response();
  }
  if (!owed && !quoted->terms.amount.is_zero()) {
    if (const auto paid = take_payment(node, request, *quoted); !paid) {
      return payment_required(request, quoted->terms, "a proof that the model wrote this answer",
                              paid.error().message);
    }
  }
  const auto job = node.proofs()->submit(quoted->job);
  if (!job) return from_error(job.error()).to_response();
  auto response = job_response(node, *job, job->state == ProofState::kReady ? 200 : 202);
  response.headers.emplace_back("Location", "/v1/proofs/" + to_hex(job->id));
  return response;
}

HttpResponse show_proof(node::Node& node, std::string_view id, std::string_view accept) {
  const auto parsed = fixed_from_hex<32>(id);
  if (!parsed) return not_found("a proof's id is 0x and 64 hex digits").to_response();
  const auto job = node.proof_store().find(*parsed);
  if (!job) return from_error(job.error()).to_response();
  if (!*job) {
    return not_found(fmt::format("this node has no proof {}", to_hex(*parsed))).to_response();
  }
  const ProofJob& found = **job;
  const bool is_ready = found.state == ProofState::kReady;
  if (accept == kFileType) {
    if (!is_ready) {
      return ApiError{409, "invalid_request_error",
                      fmt::format("the proof is {}", node::proof_state_name(found.state)), "",
                      "not_ready"}
          .to_response();
    }
    return with_settlement(
        node, found,
        {200, std::string(kFileType), std::string(found.file.begin(), found.file.end()), {}});
  }
  return job_response(node, found, 200);
}

}  // namespace imo::api
