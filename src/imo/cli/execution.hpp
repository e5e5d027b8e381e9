/// What local commands run a model with: --threads and --kernel.
#pragma once

#include "imo/base/result.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/engine/execution.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace imo::cli {

struct ExecutionOptions {
  std::uint32_t threads = 0;  ///< 0: as many as the machine runs at once
  std::string kernel;         ///< empty: the fastest that the machine has
};

/// An execution with the threads it uses. Moves, and what it gave stays valid.
class Runner {
 public:
  /// Fails on a kernel that the machine lacks and on too many threads.
  static Result<Runner> create(const ExecutionOptions& options);

  [[nodiscard]] const engine::Execution& execution() const { return execution_; }
  [[nodiscard]] const engine::Kernels& kernels() const { return *execution_.kernels; }
  [[nodiscard]] ThreadPool& pool() const { return *pool_; }

 private:
  Runner(std::unique_ptr<ThreadPool> pool, const engine::Kernels& kernels)
      : pool_(std::move(pool)), execution_{&kernels, pool_.get()} {}

  std::unique_ptr<ThreadPool> pool_;
  engine::Execution execution_;
};

}  // namespace imo::cli
