#include "imo/model/chat_template.hpp"

#include "imo/model/utf8.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace imo::model {
namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// The published templates of llama 2 and 3 trim every message.
std::string_view trim(std::string_view text) {
  constexpr std::string_view kWhite = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(kWhite);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhite) - first + 1);
}

// What a message must not contain: with it, a user could end his turn and speak as another.
std::vector<std::string_view> markers(ChatTemplate form) {
  switch (form) {
    case ChatTemplate::kPlain:
      return {"\nQuestion:", "\nAnswer:"};
    case ChatTemplate::kChatMl:
      return {"<|im_start|>", "<|im_end|>", "<|endoftext|>"};
    case ChatTemplate::kLlama2:
      return {"[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<s>", "</s>"};
    case ChatTemplate::kLlama3:
      return {"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|begin_of_text|>",
              "<|end_of_text|>"};
  }
  return {};
}

Result<void> check_message(ChatTemplate form, const ChatMessage& message, std::size_t index) {
  if (message.role != "system" && message.role != "user" && message.role != "assistant") {
    return invalid(fmt::format("message {} has role {}; it must be system, user or assistant",
                               index, in_quotes(message.role)));
  }
  if (message.role == "system" && index != 0) {
    return invalid(fmt::format("message {} is a system message; only the first may be", index));
  }
  for (const std::string_view marker : markers(form)) {
    if (contains(message.content, marker)) {
      return invalid(fmt::format("message {} contains {}, which the {} template reserves", index,
                                 in_quotes(marker), chat_template_name(form)));
    }
  }
  return {};
}

std::string format_plain(std::span<const ChatMessage> messages) {
  std::string text;
  for (const ChatMessage& message : messages) {
    const std::string_view label = message.role == "user"        ? "Question: "
                                   : message.role == "assistant" ? "Answer: "
                                                                 : "";
    text += fmt::format("{}{}\n", label, message.content);
  }
  return text + "Answer:";
}

std::string format_chatml(std::span<const ChatMessage> messages) {
  std::string text;
  for (const ChatMessage& message : messages) {
    text += fmt::format("<|im_start|>{}\n{}<|im_end|>\n", message.role, message.content);
  }
  return text + "<|im_start|>assistant\n";
}

std::string format_llama3(std::span<const ChatMessage> messages) {
  std::string text;
  for (const ChatMessage& message : messages) {
    text += fmt::format("<|start_header_id|>{}<|end_header_id|>\n\n{}<|eot_id|>", message.role,
                        trim(message.content));
  }
  return text + "<|start_header_id|>assistant<|end_header_id|>\n\n";
}

// The system message stands inside the first turn; every finished turn is a text of its own,
// between <s> and </s>. The first <s> is the begin token.
Result<std::string> format_llama2(std::span<const ChatMessage> messages) {
  std::string text;
  std::string system;
  if (messages[0].role == "system") {
    system = fmt::format("<<SYS>>\n{}\n<</SYS>>\n\n", trim(messages[0].content));
    messages = messages.subspan(1);
  }
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const bool user_turn = i % 2 == 0;
    if (messages[i].role != (user_turn ? "user" : "assistant")) {
      return invalid("the llama-2 template wants user and assistant messages by turns");
    }
    const std::string_view content = trim(messages[i].content);
    if (user_turn) {
      text +=
          fmt::format("{}[INST] {}{} [/INST]", i == 0 ? "" : "<s>", i == 0 ? system : "", content);
    } else {
      text += fmt::format(" {} </s>", content);
    }
  }
  return text;
}

}  // namespace

Result<ChatTemplate> detect_chat_template(const Vocabulary& vocabulary) {
  const std::string_view text = vocabulary.chat_template;
  if (text.empty()) return ChatTemplate::kPlain;
  if (contains(text, "<|im_start|>")) return ChatTemplate::kChatMl;
  if (contains(text, "<|start_header_id|>")) return ChatTemplate::kLlama3;
  if (contains(text, "[INST]") && contains(text, "<<SYS>>")) return ChatTemplate::kLlama2;
  if (contains(text, "Question: ") && contains(text, "Answer:")) return ChatTemplate::kPlain;
  return invalid(
      "the model's chat template is none of chatml, llama-2, llama-3 and "
      "question-and-answer; ask it with a plain prompt");
}

Result<std::string> format_chat(ChatTemplate form, std::span<const ChatMessage> messages) {
  if (messages.empty()) return invalid("there are no messages");
  for (std::size_t i = 0; i < messages.size(); ++i) {
    IMO_TRY_VOID(check_message(form, messages[i], i));
  }
  if (messages.back().role != "user") {
    return invalid("the last message must be the user's: there is nothing to answer");
  }
  switch (form) {
    case ChatTemplate::kPlain:
      return format_plain(messages);
    case ChatTemplate::kChatMl:
      return format_chatml(messages);
    case ChatTemplate::kLlama2:
      return format_llama2(messages);
    case ChatTemplate::kLlama3:
      return format_llama3(messages);
  }
  return invalid("unknown chat template");
}

std::string_view chat_template_name(ChatTemplate form) {
  switch (form) {
    case ChatTemplate::kPlain:
      return "plain";
    case ChatTemplate::kChatMl:
      return "chatml";
    case ChatTemplate::kLlama2:
      return "llama-2";
    case ChatTemplate::kLlama3:
      return "llama-3";
  }
  return "unknown";
}

}  // namespace imo::model
