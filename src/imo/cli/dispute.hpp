/// `imo dispute`: looks at disputes, opens them and plays them by hand; a node with [watch] does
/// the same by itself.
#pragma once

#include "imo/cli/report.hpp"
#include "imo/cli/session.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>

namespace imo::cli {

/// The newest disputes with their states; live ones alone unless `all`.
Result<Report> dispute_list(Session& session, bool all);

/// One dispute with the path of the game so far. `model` (may be empty) names the place in it.
Result<Report> dispute_show(Session& session, std::uint64_t id, const std::filesystem::path& model);

/// Runs an answer again with two kernels, and says which token could be disputed. The report's exit
/// code is kVerificationFailed when the answer is false.
Result<Report> dispute_replay(Session& session, const U256& request_id,
                              const std::filesystem::path& model);

struct DisputeOpenOptions {
  U256 request_id;
  std::filesystem::path model;
  /// The token to dispute whatever the replay says; none: the first false one.
  std::optional<std::uint32_t> position;
};

/// Puts the challenger's bond down. Without a position it refuses to dispute a true answer.
Result<Report> dispute_open(Session& session, const DisputeOpenOptions& options);

struct DisputePlayOptions {
  std::uint64_t id = 0;
  std::filesystem::path model;
  std::chrono::seconds wait{3'600};  ///< gives up when the dispute lasts longer
};

/// Plays this account's side, operator or challenger, until the dispute has ended.
Result<Report> dispute_play(Session& session, const DisputePlayOptions& options);

}  // namespace imo::cli
