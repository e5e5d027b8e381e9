#include "imo/base/log.hpp"

#include "imo/base/format.hpp"

#include <memory>

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>

namespace imo::log {
namespace {

spdlog::logger& logger() {
  static const auto shared = [] {
    auto made = std::make_unique<spdlog::logger>(
        "imo", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_pattern("%Y-%m-%d %H:%M:%S.%e %^%-7l%$ %v");
    made->set_level(spdlog::level::off);
    made->flush_on(spdlog::level::warn);
    return made;
  }();
  return *shared;
}

spdlog::level::level_enum native(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
    case Level::kOff:
      break;
  }
  return spdlog::level::off;
}

}  // namespace

void set_level(Level level) {
  logger().set_level(native(level));
}

Result<Level> parse_level(std::string_view name) {
  if (name == "debug") return Level::kDebug;
  if (name == "info") return Level::kInfo;
  if (name == "warning") return Level::kWarning;
  if (name == "error") return Level::kError;
  if (name == "off") return Level::kOff;
  return invalid(
      fmt::format("log level: '{}' is none of debug, info, warning, error, off", printable(name)));
}

bool enabled(Level level) {
  return level != Level::kOff && logger().should_log(native(level));
}

void write(Level level, std::string_view message) {
  if (enabled(level)) logger().log(native(level), spdlog::string_view_t(printable(message)));
}

}  // namespace imo::log
