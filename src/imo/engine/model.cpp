#include "imo/engine/model.hpp"

#include "imo/engine/model_parts.hpp"
#include "imo/engine/sampler.hpp"
#include "imo/engine/session.hpp"
#include "imo/model/program_check.hpp"

#include <fmt/format.h>

namespace imo::engine {

Model::Model(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}

Result<Model> Model::load(const std::filesystem::path& path, model::LoadOptions options) {
  IMO_TRY(model::LoadedProgram loaded, model::load_program(path, options));
  return from_program(std::move(loaded.program), loaded.root);
}

Result<Model> Model::from_program(model::Program program, const Hash32& root) {
  IMO_TRY_VOID(model::check_structure(program));
  IMO_TRY_VOID(model::check_tables(program));
  IMO_TRY(model::Tokenizer tokenizer, model::Tokenizer::create(program.vocabulary));
  Plan plan = Plan::make(program);
  return Model(std::make_shared<const Parts>(
      Parts{std::move(program), root, std::move(tokenizer), std::move(plan)}));
}

const model::Program& Model::program() const {
  return parts_->program;
}

const model::Tokenizer& Model::tokenizer() const {
  return parts_->tokenizer;
}

const Hash32& Model::root() const {
  return parts_->root;
}

const Plan& Model::plan() const {
  return parts_->plan;
}

Result<void> Model::check_request(std::span<const TokenId> prompt, std::uint32_t max_tokens) const {
  if (prompt.empty()) return invalid("the prompt has no tokens");
  if (max_tokens == 0) return invalid("max_tokens is 0; at least one token must be asked for");
  for (std::size_t i = 0; i < prompt.size(); ++i) {
    if (prompt[i] >= vocabulary_size()) {
      return invalid(
          fmt::format("token {} at position {} of the prompt is outside the vocabulary of {}",
                      prompt[i], i, vocabulary_size()));
    }
  }
  const std::uint64_t needed = std::uint64_t{prompt.size()} + max_tokens;
  if (needed > context_length()) {
    return invalid(
        fmt::format("{} prompt tokens and {} to write are {}, but the context holds {}; shorten "
                    "the prompt or ask for less",
                    prompt.size(), max_tokens, needed, context_length()));
  }
  return {};
}

Result<Generation> Model::generate(std::span<const TokenId> prompt, std::uint32_t max_tokens,
                                   const OnToken& on_token, const Execution& execution,
                                   const Sampling& sampling) const {
  IMO_TRY_VOID(check_request(prompt, max_tokens));
  Session session(*this, static_cast<std::uint32_t>(prompt.size()) + max_tokens, execution);
  IMO_TRY_VOID(session.extend(prompt));
  Generation generation;
  for (;;) {
    const TokenId token = sampling.temperature == 0
                              ? session.greedy()
                              : choose_token(sampling, session.position(), session.logits(),
                                             session.logits_fraction());
    generation.tokens.push_back(token);
    const bool goes_on = !on_token || on_token(token);
    if (token == end_token()) {
      generation.stop = StopReason::kEndToken;
      return generation;
    }
    if (generation.tokens.size() == max_tokens) return generation;
    if (!goes_on) {
      generation.stop = StopReason::kCancelled;
      return generation;
    }
    IMO_TRY_VOID(session.extend({&token, 1}));
  }
}

}  // namespace imo::engine
