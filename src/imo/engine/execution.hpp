/// With what a program is run. Never changes a bit of what comes out.
#pragma once

#include "imo/base/thread_pool.hpp"
#include "imo/engine/kernels.hpp"

#include <cstddef>

namespace imo::engine {

struct Execution {
  const Kernels* kernels = available_kernels().front();
  /// Splits the work of a pass; null: the calling thread does it. Must outlive what uses it, which
  /// drives it alone.
  ThreadPool* pool = nullptr;
  /// An operator whose pass has fewer elements (products, for matrices) is left to one thread:
  /// waking the others would cost more than they save.
  std::size_t split_from = 1U << 14;
};

}  // namespace imo::engine
