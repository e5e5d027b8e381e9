#include "imo/node/prompt.hpp"

#include <fmt/format.h>

namespace imo::node {

Result<std::vector<engine::TokenId>> completion_prompt(const ServedModel& model,
                                                       std::string_view text) {
  return model.tokenizer().encode(text);
}

Result<std::vector<engine::TokenId>> chat_prompt(const ServedModel& model,
                                                 std::span<const model::ChatMessage> messages) {
  if (!model.chat) {
    return invalid(fmt::format("the chat template of '{}' is not known here; use /v1/completions",
                               model.name));
  }
  IMO_TRY(const auto text, model::format_chat(*model.chat, messages));
  return model.tokenizer().encode(text, {.add_special = true, .parse_special = true});
}

}  // namespace imo::node
