/// Errors as OpenAI's clients expect them: {"error": {"message", "type", "param", "code"}}.
#pragma once

#include "imo/api/http.hpp"
#include "imo/base/result.hpp"

#include <string>

#include <tl/expected.hpp>

namespace imo::api {

struct ApiError {
  int status = 400;
  std::string type = "invalid_request_error";
  std::string message;
  std::string param;  ///< the field at fault; empty: null
  std::string code;   ///< empty: null

  [[nodiscard]] std::string to_json() const;
  [[nodiscard]] HttpResponse to_response() const;
};

template <typename T>
using ApiResult = tl::expected<T, ApiError>;

inline tl::unexpected<ApiError> bad_field(std::string param, std::string message,
                                          std::string code = {}) {
  return tl::unexpected(ApiError{400, "invalid_request_error", std::move(message), std::move(param),
                                 std::move(code)});
}

/// The answer to a failure inside: 503 for what passes by itself, 404, 400, else 500.
ApiError from_error(const Error& error);

/// 404 for a path or thing that is not there.
ApiError not_found(std::string message);

}  // namespace imo::api
