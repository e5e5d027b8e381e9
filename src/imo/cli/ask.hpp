/// `imo ask` and `imo verify`: questions over the contract's door, and answers run again.
#pragma once

#include "imo/cli/report.hpp"
#include "imo/cli/session.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace imo::cli {

struct AskOptions {
  std::string offering;  ///< whose model; see market::find_offering
  std::filesystem::path
      model;  ///< its file, to turn the prompt into tokens here; empty: ask in text
  std::string prompt;
  std::uint32_t max_tokens = 64;
  Address operator_address;  ///< zero: any operator
  U256 fee;                  ///< zero: what is quoted
  std::chrono::seconds wait{60};
};

/// Asks on chain, pays, and waits for the answer.
Result<Report> ask(Session& session, const AskOptions& options);

/// A request of the oracle with its question and, once there, its live answer.
struct RequestRecord {
  U256 id;
  U256 model_id;
  Hash32 model_root;
  std::string status;  ///< "open", "answered", "final", "refunded"
  bool is_text = false;
  Bytes input;  ///< packed tokens, or text
  std::uint32_t max_tokens = 0;
  Address operator_address;
  std::vector<std::uint32_t> prompt_tokens;
  std::vector<std::uint32_t> output_tokens;
  std::string text;
  U256 fee;
  U256 bond;
  std::uint64_t final_at = 0;
};

/// Reads a request and its events; kNotFound when there is none of that number.
Result<RequestRecord> read_request(Session& session, const U256& request_id);

/// What a request stands at now.
Result<Report> request_status(Session& session, const U256& request_id);

/// Sends what a splitter holds in ETH on to its payees. Anybody may split, a node does too: finding
/// nothing left is as good as having done it.
Result<void> split_all(Session& session, const Address& splitter);

/// Finalises an answer whose window is over and splits the fee; whoever was faster at either did it
/// for everybody.
Result<Report> finalise(Session& session, const U256& request_id);

/// Runs the request's prompt on the model file and compares, token by token; the report's exit code
/// is kVerificationFailed when anything differs.
Result<Report> verify_request(Session& session, const U256& request_id,
                              const std::filesystem::path& model);

}  // namespace imo::cli
