#include "imo/cli/run.hpp"

#include "imo/base/format.hpp"
#include "imo/base/hex.hpp"
#include "imo/cli/model.hpp"
#include "imo/model/chat_template.hpp"

#include <array>
#include <chrono>
#include <iostream>

#include <fmt/format.h>

namespace imo::cli {

namespace {

using Clock = std::chrono::steady_clock;

double seconds(Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

double rate(std::size_t count, Clock::duration duration) {
  return duration.count() <= 0 ? 0 : double(count) / seconds(duration);
}

Result<std::vector<engine::TokenId>> prompt_tokens(const engine::Model& model,
                                                   const RunOptions& options) {
  if (options.prompt.empty()) return invalid("the prompt is empty");
  if (!options.chat) return model.tokenizer().encode(options.prompt);
  IMO_TRY(const auto form, model::detect_chat_template(model.program().vocabulary));
  const std::array<model::ChatMessage, 1> messages{{{"user", options.prompt}}};
  IMO_TRY(const std::string text, model::format_chat(form, messages));
  return model.tokenizer().encode(text, {.add_special = true, .parse_special = true});
}

/// A number of tokens to write: what was asked for, else what the context leaves.
Result<std::uint32_t> tokens_to_write(const engine::Model& model, std::size_t prompt,
                                      std::uint32_t asked) {
  if (prompt >= model.context_length()) {
    return invalid(
        fmt::format("the prompt has {} tokens, but the context holds {} and one must "
                    "be left to write; shorten the prompt",
                    prompt, model.context_length()));
  }
  return asked != 0 ? asked : model.context_length() - static_cast<std::uint32_t>(prompt);
}

std::string_view stop_name(engine::StopReason stop) {
  switch (stop) {
    case engine::StopReason::kEndToken:
      return "end_token";
    case engine::StopReason::kTokenLimit:
      return "token_limit";
    case engine::StopReason::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

/// The answer's text as it comes, and when its first token came.
class Writer {
 public:
  Writer(const model::Tokenizer& tokenizer, bool shown) : decoder_(tokenizer), shown_(shown) {}

  /// False when nobody reads standard output any more.
  bool push(engine::TokenId token) {
    if (!first_) first_ = Clock::now();
    if (const auto piece = decoder_.push(token)) show(*piece);
    return !shown_ || std::cout.good();
  }

  void finish() {
    show(decoder_.finish());
    if (shown_ && !text_.ends_with('\n')) std::cout << '\n' << std::flush;
  }

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] Clock::time_point first() const { return first_.value_or(Clock::now()); }

 private:
  void show(const std::string& piece) {
    text_ += piece;
    if (shown_ && !piece.empty()) std::cout << piece << std::flush;
  }

  model::StreamDecoder decoder_;
  bool shown_;
  std::string text_;
  std::optional<Clock::time_point> first_;
};

/// Options that change nothing are a mistake.
Result<void> check_sampling(const engine::Sampling& sampling) {
  const bool has_others = sampling.seed != 0 || sampling.top_k != 0 || sampling.min_p != 0;
  if (sampling.temperature != 0 || !has_others) return {};
  return invalid(
      "--seed, --top-k and --min-p need a --temperature above 0: without, the model's "
      "first choice is taken");
}

}  // namespace

Result<Report> run_model(const RunOptions& options, bool json) {
  IMO_TRY_VOID(check_sampling(options.sampling));
  IMO_TRY(const Runner runner, Runner::create(options.execution));
  const auto started = Clock::now();
  IMO_TRY(const engine::Model model, open_model(options.model, {.verify = false}));
  const auto loaded = Clock::now();
  IMO_TRY(const auto prompt, prompt_tokens(model, options));
  IMO_TRY(const std::uint32_t limit, tokens_to_write(model, prompt.size(), options.max_tokens));

  Writer writer(model.tokenizer(), !json);
  IMO_TRY(const engine::Generation answer,
          model.generate(
              prompt, limit, [&](engine::TokenId token) { return writer.push(token); },
              runner.execution(), options.sampling));
  const auto done = Clock::now();
  writer.finish();

  const double prefill = rate(prompt.size(), writer.first() - loaded);
  const double decode = rate(answer.tokens.size() - 1, done - writer.first());
  if (!json) {
    std::cerr << fmt::format(
        "{} tokens, {:.1f} a second; prompt of {} tokens, {:.1f} a second; {} threads, {}\n",
        answer.tokens.size(), decode, prompt.size(), prefill, runner.pool().size(),
        runner.kernels().name);
  }
  Report report;
  report.data = {{"model_root", to_hex(model.root())},
                 {"text", writer.text()},
                 {"prompt_tokens", prompt},
                 {"output_tokens", answer.tokens},
                 {"stop", stop_name(answer.stop)},
                 {"load_seconds", seconds(loaded - started)},
                 {"prefill_tokens_per_s", prefill},
                 {"decode_tokens_per_s", decode},
                 {"threads", runner.pool().size()},
                 {"kernel", runner.kernels().name}};
  return report;
}

}  // namespace imo::cli
