/// `imo prove MODEL --request N`: a proof that makes an answer on the chain final at once.
#pragma once

#include "imo/cli/execution.hpp"
#include "imo/cli/report.hpp"
#include "imo/cli/session.hpp"

#include <filesystem>

namespace imo::cli {

struct ProveRequestOptions {
  U256 request_id;
  std::filesystem::path model;
  std::filesystem::path output;  ///< where the proof is kept as well; empty: nowhere
  ExecutionOptions execution;
  bool estimate = false;  ///< say what it would take, and end
};

/// Proves the live answer of a request and sends the proof. Before the work starts it says, on
/// standard error, what it will take. Refuses what no proof can make final: an answer to a text,
/// one that is false, and any while the model's key is not final.
Result<Report> prove_request(Session& session, const ProveRequestOptions& options);

}  // namespace imo::cli
