#include "imo/cli/app.hpp"

#include "imo/base/check.hpp"
#include "imo/base/log.hpp"
#include "imo/cli/command_line.hpp"

#include <csignal>
#include <iostream>

namespace imo::cli {

namespace {

constexpr const char* kVersion = "imo " IMO_VERSION;

void add_global_options(CommandLine& line) {
  CLI::App& app = line.app;
  GlobalOptions& global = line.global;
  app.add_option("--rpc-url", global.rpc_url, "the chain")
      ->envname("ETH_RPC_URL")
      ->capture_default_str();
  app.add_option("--deployment", global.deployment, "file with the addresses of the contracts")
      ->envname("IMO_DEPLOYMENT");
  app.add_option("--account", global.account, "who pays: a keystore's name or path, or dev:N")
      ->envname("IMO_ACCOUNT");
  app.add_option("--password-file", global.password_file, "its first line opens the keystore")
      ->envname("ETH_PASSWORD");
  app.add_flag("--json", global.json, "print the result as JSON");
  app.add_flag("-v,--verbose", global.verbose, "say more on standard error");
  app.set_version_flag("--version", kVersion);
  app.require_subcommand(1);
  app.fallthrough();
  app.footer("First time here? `imo dev` starts a chain of your own with everything on it.");
}

int print(const Report& report, bool json) {
  if (json) {
    // Commands that run until they are stopped have printed for themselves.
    if (!report.data.is_null()) std::cout << report.data.dump(2) << '\n';
    return report.exit_code;
  }
  for (const std::string& text : report.lines) std::cout << text << '\n';
  std::cout << std::flush;
  for (const std::string& text : report.next) std::cerr << "next: " << text << '\n';
  return report.exit_code;
}

/// What the parser says, but for a word that is no command: there its own message misleads.
int refuse(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> unknown = app.remaining(true);
  if (error.get_name() == "RequiredError" && !unknown.empty()) {
    std::cerr << "imo: no command '" << unknown.front() << "'; `imo --help` lists them\n";
    return kUsage;
  }
  return app.exit(error) == 0 ? kSuccess : kUsage;
}

int print(const Error& error) {
  std::cerr << "imo: " << error.message << '\n';
  return error.kind == ErrorKind::kVerification ? kVerificationFailed : kFailure;
}

}  // namespace

int run(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT: a closed pipe is an error of write(), not our end
  CommandLine line;
  add_global_options(line);
  add_offering_commands(line);
  add_use_commands(line);
  add_dispute_commands(line);
  add_key_commands(line);
  add_model_commands(line);
  add_local_commands(line);
  add_server_commands(line);
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return refuse(line.app, error);
  }
  log::set_level(line.global.verbose ? log::Level::kInfo : log::Level::kWarning);
  IMO_CHECK(line.action, "a parsed command line has an action");
  const auto report = line.action(line.global);
  return report ? print(*report, line.global.json) : print(report.error());
}

}  // namespace imo::cli
