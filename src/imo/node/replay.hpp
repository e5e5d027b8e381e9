/// An answer run again, as somebody who would put money on the outcome does it.
#pragma once

#include "imo/engine/verify.hpp"

#include <cstdint>
#include <span>

namespace imo {
class ThreadPool;
}

namespace imo::node {

/// engine::verify with the fastest kernels; what they find false is run once more with the scalar
/// ones, which share no code path and no memory with them. Fails with kVerification when the two do
/// not agree where it is false: then nothing must be disputed. `pool` may be null.
Result<engine::Verdict> replay(const engine::Model& model, std::span<const engine::TokenId> prompt,
                               std::span<const engine::TokenId> output, std::uint32_t max_tokens,
                               ThreadPool* pool);

}  // namespace imo::node
