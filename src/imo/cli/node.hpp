/// `imo node run`: the daemon.
#pragma once

#include "imo/base/result.hpp"
#include "imo/cli/session.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace imo::cli {

/// Flags go over the file's values.
struct NodeRunOptions {
  std::filesystem::path config;  ///< TOML; empty: flags alone
  std::vector<std::filesystem::path> models;
  std::filesystem::path data_directory;
  std::string listen_address;
  std::optional<std::uint16_t> port;
};

/// Runs until SIGINT or SIGTERM. Prints where it listens once it is ready, as one line of JSON
/// with --json.
Result<void> node_run(const GlobalOptions& global, const NodeRunOptions& options);

}  // namespace imo::cli
