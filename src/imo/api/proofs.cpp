#include "imo/api/proofs.hpp"

#include "imo/api/api_error.hpp"
#include "imo/base/hex.hpp"
#include "imo/base/machine.hpp"
#include "imo/node/model_shelf.hpp"
#include "imo/node/proof_service.hpp"

#include <optional>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace imo::api {
namespace {

using Json = nlohmann::ordered_json;
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
  ProofSource source;
  node::ProvingCost cost;
  bool post = false;
};

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
  return Quoted{std::move(*source), *cost, asked->post};
}

Json estimate_json(std::chrono::milliseconds proving, std::uint64_t memory, std::uint64_t bytes,
                   std::uint64_t gas) {
  return {{"prove_s", seconds(proving)},
          {"memory_bytes", memory},
          {"proof_bytes", bytes},
          {"gas", gas}};
}

Json job_json(const ProofJob& job) {
  return {{"id", to_hex(job.id)},
          {"object", "proof"},
          {"state", node::proof_state_name(job.state)},
          {"model_root", to_hex(job.model_root)},
          {"context", to_hex(job.context)},
          {"request", job.request != 0 ? Json(job.request) : Json(nullptr)},
          {"estimate", estimate_json(job.proving, job.memory_bytes, job.proof_bytes, job.gas)},
          {"reason", job.reason.empty() ? Json(nullptr) : Json(job.reason)}};
}

HttpResponse json_response(int status, const Json& document) {
  return {status,
          "application/json",
          document.dump(-1, ' ', false, Json::error_handler_t::replace),
          {}};
}

}  // namespace

HttpResponse estimate_proof(node::Node& node, std::string_view body) {
  const auto quoted = quote(node, body);
  if (!quoted) return quoted.error().to_response();
  const auto& [source, cost, post] = *quoted;
  return json_response(200, {{"object", "proof.estimate"},
                             {"model_root", to_hex(source.model->root())},
                             {"context", to_hex(source.statement.context)},
                             {"estimate", estimate_json(cost.proving, cost.needs.memory_bytes,
                                                        cost.needs.proof_bytes, cost.needs.gas)}});
}

HttpResponse ask_for_proof(node::Node& node, std::string_view body) {
  const auto quoted = quote(node, body);
  if (!quoted) return quoted.error().to_response();
  const auto job = node.proofs()->submit(quoted->source, quoted->cost, quoted->post);
  if (!job) return from_error(job.error()).to_response();
  auto response = json_response(202, job_json(*job));
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
    return {200, std::string(kFileType), std::string(found.file.begin(), found.file.end()), {}};
  }
  Json document = job_json(found);
  document["proof"] = is_ready ? Json(to_hex(found.file)) : Json(nullptr);
  return json_response(200, document);
}

}  // namespace imo::api
