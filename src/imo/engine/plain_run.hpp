/// The slow twin of the executor, for tests: every operator of every position from the whole past,
/// in 128-bit integers, written from the table in model/operators.hpp and sharing no code with it.
#pragma once

#include "imo/model/program.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace imo::engine::testing {

/// rows[operator][position][element]
using PlainRows = std::vector<std::vector<std::vector<std::int64_t>>>;

PlainRows plain_run(const model::Program& program, std::span<const model::TokenId> tokens);

}  // namespace imo::engine::testing
