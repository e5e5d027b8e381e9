/// What the program says about itself, on standard error. Results go to standard output; this is
/// for people who watch or debug. Off until a main asks for a level, so tests and tools are quiet.
#pragma once

#include "imo/base/result.hpp"

#include <string_view>

#include <fmt/core.h>

namespace imo::log {

enum class Level { kDebug, kInfo, kWarning, kError, kOff };

/// Messages below `level` are dropped from now on. Safe from any thread.
void set_level(Level level);

/// `debug`, `info`, `warning`, `error` or `off`, as configuration and command line write it.
Result<Level> parse_level(std::string_view name);

/// True when a message of `level` would be written.
bool enabled(Level level);

/// Writes one line: time, level, message. Control characters are shown escaped, so that text from
/// a peer can neither forge a line nor drive the terminal.
void write(Level level, std::string_view message);

/// `log::info("block {} has {} logs", number, count)`; arguments are not formatted when it is off.
template <typename... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kDebug)) {
    write(Level::kDebug, fmt::format(format, std::forward<Args>(args)...));
  }
}

/// As debug().
template <typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kInfo)) write(Level::kInfo, fmt::format(format, std::forward<Args>(args)...));
}

/// As debug().
template <typename... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kWarning)) {
    write(Level::kWarning, fmt::format(format, std::forward<Args>(args)...));
  }
}

/// As debug().
template <typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kError)) {
    write(Level::kError, fmt::format(format, std::forward<Args>(args)...));
  }
}

}  // namespace imo::log
