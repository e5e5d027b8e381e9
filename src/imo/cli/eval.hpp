/// `imo eval perplexity`: how close the integer program is to the model it was compiled from.
#pragma once

#include "imo/base/result.hpp"
#include "imo/cli/report.hpp"

#include <cstdint>
#include <filesystem>

namespace imo::cli {

struct EvalOptions {
  std::filesystem::path model;      ///< `.imo` or GGUF
  std::filesystem::path reference;  ///< the GGUF it was compiled from; needless when `model` is it
  std::filesystem::path text;       ///< UTF-8
  std::uint32_t context = 0;        ///< tokens of a chunk; 0: the model's context
  std::uint32_t chunks = 0;         ///< at most; 0: all that the text has
};

/// Perplexity, divergence and agreement, computed as llama-perplexity does: the text is cut into
/// chunks of `context` tokens, the first of each replaced by the begin token where the vocabulary
/// has one, and the second half of each chunk is scored. Refuses a text shorter than a chunk, and a
/// reference that the program was not compiled from.
Result<Report> eval_perplexity(const EvalOptions& options);

}  // namespace imo::cli
