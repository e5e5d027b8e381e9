/// Choosing tokens by chance: temperature, top-k and min-p, in integers throughout.
///
/// The noise is Gumbel's (Gumbel 1954; "Gumbel-max"): the token with the greatest
/// logit / temperature + G is distributed as softmax(logits / temperature), when every token has a
/// G = -ln(-ln u) of its own. Each u is a hash of seed, position and token, so a choice depends on
/// nothing else: the same request gives the same tokens on every machine, in every batch.
#pragma once

#include "imo/engine/sampling.hpp"
#include "imo/model/program.hpp"

#include <cstdint>
#include <span>

namespace imo::engine {

using model::TokenId;

/// ln(numerator / 2^fraction) in units of 2^-32, within 2^-30 of it; numerator is not 0 (checked).
std::int64_t natural_logarithm(std::uint64_t numerator, unsigned fraction);

/// The token that follows `position`, from its logits in units of 2^-logits_fraction. Without
/// temperature the lowest id among the greatest.
TokenId choose_token(const Sampling& sampling, std::uint32_t position,
                     std::span<const std::int32_t> logits, int logits_fraction);

}  // namespace imo::engine
