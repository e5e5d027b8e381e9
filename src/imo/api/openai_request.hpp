/// The bodies of /v1/completions and /v1/chat/completions, read strictly where it matters.
#pragma once

#include "imo/api/api_error.hpp"
#include "imo/model/chat_template.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace imo::api {

/// A field that would change the answer is obeyed or refused, never dropped: a client that asked
/// for sampling and silently got greedy text would trust a wrong thing. Unknown fields are ignored.
struct OpenAiRequest {
  std::string model;  ///< empty: not named
  /// Completions: text, or token ids. Chat: messages.
  std::variant<std::string, std::vector<std::uint32_t>, std::vector<model::ChatMessage>> prompt;
  std::optional<std::uint32_t> max_tokens;
  bool stream = false;
  bool include_usage = false;  ///< a last chunk with the usage
};

/// Reads the body of POST /v1/completions.
ApiResult<OpenAiRequest> parse_completion(std::string_view body);

/// Reads the body of POST /v1/chat/completions.
ApiResult<OpenAiRequest> parse_chat(std::string_view body);

}  // namespace imo::api
