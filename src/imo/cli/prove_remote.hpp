/// `imo prove --from URL`: a proof that a node makes of its own answer, checked before it is kept.
#pragma once

#include "imo/base/u256.hpp"
#include "imo/cli/report.hpp"
#include "imo/cli/session.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace imo::cli {

struct ProveRemoteOptions {
  std::string url;                 ///< of the node
  std::filesystem::path receipt;   ///< a reply of its HTTP door
  std::optional<U256> request_id;  ///< or a request on the chain
  std::filesystem::path output;    ///< empty: `answer.proof`
  U256 most;                       ///< of the token that the node names, in its smallest unit
  bool post = false;               ///< have the node tell the oracle
  bool estimate = false;           ///< say what it would take and cost, and end
  std::chrono::seconds wait{3600};
};

/// Asks, pays from the account, waits, and keeps the proof once it is one of that very answer.
/// Fails with kRejected where it costs more than `most`, and with kVerification where the proof is
/// of something else or does not hold.
Result<Report> prove_remote(Session& session, const ProveRemoteOptions& options);

}  // namespace imo::cli
