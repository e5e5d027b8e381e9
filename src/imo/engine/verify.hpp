/// Re-executes an answer and says whether it is what the model writes.
#pragma once

#include "imo/engine/model.hpp"

#include <optional>
#include <string>

namespace imo::engine {

struct Verdict {
  bool matches = false;
  /// The first output position that is wrong; the number of output tokens when all are right.
  /// It may lie behind the last claimed token when the answer stops too early.
  std::uint32_t position = 0;
  std::optional<TokenId> expected;  ///< none: nothing may stand here
  std::optional<TokenId> claimed;   ///< none: the answer stops here
  std::string reason;               ///< one sentence; empty when it matches
};

/// One batched pass over prompt and answer. An answer is right when every token is the greedy
/// one and it stops behind the end token or at max_tokens, not before and not later. Fails (no
/// verdict) when the request itself is one that generate refuses.
Result<Verdict> verify(const Model& model, std::span<const TokenId> prompt,
                       std::span<const TokenId> output, std::uint32_t max_tokens,
                       const Execution& execution = {});

}  // namespace imo::engine
