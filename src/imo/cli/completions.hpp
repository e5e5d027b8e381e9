/// `imo completions`: what the Tab key offers in a shell.
#pragma once

#include "imo/base/result.hpp"

#include <string>

namespace CLI {
class App;
}

namespace imo::cli {

/// The script for `bash`, `zsh` or `fish`, made from the commands and options of `app`.
Result<std::string> completions(const CLI::App& app, const std::string& shell);

}  // namespace imo::cli
