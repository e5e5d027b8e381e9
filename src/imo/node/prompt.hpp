/// Text to prompt tokens, the same way at every door.
#pragma once

#include "imo/base/result.hpp"
#include "imo/node/model_shelf.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace imo::node {

/// The tokens of a text to be continued: what a text question of the oracle and the prompt of
/// /v1/completions become.
Result<std::vector<engine::TokenId>> completion_prompt(const ServedModel& model,
                                                       std::string_view text);

/// The tokens that ask for the next message of a chat. Fails when the model's template is unknown
/// or the messages do not fit it.
Result<std::vector<engine::TokenId>> chat_prompt(const ServedModel& model,
                                                 std::span<const model::ChatMessage> messages);

}  // namespace imo::node
