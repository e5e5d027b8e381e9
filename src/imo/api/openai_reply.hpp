/// The answers of the OpenAI door as JSON.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/node/answer_service.hpp"
#include "imo/node/receipt.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace imo::api {

/// What is the same in every piece of one answer.
struct ReplyHead {
  std::string id;  ///< `cmpl-…` or `chatcmpl-…`
  std::string model;
  Hash32 root;
  std::uint64_t created = 0;
  bool chat = false;
  bool include_usage = false;
};

/// One answer with all that a client may check.
struct ReplyBody {
  std::vector<std::uint32_t> prompt;
  std::uint32_t max_tokens = 0;
  node::Answer answer;
  std::optional<node::SignedReceipt> receipt;  ///< none: the model is not registered
};

/// The whole answer as one object.
std::string whole_reply(const ReplyHead& head, const ReplyBody& body);

/// Server-sent events: the first of a chat, one of text, and those that end the answer.
std::string first_event(const ReplyHead& head);
std::string text_event(const ReplyHead& head, std::string_view text);
std::string last_events(const ReplyHead& head, const ReplyBody& body);

/// `data: …` and a blank line.
std::string sse_event(std::string_view data);

/// IOperatorRegistry.Receipt by its EIP-712 member names, numbers beyond 32 bits as decimal text,
/// and the signature: what wallets verify as typed data.
nlohmann::ordered_json receipt_json(const node::SignedReceipt& receipt);

}  // namespace imo::api
