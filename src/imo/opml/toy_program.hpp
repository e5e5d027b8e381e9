/// The smallest programs that have every operator: for exhaustive tests of the game.
#pragma once

#include "imo/model/program.hpp"

namespace imo::opml::testing {

/// One layer of the Llama family with random weights: a handful of tokens, rows of a few elements,
/// every operator kind there is. Passes check_program. The same for the same numbers.
/// @param hidden Columns of the last product of the layer, in [1, 1024].
model::Program toy_program(std::uint32_t seed = 1, std::uint32_t hidden = 3);

}  // namespace imo::opml::testing
