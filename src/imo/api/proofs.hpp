/// Proofs of the node's own answers, on request: what one takes, the work, and the proof.
#pragma once

#include "imo/api/http.hpp"
#include "imo/node/node.hpp"

#include <memory>
#include <string_view>

namespace imo::api {

/// POST /v1/proofs/estimate: what POST /v1/proofs would take, and nothing is begun. Reads the
/// chain, so it blocks; so does the other.
HttpResponse estimate_proof(node::Node& node, const HttpRequest& request);

/// POST /v1/proofs: `{"receipt": digest}` or `{"request": number}`, and `"post": true` to have the
/// oracle told. 202 with the job, which is the same one for the same answer; 200 and the proof once
/// it is there. 402 where it has a price that is not paid, in both versions of x402; from when a
/// payment is in a block, replies of a paid one say so in PAYMENT-RESPONSE.
HttpResponse ask_for_proof(node::Node& node, const HttpRequest& request);

/// GET /v1/proofs/{id}: the job, with the proof once it is there; with Accept:
/// application/octet-stream the file alone, as `imo verify --proof` reads it.
HttpResponse show_proof(node::Node& node, std::string_view id, std::string_view accept);

}  // namespace imo::api
