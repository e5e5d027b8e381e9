/// The OpenAI door: models, completions and chat completions, whole or streamed.
#pragma once

#include "imo/api/http.hpp"
#include "imo/node/node.hpp"

#include <memory>
#include <string_view>

namespace imo::api {

/// GET /v1/models. Each entry carries `imo`: root, registered id, context, vocabulary.
HttpResponse list_models(node::Node& node);

/// GET /v1/models/{name}: by name, root or model id.
HttpResponse show_model(node::Node& node, std::string_view name);

/// POST /v1/completions and /v1/chat/completions. Reads, tokenises and queues the request, then
/// returns; the answer follows from the inference thread. Must not run on the socket thread: long
/// prompts take time to tokenise. A client that leaves cancels its answer.
void complete(node::Node& node, const std::shared_ptr<Exchange>& exchange, bool chat);

}  // namespace imo::api
