#include "imo/api/api_error.hpp"

#include <nlohmann/json.hpp>

namespace imo::api {
namespace {

nlohmann::json or_null(const std::string& text) {
  return text.empty() ? nlohmann::json(nullptr) : nlohmann::json(text);
}

}  // namespace

std::string ApiError::to_json() const {
  const nlohmann::ordered_json document{
      {"error",
       {{"message", message}, {"type", type}, {"param", or_null(param)}, {"code", or_null(code)}}}};
  // Messages may quote bytes of a request that are no UTF-8.
  return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

HttpResponse ApiError::to_response() const {
  return {status, "application/json", to_json(), {}};
}

ApiError from_error(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kInvalidInput:
      return {400, "invalid_request_error", error.message, "", ""};
    case ErrorKind::kNotFound:
      return {404, "invalid_request_error", error.message, "", ""};
    case ErrorKind::kNetwork:
    case ErrorKind::kTimeout:
    case ErrorKind::kRejected:
      return {503, "unavailable_error", error.message, "", ""};
    case ErrorKind::kIo:
    case ErrorKind::kVerification:
      break;
  }
  return {500, "server_error", error.message, "", ""};
}

ApiError not_found(std::string message) {
  return {404, "invalid_request_error", std::move(message), "", "not_found"};
}

}  // namespace imo::api
