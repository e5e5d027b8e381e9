/// Random bytes from the operating system.
#pragma once

#include "imo/base/bytes.hpp"

#include <span>

namespace imo::crypto {

/// Fills `out` from getrandom(2), fit for keys. A system without a random source is not a machine
/// to go on with: that aborts.
void fill_random(std::span<std::uint8_t> out);

}  // namespace imo::crypto
