// Commands that use a model without a chain: run, prove, bench, tokenize, eval.

#include "imo/cli/arguments.hpp"
#include "imo/cli/bench_dispute.hpp"
#include "imo/cli/bench_inference.hpp"
#include "imo/cli/command_line.hpp"
#include "imo/cli/eval.hpp"
#include "imo/cli/prove.hpp"
#include "imo/cli/prove_remote.hpp"
#include "imo/cli/prove_request.hpp"
#include "imo/cli/run.hpp"
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

void add_execution(CLI::App* command, ExecutionOptions& options) {
  command->add_option("--threads", options.threads, "as many as the machine runs at once");
  command->add_option("--kernel", options.kernel, "avx512, avx2 or scalar; the fastest there is");
}

void add_run(CommandLine& line) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = line.app.add_subcommand("run", "let a model write, on this machine");
  command->add_option("model", options->model, ".imo or GGUF file")->required();
  command->add_option("prompt", options->prompt, "what it continues")->required();
  command->add_option("--max-tokens", options->max_tokens, "until it ends, or its context");
  command->add_flag("--chat", options->chat, "the prompt is a message, in the model's template");
  engine::Sampling& sampling = options->sampling;
  add_parsed(
      command, "--temperature", sampling.temperature,
      [](const std::string& text) { return parse_fixed(text, 100); },
      "0 to 100: choose by chance, the more freely the higher; 0 takes the first choice");
  command->add_option("--seed", sampling.seed, "of chance: the same gives the same text");
  command->add_option("--top-k", sampling.top_k, "only among the so many likeliest tokens")
      ->check(CLI::PositiveNumber);
  add_parsed(
      command, "--min-p", sampling.min_p,
      [](const std::string& text) { return parse_fixed(text, 1); },
      "0 to 1: only tokens this likely, against the likeliest");
  add_execution(command, options->execution);
  line.on(command,
          [options](const GlobalOptions& global) { return run_model(*options, global.json); });
}

void add_prove(CommandLine& line) {
  auto options = std::make_shared<ProveOptions>();
  CLI::App* command =
      line.app.add_subcommand("prove", "let a model write, and prove that it wrote it");
  command->add_option("model", options->model, ".imo or GGUF file; needless with --from");
  auto* prompt = command->add_option("prompt", options->prompt, "what it continues");
  auto remote = std::make_shared<ProveRemoteOptions>();
  CLI::Option* from =
      command->add_option("--from", remote->url, "let the node at this URL prove its own answer")
          ->excludes(prompt);
  command->add_option("--receipt", remote->receipt, "file with the reply of its HTTP door")
      ->needs(from);
  command->add_flag("--post", remote->post, "have it make the answer final on the chain")
      ->needs(from);
  add_parsed(command, "--pay", remote->most, U256::parse,
             "the most that it may cost, in the smallest unit of the node's token")
      ->needs(from);
  command->add_option("-o,--output", options->output, "where the proof goes; answer.proof");
  auto request = std::make_shared<std::optional<U256>>();
  add_parsed(command, "--request", *request, U256::parse,
             "prove the answer to this request on the chain, which makes it final")
      ->excludes(prompt)
      ->excludes(command->add_option("--max-tokens", options->max_tokens, "tokens to write")
                     ->capture_default_str())
      ->excludes(
          command->add_option("--context", options->context, "32 bytes in hex that name a request"))
      ->excludes(command->add_flag("--profile", options->profile, "say how long each stage took"));
  command->add_flag("--estimate", options->estimate,
                    "say what it would take: time, memory, gas; and do nothing");
  add_execution(command, options->execution);
  line.on(command, [options, request, remote](const GlobalOptions& global) -> Result<Report> {
    const bool is_remote = !remote->url.empty();
    if (is_remote == !options->model.empty()) {
      return invalid("name the model's file, or with --from the node that has it");
    }
    if (!*request && !is_remote) return prove(*options);
    IMO_TRY(Session session, Session::open(global));
    if (is_remote) {
      if (remote->receipt.empty() == !*request) {
        return invalid("--from goes with one of --receipt and --request");
      }
      remote->request_id = *request;
      remote->output = options->output;
      remote->estimate = options->estimate;
      return prove_remote(session, *remote);
    }
    return prove_request(session, {**request, options->model, options->output, options->execution,
                                   options->estimate});
  });
}

void add_bench(CommandLine& line) {
  CLI::App* bench = line.app.add_subcommand("bench", "measure this machine");
  bench->require_subcommand(1);
  auto options = std::make_shared<BenchInferenceOptions>();
  CLI::App* inference =
      bench->add_subcommand("inference", "how fast a model runs, against what could be");
  inference->add_option("model", options->model, ".imo or GGUF file")->required();
  inference->add_option("--prompt", options->prompt, "tokens of the prompt")->capture_default_str();
  inference->add_option("--generate", options->generate, "tokens to write")->capture_default_str();
  inference->add_option("--repeat", options->repeat, "runs")->capture_default_str();
  add_execution(inference, options->execution);
  line.on(inference, [options](const GlobalOptions&) { return bench_inference(*options); });

  auto proving = std::make_shared<BenchProveOptions>();
  CLI::App* prove = bench->add_subcommand("prove", "what it takes to prove an answer");
  prove->add_option("model", proving->model, ".imo or GGUF file")->required();
  prove->add_option("--tokens", proving->tokens, "of prompt and answer")->capture_default_str();
  prove->add_option("--prompt", proving->prompt, "tokens of the prompt")->capture_default_str();
  prove->add_option("--repeat", proving->repeat, "proofs")->capture_default_str();
  add_execution(prove, proving->execution);
  line.on(prove, [proving](const GlobalOptions&) { return bench_prove(*proving); });

  CLI::App* dispute = bench->add_subcommand(
      "dispute", "what it costs to prove an answer false, on a chain of its own");
  auto game = std::make_shared<BenchDisputeOptions>();
  dispute->add_option("model", game->model, ".imo or GGUF; the demo model when left out");
  dispute->add_option("--prompt", game->prompt, "tokens of the prompt")->capture_default_str();
  dispute->add_option("--generate", game->generate, "tokens of the answer")->capture_default_str();
  line.on(dispute, [game](const GlobalOptions&) { return bench_dispute(*game); });
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
  add_run(line);
  add_prove(line);
  add_tokenize(line);
  add_eval(line);
  add_bench(line);
}

}  // namespace imo::cli
