#include "imo/cli/arguments.hpp"
#include "imo/cli/command_line.hpp"
#include "imo/cli/key.hpp"

#include <memory>

namespace imo::cli {

namespace {

constexpr const char* kModelHelp = "the model file: .imo or GGUF";

void add_registering(CLI::App* keys, CommandLine& line) {
  CLI::App* registering = keys->add_subcommand(
      "register", "register a model's key with a bond, so that its proofs count on the chain");
  auto model = std::make_shared<std::filesystem::path>();
  registering->add_option("model", *model, kModelHelp)->required();
  line.on(registering, [model](const GlobalOptions& global) -> Result<Report> {
    IMO_TRY(Session session, Session::open(global));
    return key_register(session, *model);
  });

  CLI::App* finalising = keys->add_subcommand("finalise", "make a key final; anybody may");
  auto id = std::make_shared<std::uint64_t>(0);
  finalising->add_option("number", *id, "of the registration")->required();
  line.on(finalising, [id](const GlobalOptions& global) -> Result<Report> {
    IMO_TRY(Session session, Session::open(global));
    return key_finalise(session, *id);
  });
}

void add_checking(CLI::App* keys, CommandLine& line) {
  CLI::App* list = keys->add_subcommand("list", "keys that were registered");
  line.on(list, [](const GlobalOptions& global) -> Result<Report> {
    IMO_TRY(Session session, Session::open(global));
    return key_list(session);
  });

  CLI::App* checking = keys->add_subcommand(
      "check", "hold a registered key against a model; exit code 7 when it is false");
  auto check = std::make_shared<KeyCheckOptions>();
  checking->add_option("number", check->id, "of the registration")->required();
  checking->add_option("--model", check->model, kModelHelp)->required();
  checking->add_flag("--contest", check->contest, "strike a false one down, or challenge it");
  line.on(checking, [check](const GlobalOptions& global) -> Result<Report> {
    IMO_TRY(Session session, Session::open(global));
    return key_check(session, *check);
  });

  CLI::App* playing = keys->add_subcommand("play", "play your side of a challenge until it ends");
  auto play = std::make_shared<KeyPlayOptions>();
  auto wait = std::make_shared<std::uint64_t>(play->wait.count());
  playing->add_option("number", play->id, "of the challenge")->required();
  playing->add_option("--model", play->model, kModelHelp)->required();
  add_parsed(playing, "--wait", *wait, parse_duration, "how long to wait for a move: 10min [1h]");
  line.on(playing, [play, wait](const GlobalOptions& global) -> Result<Report> {
    IMO_TRY(Session session, Session::open(global));
    play->wait = std::chrono::seconds(*wait);
    return key_play(session, *play);
  });
}

}  // namespace

void add_key_commands(CommandLine& line) {
  CLI::App* keys =
      line.app.add_subcommand("key", "verifying keys: which proofs contracts may believe");
  keys->require_subcommand(1);
  add_registering(keys, line);
  add_checking(keys, line);
}

}  // namespace imo::cli
