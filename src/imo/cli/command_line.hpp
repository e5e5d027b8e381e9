/// How commands are hung into the argument parser. Included by the few files that pay for CLI11.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/base/u256.hpp"
#include "imo/cli/report.hpp"
#include "imo/cli/session.hpp"

#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace imo::cli {

/// What a command does once its arguments are parsed.
using Action = std::function<Result<Report>(const GlobalOptions& global)>;

/// The parser with what its commands write to. One for each run of the program.
struct CommandLine {
  CLI::App app{
      "Initial Model Offerings: sell shares of a model, run it where anybody can check "
      "its answers, pay its holders"};
  GlobalOptions global;
  Action action;

  /// Makes `command` the one that runs when it was chosen and none of its subcommands was.
  void on(CLI::App* command, Action does) {
    command->callback([this, command, does = std::move(does)] {
      if (command->get_subcommands().empty()) action = does;
    });
  }
};

/// An option whose text `parse` turns into a value; a wrong text is a usage error naming the
/// option.
template <typename T, typename Parse>
CLI::Option* add_parsed(CLI::App* command, const std::string& name, T& value, Parse parse,
                        const std::string& help) {
  return command->add_option_function<std::string>(
      name,
      [&value, parse, name](const std::string& text) {
        auto parsed = parse(text);
        if (!parsed) throw CLI::ValidationError(name, parsed.error().message);
        value = static_cast<T>(std::move(*parsed));
      },
      help);
}

// Each adds one group of commands. Options live in shared state that the actions own.
void add_local_commands(CommandLine& line);     // model, account, doctor, completions
void add_model_commands(CommandLine& line);     // run, bench, tokenize, eval
void add_offering_commands(CommandLine& line);  // offering, bid, settle, claim, revenue
void add_use_commands(CommandLine& line);       // ask, request, verify, content, operator
void add_dispute_commands(CommandLine& line);   // dispute
void add_key_commands(CommandLine& line);       // key
void add_server_commands(CommandLine& line);    // node, dev, demo

}  // namespace imo::cli
