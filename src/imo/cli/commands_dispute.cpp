#include "imo/cli/arguments.hpp"
#include "imo/cli/command_line.hpp"
#include "imo/cli/dispute.hpp"
#include "imo/cli/dispute_receipt.hpp"

#include <memory>
#include <optional>

namespace imo::cli {

namespace {

constexpr const char* kModelHelp = "the model file: .imo or GGUF";

/// The answer that a command is about.
struct Which {
  U256 request_id;
  std::filesystem::path receipt;
  std::filesystem::path model;

  void add_to(CLI::App* command) {
    auto* answer = command->add_option_group("answer", "which answer")->require_option(1);
    add_parsed(answer, "request", request_id, U256::parse, "its number on the chain");
    answer->add_option("--receipt", receipt, "file with the JSON that the HTTP door replied");
    command->add_option("--model", model, kModelHelp);
  }
  [[nodiscard]] Result<void> needs_model() const {
    if (model.empty()) return invalid("--model is missing: the model file, .imo or GGUF");
    return {};
  }
};

void add_looking(CLI::App* disputes, CommandLine& line) {
  CLI::App* list = disputes->add_subcommand("list", "disputes that are under way");
  auto all = std::make_shared<bool>(false);
  list->add_flag("--all", *all, "ended ones as well");
  line.on(list, [all](const GlobalOptions& global) -> Result<Report> {
    IMO_TRY(Session session, Session::open(global));
    return dispute_list(session, *all);
  });

  CLI::App* show = disputes->add_subcommand("show", "one dispute and the path of its game");
  auto id = std::make_shared<std::uint64_t>(0);
  auto model = std::make_shared<std::filesystem::path>();
  show->add_option("number", *id, "of the dispute")->required();
  show->add_option("--model", *model, "the model file, to name the operator that is contested");
  line.on(show, [id, model](const GlobalOptions& global) -> Result<Report> {
    IMO_TRY(Session session, Session::open(global));
    return dispute_show(session, *id, *model);
  });

  CLI::App* replaying = disputes->add_subcommand(
      "replay", "run an answer again; exit code 7 when a dispute of it would be won");
  auto which = std::make_shared<Which>();
  which->add_to(replaying);
  line.on(replaying, [which](const GlobalOptions& global) -> Result<Report> {
    IMO_TRY(Session session, Session::open(global));
    if (!which->receipt.empty()) {
      return dispute_replay_receipt(session, {which->receipt, which->model, {}});
    }
    IMO_TRY_VOID(which->needs_model());
    return dispute_replay(session, which->request_id, which->model);
  });
}

void add_playing(CLI::App* disputes, CommandLine& line) {
  CLI::App* opening = disputes->add_subcommand(
      "open", "dispute an answer, with a bond; a receipt that is false on its face falls at once");
  auto which = std::make_shared<Which>();
  which->add_to(opening);
  auto position = std::make_shared<std::optional<std::uint32_t>>();
  opening->add_option(
      "--position", *position,
      "output token to dispute, whatever the replay says; else the first false one");
  line.on(opening, [which, position](const GlobalOptions& global) -> Result<Report> {
    IMO_TRY(Session session, Session::open(global));
    if (!which->receipt.empty()) {
      return dispute_open_receipt(session, {which->receipt, which->model, *position});
    }
    IMO_TRY_VOID(which->needs_model());
    return dispute_open(session, {which->request_id, which->model, *position});
  });

  CLI::App* playing = disputes->add_subcommand("play", "play your side until the end");
  auto play = std::make_shared<DisputePlayOptions>();
  auto wait = std::make_shared<std::uint64_t>(play->wait.count());
  playing->add_option("number", play->id, "of the dispute")->required();
  playing->add_option("--model", play->model, kModelHelp)->required();
  add_parsed(playing, "--wait", *wait, parse_duration, "how long to wait for a move: 10min [1h]");
  line.on(playing, [play, wait](const GlobalOptions& global) -> Result<Report> {
    IMO_TRY(Session session, Session::open(global));
    play->wait = std::chrono::seconds(*wait);
    return dispute_play(session, *play);
  });
}

}  // namespace

void add_dispute_commands(CommandLine& line) {
  CLI::App* disputes =
      line.app.add_subcommand("dispute", "prove on the chain that an answer is false");
  disputes->require_subcommand(1);
  add_looking(disputes, line);
  add_playing(disputes, line);
}

}  // namespace imo::cli
