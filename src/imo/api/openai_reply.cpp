#include "imo/api/openai_reply.hpp"

#include "imo/base/hex.hpp"
#include "imo/eth/address.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace imo::api {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& document) {
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

const char* finish_reason(const ReplyBody& body) {
  return body.answer.stop == engine::StopReason::kEndToken ? "stop" : "length";
}

Json usage(const ReplyBody& body) {
  const auto prompt = body.prompt.size();
  const auto output = body.answer.tokens.size();
  return {
      {"prompt_tokens", prompt}, {"completion_tokens", output}, {"total_tokens", prompt + output}};
}

Json imo_object(const ReplyHead& head, const ReplyBody& body) {
  const auto& receipt = body.receipt;
  return {{"model_root", to_hex(head.root)},
          {"model_id", receipt ? Json(to_hex(receipt->receipt.model_id.to_be())) : Json(nullptr)},
          {"prompt_tokens", body.prompt},
          {"output_tokens", body.answer.tokens},
          {"max_tokens", body.max_tokens},
          {"trust", receipt ? "signed" : "unsigned"},
          {"receipt", receipt ? receipt_json(*receipt) : Json(nullptr)}};
}

Json frame(const ReplyHead& head, std::string_view object) {
  return {{"id", head.id},
          {"object", object},
          {"created", head.created},
          {"model", head.model},
          {"system_fingerprint", "imo_" + to_hex(head.root).substr(2, 16)}};
}

Json chunk(const ReplyHead& head, Json choices) {
  auto document = frame(head, head.chat ? "chat.completion.chunk" : "text_completion");
  document["choices"] = std::move(choices);
  if (head.include_usage) document["usage"] = nullptr;
  return document;
}

// One choice: a text, or for chat the next piece of the message.
Json choice(const ReplyHead& head, std::string_view text, const char* finish) {
  Json entry{{"index", 0}};
  if (head.chat) {
    entry["delta"] = finish != nullptr ? Json::object() : Json{{"content", text}};
  } else {
    entry["text"] = text;
  }
  entry["logprobs"] = nullptr;
  entry["finish_reason"] = finish != nullptr ? Json(finish) : Json(nullptr);
  return Json::array({std::move(entry)});
}

}  // namespace

Json receipt_json(const node::SignedReceipt& receipt) {
  const auto& fields = receipt.receipt;
  return {{"modelId", fields.model_id.to_dec()},
          {"modelRoot", to_hex(fields.model_root)},
          {"promptHash", to_hex(fields.prompt_hash)},
          {"outputHash", to_hex(fields.output_hash)},
          {"textHash", to_hex(fields.text_hash)},
          {"maxTokens", fields.max_tokens},
          {"sampling", to_hex(fields.sampling)},
          {"operator", eth::to_checksum(fields.operator_address)},
          {"payer", eth::to_checksum(fields.payer)},
          {"asset", eth::to_checksum(fields.asset)},
          {"payment", fields.payment.to_dec()},
          {"issuedAt", std::to_string(fields.issued_at)},
          {"nonce", to_hex(fields.nonce)},
          {"digest", to_hex(receipt.digest)},
          {"signature", to_hex(receipt.signature.to_bytes())}};
}

std::string whole_reply(const ReplyHead& head, const ReplyBody& body) {
  auto document = frame(head, head.chat ? "chat.completion" : "text_completion");
  Json entry{{"index", 0}};
  if (head.chat) {
    entry["message"] = {{"role", "assistant"}, {"content", body.answer.text}, {"refusal", nullptr}};
  } else {
    entry["text"] = body.answer.text;
  }
  entry["logprobs"] = nullptr;
  entry["finish_reason"] = finish_reason(body);
  document["choices"] = Json::array({std::move(entry)});
  document["usage"] = usage(body);
  document["imo"] = imo_object(head, body);
  return dump(document);
}

std::string sse_event(std::string_view data) {
  return fmt::format("data: {}\n\n", data);
}

std::string first_event(const ReplyHead& head) {
  if (!head.chat) return {};
  auto choices = choice(head, "", nullptr);
  choices[0]["delta"] = {{"role", "assistant"}, {"content", ""}};
  return sse_event(dump(chunk(head, std::move(choices))));
}

std::string text_event(const ReplyHead& head, std::string_view text) {
  return sse_event(dump(chunk(head, choice(head, text, nullptr))));
}

std::string last_events(const ReplyHead& head, const ReplyBody& body) {
  auto last = chunk(head, choice(head, "", finish_reason(body)));
  last["imo"] = imo_object(head, body);
  auto events = sse_event(dump(last));
  if (head.include_usage) {
    auto counts = chunk(head, Json::array());
    counts["usage"] = usage(body);
    events += sse_event(dump(counts));
  }
  return events + sse_event("[DONE]");
}

}  // namespace imo::api
