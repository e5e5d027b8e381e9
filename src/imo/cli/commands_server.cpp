#include "imo/cli/arguments.hpp"
#include "imo/cli/command_line.hpp"
#include "imo/cli/demo.hpp"
#include "imo/cli/dev.hpp"
#include "imo/cli/node.hpp"

#include <memory>

namespace imo::cli {

namespace {

/// What runs until it is stopped prints for itself and leaves nothing to print.
Result<Report> silent(const Result<void>& done) {
  if (!done) return tl::unexpected(done.error());
  Report report;
  report.data = nullptr;
  return report;
}

void add_node(CommandLine& line) {
  CLI::App* node = line.app.add_subcommand("node", "answer questions, serve HTTP and the page");
  node->require_subcommand(1);
  CLI::App* run = node->add_subcommand("run", "run until SIGTERM");
  auto options = std::make_shared<NodeRunOptions>();
  run->add_option("--config", options->config, "TOML file; flags go over it");
  run->add_option("--model", options->models, "a model to serve: .imo or GGUF; repeatable");
  run->add_option("--data", options->data_directory, "directory of the store");
  run->add_option("--listen", options->listen_address, "address of the HTTP door [127.0.0.1]");
  run->add_option("--port", options->port, "port of the HTTP door [8402]; 0 takes a free one");
  line.on(run,
          [options](const GlobalOptions& global) { return silent(node_run(global, *options)); });
}

void add_dev(CommandLine& line) {
  CLI::App* command =
      line.app.add_subcommand("dev", "a chain of your own with contracts, offering and node on it");
  auto options = std::make_shared<DevOptions>();
  command->add_option("--port", options->port, "of the chain")->capture_default_str();
  command->add_option("--node-port", options->node_port, "of the node and its page")
      ->capture_default_str();
  command->add_option("--model", options->model, "a GGUF or .imo file instead of the demo model");
  command->require_subcommand(0, 1);
  line.on(command,
          [options](const GlobalOptions& global) { return silent(dev(global, *options)); });

  CLI::App* time = command->add_subcommand("time", "move the clock of the development chain");
  auto seconds = std::make_shared<std::uint64_t>(0);
  add_parsed(time, "duration", *seconds, parse_duration, "how far: 15min, 6h, 1d")->required();
  line.on(time, [seconds](const GlobalOptions& global) { return dev_pass_time(global, *seconds); });
}

void add_demo(CommandLine& line) {
  CLI::App* command =
      line.app.add_subcommand("demo", "a whole offering from model file to paid-out revenue");
  auto options = std::make_shared<DemoOptions>();
  command->add_flag("--keep", options->keep, "leave chain and page running at the end");
  command->add_option("--model", options->model, "a GGUF or .imo file instead of the demo model");
  line.on(command, [options](const GlobalOptions& global) {
    options->json = global.json;
    return silent(demo(*options));
  });
}

}  // namespace

void add_server_commands(CommandLine& line) {
  add_node(line);
  add_dev(line);
  add_demo(line);
}

}  // namespace imo::cli
