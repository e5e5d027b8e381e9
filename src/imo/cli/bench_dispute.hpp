/// `imo bench dispute`: what it costs to prove an answer false, and what it costs when nobody does.
#pragma once

#include "imo/base/result.hpp"
#include "imo/cli/report.hpp"

#include <cstdint>
#include <filesystem>

namespace imo::cli {

struct BenchDisputeOptions {
  std::filesystem::path model;  ///< `.imo` or GGUF; empty: the demo model inside this program
  std::uint32_t prompt = 16;    ///< tokens of the prompt, random
  std::uint32_t generate = 32;  ///< tokens of the answer, of which the last one is made false
};

/// A whole dispute on a chain of its own with the real contracts: the operator's trace is wrong in
/// one element of the matrix product with the longest rows, whose step has the largest witness of
/// such. Gas is what the chain charged, calldata priced as EIP-7623 says at least. Then the rates
/// of writing and of checking the same answer, and what the node's own path adds to writing it.
Result<Report> bench_dispute(const BenchDisputeOptions& options);

}  // namespace imo::cli
