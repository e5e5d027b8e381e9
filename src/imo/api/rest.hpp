/// The plain JSON interfaces: chain, offerings, requests. Amounts are decimal texts in the
/// smallest unit (wei), times unix seconds, ids and hashes hexadecimal.
#pragma once

#include "imo/api/http.hpp"
#include "imo/node/node.hpp"

#include <string>
#include <string_view>

namespace imo::api {

/// GET /v1/chain: where the page finds chain and contracts.
HttpResponse show_chain(node::Node& node);

/// GET /v1/offerings. Reads the chain, so it blocks.
HttpResponse list_offerings(node::Node& node);

/// GET /v1/offerings/{model id, or address of token or sale}. Blocks.
HttpResponse show_offering(node::Node& node, std::string_view reference);

/// GET /v1/requests: the newest fifty.
HttpResponse list_requests(node::Node& node);

/// GET /v1/requests/{id}.
HttpResponse show_request(node::Node& node, std::string_view id);

/// The RPC address that may be told to everybody: the configured one, or the node's own when it
/// holds nothing secret (no user, path or query); else empty.
std::string public_rpc_url(const node::NodeConfig& config);

}  // namespace imo::api
