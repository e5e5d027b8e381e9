#include "imo/cli/execution.hpp"

#include <fmt/format.h>

namespace imo::cli {

namespace {
constexpr std::uint32_t kMostThreads = 256;
}

Result<Runner> Runner::create(const ExecutionOptions& options) {
  if (options.threads > kMostThreads) {
    return invalid(
        fmt::format("{} threads are too many; at most {}", options.threads, kMostThreads));
  }
  const engine::Kernels* kernels = engine::available_kernels().front();
  if (!options.kernel.empty()) {
    IMO_TRY(kernels, engine::find_kernels(options.kernel));
  }
  return Runner(std::make_unique<ThreadPool>(options.threads), *kernels);
}

}  // namespace imo::cli
