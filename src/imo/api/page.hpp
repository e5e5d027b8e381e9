/// The page, embedded in the program: index.html, app.js, app.css.
#pragma once

#include "imo/api/http.hpp"

#include <optional>
#include <string_view>

namespace imo::api {

/// The file at `path` (`/` is the index), or nothing. Its ETag is the hash of its bytes; a request
/// that has them already gets 304. `chain_origin` is where scripts may connect besides here.
std::optional<HttpResponse> page_file(std::string_view path, std::string_view if_none_match,
                                      std::string_view chain_origin);

}  // namespace imo::api
