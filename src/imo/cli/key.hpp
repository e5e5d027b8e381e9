/// `imo key`: verifying keys, which say what proofs contracts may believe.
#pragma once

#include "imo/cli/report.hpp"
#include "imo/cli/session.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>

namespace imo::cli {

/// Commits to the weights of a model and registers its key with a bond.
Result<Report> key_register(Session& session, const std::filesystem::path& model);

/// All registrations, the newest first.
Result<Report> key_list(Session& session);

struct KeyCheckOptions {
  std::uint64_t id = 0;  ///< of the registration
  std::filesystem::path model;
  bool contest = false;  ///< strike or challenge a false one
};

/// Holds a registered key against a model file; the report's exit code is kVerificationFailed when
/// it is false.
Result<Report> key_check(Session& session, const KeyCheckOptions& options);

struct KeyPlayOptions {
  std::uint64_t id = 0;  ///< of the challenge
  std::filesystem::path model;
  std::chrono::seconds wait{3600};  ///< for the other side's next move
};

/// Plays this account's side of a challenge until it ends.
Result<Report> key_play(Session& session, const KeyPlayOptions& options);

/// Makes a key final whose window is over.
Result<Report> key_finalise(Session& session, std::uint64_t id);

}  // namespace imo::cli
