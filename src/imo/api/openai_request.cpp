#include "imo/api/openai_request.hpp"

#include <array>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace imo::api {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 32;

#define IMO_API_TRY(declaration, ...)                                         \
  auto IMO_CONCAT(api_try_, __LINE__) = (__VA_ARGS__);                        \
  if (!IMO_CONCAT(api_try_, __LINE__))                                        \
    return tl::unexpected(std::move(IMO_CONCAT(api_try_, __LINE__)).error()); \
  declaration = std::move(IMO_CONCAT(api_try_, __LINE__)).value()

ApiResult<json> parse_object(std::string_view body) {
  bool too_deep = false;
  const auto watch_depth = [&](int depth, json::parse_event_t, json&) {
    too_deep |= depth > kMaxDepth;
    return !too_deep;
  };
  auto document = json::parse(body, watch_depth, /*allow_exceptions=*/false);
  if (too_deep) {
    return bad_field("", fmt::format("the body is nested deeper than {}", kMaxDepth));
  }
  if (document.is_discarded()) return bad_field("", "the body is not JSON");
  if (!document.is_object()) return bad_field("", "the body is not a JSON object");
  return document;
}

// Absent and null are the same in this interface.
const json* member(const json& document, const char* name) {
  const auto found = document.find(name);
  return found == document.end() || found->is_null() ? nullptr : &*found;
}

ApiResult<bool> read_flag(const json& document, const char* name) {
  const auto* value = member(document, name);
  if (value == nullptr) return false;
  if (!value->is_boolean()) return bad_field(name, fmt::format("{} must be true or false", name));
  return value->get<bool>();
}

ApiResult<std::optional<std::uint32_t>> read_limit(const json& document, const char* name) {
  const auto* value = member(document, name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_unsigned() || value->get<std::uint64_t>() == 0 ||
      value->get<std::uint64_t>() > std::numeric_limits<std::int32_t>::max()) {
    return bad_field(name, fmt::format("{} must be a positive whole number", name));
  }
  return value->get<std::uint32_t>();
}

bool is_number(const json& value, double wanted) {
  return value.is_number() && value.get<double>() == wanted;
}

bool is_empty(const json& value) {
  return (value.is_array() || value.is_object() || value.is_string()) && value.empty();
}

bool is_false(const json& value) {
  return value.is_boolean() && !value.get<bool>();
}

bool is_text_format(const json& value) {
  return value.is_object() && value.contains("type") && value["type"] == "text";
}

// What would change the answer, and the values of it that do not.
struct Restriction {
  const char* field;
  bool (*harmless)(const json&);
  const char* remedy;
};

constexpr std::array<Restriction, 19> kRestrictions{{
    {"temperature", [](const json& v) { return is_number(v, 0); },
     "answers are greedy, so that they can be checked: leave it out or send 0"},
    {"n", [](const json& v) { return is_number(v, 1); }, "there is one greedy answer: send 1"},
    {"best_of", [](const json& v) { return is_number(v, 1); }, "send 1"},
    {"presence_penalty", [](const json& v) { return is_number(v, 0); }, "send 0"},
    {"frequency_penalty", [](const json& v) { return is_number(v, 0); }, "send 0"},
    {"repetition_penalty", [](const json& v) { return is_number(v, 1); }, "send 1"},
    {"repeat_penalty", [](const json& v) { return is_number(v, 1); }, "send 1"},
    {"logit_bias", is_empty, "leave it out"},
    {"stop", is_empty, "answers end at the model's end token or at max_tokens: leave it out"},
    {"logprobs", is_false, "leave it out"},
    {"top_logprobs", [](const json& v) { return is_number(v, 0); }, "leave it out"},
    {"echo", is_false, "leave it out"},
    {"suffix", is_empty, "leave it out"},
    {"tools", is_empty, "the models here call no tools: leave it out"},
    {"functions", is_empty, "the models here call no functions: leave it out"},
    {"response_format", is_text_format, "only {\"type\": \"text\"}"},
    {"audio", is_empty, "leave it out"},
    {"prediction", is_empty, "leave it out"},
    {"web_search_options", is_empty, "leave it out"},
}};

ApiResult<void> refuse_unsupported(const json& document) {
  for (const auto& [field, harmless, remedy] : kRestrictions) {
    const auto* value = member(document, field);
    if (value != nullptr && !harmless(*value)) {
      return bad_field(field, fmt::format("this value of {} is not supported; {}", field, remedy),
                       "unsupported_parameter");
    }
  }
  const auto* seed = member(document, "seed");
  if (seed != nullptr && !seed->is_number_integer()) {
    return bad_field("seed", "seed must be a whole number");
  }
  const auto* top_p = member(document, "top_p");
  const double share = top_p != nullptr && top_p->is_number() ? top_p->get<double>() : 0;
  if (top_p != nullptr && !(share > 0 && share <= 1)) {
    return bad_field("top_p", "top_p must be above 0 and at most 1; greedy answers ignore it");
  }
  return {};
}

// What both endpoints have.
ApiResult<OpenAiRequest> read_common(const json& document) {
  OpenAiRequest request;
  if (auto unsupported = refuse_unsupported(document); !unsupported) {
    return tl::unexpected(unsupported.error());
  }
  if (const auto* model = member(document, "model")) {
    if (!model->is_string()) return bad_field("model", "model must be a text");
    request.model = model->get<std::string>();
  }
  IMO_API_TRY(request.max_tokens, read_limit(document, "max_tokens"));
  IMO_API_TRY(const auto newer, read_limit(document, "max_completion_tokens"));
  if (newer && request.max_tokens && *newer != *request.max_tokens) {
    return bad_field("max_tokens", "max_tokens and max_completion_tokens disagree; send one");
  }
  if (newer) request.max_tokens = newer;
  IMO_API_TRY(request.stream, read_flag(document, "stream"));
  if (const auto* options = member(document, "stream_options")) {
    if (!options->is_object()) {
      return bad_field("stream_options", "stream_options must be an object");
    }
    IMO_API_TRY(request.include_usage, read_flag(*options, "include_usage"));
  }
  return request;
}

ApiResult<std::vector<std::uint32_t>> read_ids(const json& list) {
  std::vector<std::uint32_t> ids;
  ids.reserve(list.size());
  for (const auto& entry : list) {
    if (!entry.is_number_unsigned() ||
        entry.get<std::uint64_t>() > std::numeric_limits<std::uint32_t>::max()) {
      return bad_field("prompt", "prompt must be one text, or a list of token ids");
    }
    ids.push_back(entry.get<std::uint32_t>());
  }
  return ids;
}

ApiResult<std::string> read_content(const json& message) {
  const auto* content = member(message, "content");
  if (content != nullptr && content->is_string()) return content->get<std::string>();
  std::string text;
  const auto fault = [] {
    return bad_field("messages", "a message's content must be a text, or a list of text parts");
  };
  if (content == nullptr || !content->is_array()) return fault();
  for (const auto& part : *content) {
    const bool good = part.is_object() && part.contains("type") && part["type"] == "text" &&
                      part.contains("text") && part["text"].is_string();
    if (!good) return fault();
    text += part["text"].get_ref<const std::string&>();
  }
  return text;
}

}  // namespace

ApiResult<OpenAiRequest> parse_completion(std::string_view body) {
  IMO_API_TRY(const auto document, parse_object(body));
  IMO_API_TRY(auto request, read_common(document));
  const auto* prompt = member(document, "prompt");
  if (prompt == nullptr) return bad_field("prompt", "prompt is missing");
  if (prompt->is_array() && prompt->size() == 1 && prompt->front().is_string()) {
    prompt = &prompt->front();
  }
  if (prompt->is_string()) {
    request.prompt = prompt->get<std::string>();
    return request;
  }
  if (!prompt->is_array()) {
    return bad_field("prompt", "prompt must be one text, or a list of token ids");
  }
  IMO_API_TRY(request.prompt, read_ids(*prompt));
  return request;
}

ApiResult<OpenAiRequest> parse_chat(std::string_view body) {
  IMO_API_TRY(const auto document, parse_object(body));
  IMO_API_TRY(auto request, read_common(document));
  const auto* messages = member(document, "messages");
  if (messages == nullptr || !messages->is_array() || messages->empty()) {
    return bad_field("messages", "messages must be a list with at least one message");
  }
  std::vector<model::ChatMessage> chat;
  for (const auto& entry : *messages) {
    const auto* role = entry.is_object() ? member(entry, "role") : nullptr;
    if (role == nullptr || !role->is_string()) {
      return bad_field("messages", "every message needs a role");
    }
    IMO_API_TRY(auto content, read_content(entry));
    auto name = role->get<std::string>();
    if (name == "developer") name = "system";  // the newer word for the same
    chat.push_back({std::move(name), std::move(content)});
  }
  request.prompt = std::move(chat);
  return request;
}

}  // namespace imo::api
