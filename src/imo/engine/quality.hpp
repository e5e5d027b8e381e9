/// How close the integer program is to the float model it was compiled from.
#pragma once

#include "imo/engine/model.hpp"
#include "imo/model/float_reference.hpp"

#include <functional>
#include <string>
#include <vector>

namespace imo::engine {

struct Quality {
  double perplexity = 0;            ///< of the integer program
  double reference_perplexity = 0;  ///< of the float reference
  double kl_divergence = 0;         ///< mean of KL(reference || program), nats
  double same_top1 = 0;             ///< share of positions with the same greedy token
  std::uint64_t tokens = 0;         ///< scored
  std::uint64_t saturated = 0;      ///< elements at their clamp, all operators
  std::uint64_t elements = 0;       ///< of operators that clamp
};

/// Cuts `tokens` into chunks of `context`, replaces the first of each by `begin` when given, and
/// scores the second half of each, as llama-perplexity does. Fails when there is no whole chunk.
Result<Quality> measure_quality(const Model& model, const model::FloatModel& reference,
                                std::span<const TokenId> tokens, std::uint32_t context,
                                std::uint32_t max_chunks, std::optional<TokenId> begin);

/// How often an operator's output sat at its clamp over one pass.
struct Saturation {
  std::uint32_t operator_index = 0;
  std::uint64_t elements = 0;
  std::uint64_t saturated = 0;
  std::int64_t largest = 0;  ///< |q|
};

/// Runs `tokens` and counts, one entry for each operator that clamps. `done` is told of every
/// operator behind which a pass goes on, as its weights may then be let go.
Result<std::vector<Saturation>> count_saturation(
    const Model& model, std::span<const TokenId> tokens, const Execution& execution = {},
    const std::function<void(std::uint32_t operator_index)>& done = {});

}  // namespace imo::engine
