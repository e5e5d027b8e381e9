/// GET /metrics: the node's state as Prometheus reads it (text exposition format 0.0.4).
#pragma once

#include "imo/api/http.hpp"
#include "imo/node/node.hpp"

namespace imo::api {

HttpResponse show_metrics(node::Node& node);

}  // namespace imo::api
