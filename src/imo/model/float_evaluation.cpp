// What is done with a float model: greedy answers and likelihoods.

#include "imo/base/check.hpp"
#include "imo/model/float_reference.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace imo::model {

TokenId argmax(std::span<const float> logits) {
  IMO_CHECK(!logits.empty(), "no logits");
  return static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

Result<std::vector<TokenId>> generate_greedy(const FloatModel& model,
                                             std::span<const TokenId> prompt,
                                             std::uint32_t max_tokens,
                                             const std::function<bool(TokenId)>& is_end) {
  if (prompt.empty()) return invalid("the prompt is empty; give at least one token");
  // The last token produced is never run, so it needs no place in the context.
  const std::uint64_t places = std::uint64_t{max_tokens} + prompt.size() - 1;
  if (max_tokens > 0 && places > model.config.context_length) {
    return invalid(fmt::format("{} tokens of prompt and {} of answer do not fit the context of {}",
                               prompt.size(), max_tokens, model.config.context_length));
  }
  std::vector<TokenId> answer;
  if (max_tokens == 0) return answer;
  FloatSession session(model);
  for (const TokenId token : prompt.first(prompt.size() - 1)) IMO_TRY_VOID(session.advance(token));
  TokenId last = prompt.back();
  while (answer.size() < max_tokens) {
    IMO_TRY(const std::span<const float> logits, session.step(last));
    last = argmax(logits);
    answer.push_back(last);
    if (is_end && is_end(last)) break;
  }
  return answer;
}

double Likelihood::mean() const {
  return tokens == 0 ? 0 : negative_log / static_cast<double>(tokens);
}

double Likelihood::perplexity() const {
  return std::exp(mean());
}

double negative_log_probability(std::span<const float> logits, TokenId token) {
  IMO_CHECK(token < logits.size(), "token outside the logits");
  const double greatest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - greatest);
  return std::log(sum) - (logits[token] - greatest);
}

Result<Likelihood> sequence_likelihood(const FloatModel& model, std::span<const TokenId> tokens) {
  Likelihood total;
  FloatSession session(model);
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    IMO_TRY(const std::span<const float> logits, session.step(tokens[i]));
    if (tokens[i + 1] >= logits.size()) {
      return invalid(fmt::format("token {} at position {} is outside the vocabulary of {}",
                                 tokens[i + 1], i + 1, logits.size()));
    }
    total.negative_log += negative_log_probability(logits, tokens[i + 1]);
    ++total.tokens;
  }
  return total;
}

namespace {

// Runs one chunk and scores the tokens behind its middle.
Result<void> add_chunk(FloatSession& session, std::span<const TokenId> chunk,
                       std::optional<TokenId> begin, Likelihood& total) {
  session.reset();
  const std::size_t middle = chunk.size() / 2;
  for (std::size_t i = 0; i + 1 < chunk.size(); ++i) {
    const TokenId token = i == 0 && begin ? *begin : chunk[i];
    if (i < middle) {
      IMO_TRY_VOID(session.advance(token));
      continue;
    }
    IMO_TRY(const std::span<const float> logits, session.step(token));
    if (chunk[i + 1] >= logits.size()) {
      return invalid(
          fmt::format("token {} is outside the vocabulary of {}", chunk[i + 1], logits.size()));
    }
    total.negative_log += negative_log_probability(logits, chunk[i + 1]);
    ++total.tokens;
  }
  return {};
}

}  // namespace

Result<Likelihood> chunked_likelihood(const FloatModel& model, std::span<const TokenId> tokens,
                                      std::uint32_t context, std::uint32_t max_chunks,
                                      std::optional<TokenId> begin) {
  if (context < 4 || context > model.config.context_length) {
    return invalid(fmt::format("chunks of {} tokens: the model takes 4 to {}", context,
                               model.config.context_length));
  }
  if (tokens.size() < context) {
    return invalid(
        fmt::format("the text has {} tokens, fewer than one chunk of {}", tokens.size(), context));
  }
  std::size_t chunks = tokens.size() / context;
  if (max_chunks != 0) chunks = std::min<std::size_t>(chunks, max_chunks);
  Likelihood total;
  FloatSession session(model);
  for (std::size_t i = 0; i < chunks; ++i) {
    IMO_TRY_VOID(add_chunk(session, tokens.subspan(i * context, context), begin, total));
  }
  return total;
}

}  // namespace imo::model
