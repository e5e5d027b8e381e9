#include "imo/base/paths.hpp"

#include "imo/base/file_descriptor.hpp"

#include <cstdlib>
#include <optional>
#include <system_error>

namespace imo {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> from_environment(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return fs::path(value);
}

Result<fs::path> xdg(const char* variable, const char* below_home) {
  if (const auto set = from_environment(variable); set && set->is_absolute()) return *set / "imo";
  const auto home = from_environment("HOME");
  if (!home) {
    return fail(ErrorKind::kNotFound, "neither HOME nor IMO_HOME is set; set one to a folder");
  }
  return *home / below_home / "imo";
}

}  // namespace

Result<Directories> directories() {
  if (const auto home = from_environment("IMO_HOME")) {
    std::error_code error;
    const fs::path root = fs::absolute(*home, error);
    if (error) return fail(ErrorKind::kIo, "IMO_HOME: " + error.message());
    return Directories{root / "config", root / "data", root / "cache"};
  }
  Directories found;
  IMO_TRY(found.config, xdg("XDG_CONFIG_HOME", ".config"));
  IMO_TRY(found.data, xdg("XDG_DATA_HOME", ".local/share"));
  IMO_TRY(found.cache, xdg("XDG_CACHE_HOME", ".cache"));
  return found;
}

Result<fs::path> executable_path() {
  std::error_code error;
  fs::path path = fs::read_symlink("/proc/self/exe", error);
  if (error) return fail(ErrorKind::kIo, "cannot read /proc/self/exe: " + error.message());
  return path;
}

}  // namespace imo
