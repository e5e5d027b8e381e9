/// A place for a server of our own to listen.
#pragma once

#include "imo/base/result.hpp"

#include <cstdint>

namespace imo {

/// A TCP port of 127.0.0.1 that nobody listened on a moment ago. Somebody may take it before the
/// caller does, so whoever starts a server on it must be ready to ask again.
Result<std::uint16_t> free_port();

}  // namespace imo
