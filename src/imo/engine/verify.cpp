#include "imo/engine/verify.hpp"

#include "imo/engine/session.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace imo::engine {
namespace {

std::optional<TokenId> token_at(std::span<const TokenId> tokens, std::size_t index) {
  return index < tokens.size() ? std::optional(tokens[index]) : std::nullopt;
}

// How many claimed tokens can be right by their form alone: those up to the limit, up to the first
// end token, and before the first that is no token.
std::size_t plausible_length(const Model& model, std::span<const TokenId> output,
                             std::uint32_t max_tokens) {
  std::size_t length = std::min<std::size_t>(output.size(), max_tokens);
  for (std::size_t i = 0; i < length; ++i) {
    if (output[i] >= model.vocabulary_size()) return i;
    if (output[i] == model.end_token()) return i + 1;
  }
  return length;
}

std::string reason_of(const Verdict& verdict) {
  if (!verdict.expected) {
    return fmt::format("the answer goes on with token {} where it must have ended",
                       *verdict.claimed);
  }
  if (!verdict.claimed) {
    return fmt::format("the answer stops where the model writes token {}", *verdict.expected);
  }
  return fmt::format("the answer has token {} where the model writes token {}", *verdict.claimed,
                     *verdict.expected);
}

}  // namespace

Result<Verdict> verify(const Model& model, std::span<const TokenId> prompt,
                       std::span<const TokenId> output, std::uint32_t max_tokens,
                       const Execution& execution) {
  IMO_TRY_VOID(model.check_request(prompt, max_tokens));
  const std::size_t plausible = plausible_length(model, output, max_tokens);
  const bool has_ended =
      plausible == max_tokens || (plausible > 0 && output[plausible - 1] == model.end_token());

  // What follows the last plausible token is of interest only when there should be more.
  std::vector<TokenId> tokens(prompt.begin(), prompt.end());
  const std::size_t replayed = has_ended ? plausible - 1 : plausible;
  tokens.insert(tokens.end(), output.begin(),
                output.begin() + static_cast<std::ptrdiff_t>(replayed));

  Verdict verdict;
  verdict.matches = true;
  verdict.position = static_cast<std::uint32_t>(output.size());
  const auto differs = [&](std::size_t position, std::optional<TokenId> expected) {
    verdict = {
        false, static_cast<std::uint32_t>(position), expected, token_at(output, position), {}};
    verdict.reason = reason_of(verdict);
  };
  Session session(model, static_cast<std::uint32_t>(tokens.size()), execution);
  IMO_TRY_VOID(session.extend_choosing(tokens, prompt.size() - 1, [&](const Choice& choice) {
    const std::size_t position = choice.position + 1 - prompt.size();
    if (token_at(output, position) != choice.greedy) differs(position, choice.greedy);
    return verdict.matches;
  }));
  if (verdict.matches && output.size() > plausible) differs(plausible, std::nullopt);
  return verdict;
}

}  // namespace imo::engine
