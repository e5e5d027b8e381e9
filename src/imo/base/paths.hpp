/// Where imo keeps its things.
#pragma once

#include "imo/base/result.hpp"

#include <filesystem>

namespace imo {

/// The user's directories of imo. None need exist yet; make_directories() makes them.
struct Directories {
  std::filesystem::path config;  ///< configuration, and keystores in `keys`
  std::filesystem::path data;    ///< the node's store, compiled programs
  std::filesystem::path cache;   ///< what can be made again
};

/// `$IMO_HOME/{config,data,cache}` when IMO_HOME is set; else `imo` under XDG_CONFIG_HOME,
/// XDG_DATA_HOME and XDG_CACHE_HOME, which default to ~/.config, ~/.local/share and ~/.cache
/// (XDG Base Directory Specification; relative values are ignored as it demands).
Result<Directories> directories();

/// The file this program runs from.
Result<std::filesystem::path> executable_path();

}  // namespace imo
