/// The commitments that commands leave in the cache.
#pragma once

#include "imo/base/result.hpp"
#include "imo/node/kept_key.hpp"

namespace imo::cli {

/// In the cache; what it has to say goes to standard error.
Result<node::KeyFolder> key_folder();

}  // namespace imo::cli
