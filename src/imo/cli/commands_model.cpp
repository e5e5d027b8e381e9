// Commands that look at a model without a chain: tokenize, eval.

#include "imo/cli/command_line.hpp"
#include "imo/cli/eval.hpp"
#include "imo/cli/tokenize.hpp"
#include "imo/model/tokenizer.hpp"

#include <iostream>
#include <iterator>
#include <memory>

#include <fmt/format.h>

namespace imo::cli {

namespace {

/// Standard input to its end, of at most what a tokenizer takes.
Result<std::string> read_standard_input() {
  constexpr std::size_t kMost = model::Tokenizer::kMaxTextBytes;
  std::string text(kMost + 1, '\0');
  std::cin.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::cin.gcount()));
  if (text.size() <= kMost) return text;
  return invalid(
      fmt::format("standard input has more than {} bytes, the longest text there is", kMost));
}

void add_tokenize(CommandLine& line) {
  struct Options {
    std::filesystem::path file;
    bool special = false;
    bool decode = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      line.app.add_subcommand("tokenize", "text on standard input to token ids, and back");
  command->add_option("file", options->file, ".imo or GGUF file; a vocabulary is enough")
      ->required();
  command->add_flag("--special", options->special,
                    "add begin and end tokens, read and show control tokens by name");
  command->add_flag("--decode", options->decode, "ids on standard input to text");
  line.on(command, [options](const GlobalOptions&) -> Result<Report> {
    IMO_TRY(const std::string input, read_standard_input());
    return options->decode ? detokenize(options->file, input, options->special)
                           : tokenize(options->file, input, options->special);
  });
}

void add_eval(CommandLine& line) {
  CLI::App* eval = line.app.add_subcommand("eval", "measure a compiled model");
  eval->require_subcommand(1);
  auto options = std::make_shared<EvalOptions>();
  CLI::App* perplexity =
      eval->add_subcommand("perplexity", "of a text, against the float model it was compiled from");
  perplexity->add_option("model", options->model, ".imo or GGUF file")->required();
  perplexity->add_option("--text", options->text, "UTF-8 text")->required();
  perplexity->add_option("--reference", options->reference, "the GGUF file of a .imo file");
  perplexity->add_option("--context", options->context, "tokens of a chunk; the model's context");
  perplexity->add_option("--chunks", options->chunks, "how many chunks at most; all");
  line.on(perplexity, [options](const GlobalOptions&) { return eval_perplexity(*options); });
}

}  // namespace

void add_model_commands(CommandLine& line) {
  add_tokenize(line);
  add_eval(line);
}

}  // namespace imo::cli
