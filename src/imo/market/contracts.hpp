/// What all contracts of imo have in common, for those who talk to them.
#pragma once

#include "imo/eth/errors.hpp"

namespace imo::market {

/// Lets messages spell out every custom error that our contracts declare.
void add_errors(eth::ErrorRegistry& registry);

}  // namespace imo::market
