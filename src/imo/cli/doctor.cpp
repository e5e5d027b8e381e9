#include "imo/cli/doctor.hpp"

#include "imo/base/paths.hpp"
#include "imo/cli/account.hpp"
#include "imo/eth/anvil.hpp"

#include <filesystem>

#include <fmt/core.h>

namespace imo::cli {

namespace {

enum class Finding { kGood, kMissing, kBad };

void add(Report& report, Finding finding, const std::string& what, const std::string& detail) {
  const char* const mark = finding == Finding::kGood  ? "ok"
                           : finding == Finding::kBad ? "BAD"
                                                      : "-";
  report.data["checks"].push_back({{"check", what}, {"state", mark}, {"detail", detail}});
  report.line(fmt::format("{:<4} {:<14} {}", mark, what, detail));
  if (finding == Finding::kBad) report.exit_code = kFailure;
}

void check_directories(Report& report) {
  const auto kept = directories();
  if (!kept) return add(report, Finding::kBad, "directories", kept.error().message);
  add(report, Finding::kGood, "configuration", kept->config.string());
  add(report, Finding::kGood, "data", kept->data.string());
  std::error_code error;
  const auto keys = kept->config / "keys";
  if (!std::filesystem::exists(keys, error)) {
    return add(report, Finding::kMissing, "accounts", "none yet: imo account new NAME");
  }
  const auto permissions = std::filesystem::status(keys, error).permissions();
  const bool open =
      (permissions & (std::filesystem::perms::group_all | std::filesystem::perms::others_all)) !=
      std::filesystem::perms::none;
  if (open) {
    return add(report, Finding::kBad, "accounts",
               keys.string() + " can be read by others: chmod 700 it");
  }
  const auto accounts = account_list();
  if (!accounts) return add(report, Finding::kBad, "accounts", accounts.error().message);
  add(report, Finding::kGood, "accounts", fmt::format("{} kept", accounts->data.size()));
}

void check_anvil(Report& report) {
  const auto anvil = eth::find_anvil();
  if (anvil) return add(report, Finding::kGood, "anvil", *anvil);
  add(report, Finding::kMissing, "anvil",
      anvil.error().message + " (only `imo dev` and `imo demo` need it)");
}

void check_chain(const GlobalOptions& options, Report& report) {
  auto client = connect(options.rpc_url);
  if (!client) {
    return add(report, Finding::kMissing, "chain",
               client.error().message + "; start one with `imo dev` or name one with --rpc-url");
  }
  const auto chain_id = (*client)->chain_id();
  const auto block = (*client)->block();
  if (!chain_id || !block) {
    return add(report, Finding::kBad, "chain",
               chain_id ? block.error().message : chain_id.error().message);
  }
  add(report, Finding::kGood, "chain",
      fmt::format("{} at {}, block {}", *chain_id, options.rpc_url, block->number));
  const auto session = Session::open(options);
  if (!session) return add(report, Finding::kBad, "contracts", session.error().message);
  add(report, Finding::kGood, "contracts",
      fmt::format("deployed at block {}", session->deployment().deploy_block));
}

}  // namespace

Report doctor(const GlobalOptions& options) {
  Report report;
  report.data["checks"] = nlohmann::ordered_json::array();
  check_directories(report);
  check_anvil(report);
  check_chain(options, report);
  return report;
}

}  // namespace imo::cli
