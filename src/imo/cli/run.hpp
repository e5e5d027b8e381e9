/// `imo run`: a model writes on this machine, with no chain and no server.
#pragma once

#include "imo/base/result.hpp"
#include "imo/cli/execution.hpp"
#include "imo/cli/report.hpp"
#include "imo/engine/sampling.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace imo::cli {

struct RunOptions {
  std::filesystem::path model;  ///< `.imo`, or GGUF, which is compiled on first use
  std::string prompt;
  std::uint32_t max_tokens = 0;  ///< 0: until the model ends, or its context
  bool chat = false;             ///< the prompt is a message, put into the model's chat template
  engine::Sampling sampling;     ///< greedy unless it has a temperature
  ExecutionOptions execution;
};

/// Writes the text to standard output as it comes, character by character and flushed, and a line
/// with the speed to standard error. With `json`, the report alone holds the text.
Result<Report> run_model(const RunOptions& options, bool json);

}  // namespace imo::cli
