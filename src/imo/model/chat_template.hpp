/// Chat messages to prompt text, in the forms that models were trained on.
#pragma once

#include "imo/base/result.hpp"
#include "imo/model/vocabulary.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace imo::model {

enum class ChatTemplate : std::uint8_t {
  kPlain = 0,   ///< "Question: ...\nAnswer:", for models that know no template
  kChatMl = 1,  ///< <|im_start|>role ... <|im_end|>
  kLlama2 = 2,  ///< [INST] <<SYS>> ... <</SYS>> ... [/INST]
  kLlama3 = 3,  ///< <|start_header_id|>role<|end_header_id|> ... <|eot_id|>
};

struct ChatMessage {
  std::string role;  ///< "system", "user" or "assistant"
  std::string content;
};

/// Which form a vocabulary's own template has, by the markers in it; kPlain when it has none.
/// Fails when there is a template and none of the known forms is in it.
Result<ChatTemplate> detect_chat_template(const Vocabulary& vocabulary);

/// The prompt that asks for the assistant's next message. Encode it with parse_special; the
/// begin token is added by encode, not here. Fails on no messages, an unknown role, a system
/// message that is not the first, a last
/// message that is not the user's, and content that contains one of the template's own markers.
Result<std::string> format_chat(ChatTemplate form, std::span<const ChatMessage> messages);

/// "plain", "chatml", "llama-2", "llama-3".
std::string_view chat_template_name(ChatTemplate form);

}  // namespace imo::model
