/// `imo bench inference`: how fast a model runs, against what the machine could do.
#pragma once

#include "imo/base/result.hpp"
#include "imo/cli/execution.hpp"
#include "imo/cli/report.hpp"

#include <cstdint>
#include <filesystem>

namespace imo::cli {

struct BenchInferenceOptions {
  std::filesystem::path model;  ///< `.imo` or GGUF
  std::uint32_t prompt = 128;   ///< tokens of the prompt, random
  std::uint32_t generate = 64;  ///< tokens written behind it, one at a time
  std::uint32_t repeat = 5;     ///< runs, of which the medians are reported
  ExecutionOptions execution;
};

/// Rates of prompt and answer; the share that decoding uses of the rate at which the same threads
/// can read memory, and prefill of the rate at which they can multiply, both measured in the same
/// run. Shares may pass 1 where the machine's clock changed in between.
Result<Report> bench_inference(const BenchInferenceOptions& options);

}  // namespace imo::cli
