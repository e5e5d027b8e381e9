/// A fixed set of threads that split loops evenly.
#pragma once

#include "imo/base/check.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace imo {

/// `threads` workers, the caller being worker 0. Worker w always does the w-th of `threads`
/// contiguous ranges, equal in size but for the first n % threads, which have one item more: which
/// thread does what depends on nothing but n and the number of threads.
///
/// One thread drives a pool at a time, and a loop body must not start another loop on the same pool
/// (both are checked). Bodies must not throw: an exception ends the program.
class ThreadPool {
 public:
  /// `threads` of 0 means as many as the machine runs at once.
  explicit ThreadPool(std::size_t threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] std::size_t size() const { return workers_.size() + 1; }

  /// Calls `body(i)` for each i below n and returns when all are done; everything they wrote is
  /// then visible to the caller.
  template <typename Body>
  void parallel_for(std::size_t n, Body&& body) {
    parallel_ranges(n, [&body](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) body(i);
    });
  }

  /// Calls `body(begin, end)` once per worker whose range is not empty: for bodies that work on
  /// blocks, or need scratch memory of their own.
  template <typename Body>
  void parallel_ranges(std::size_t n, Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    const auto call = [](void* context, std::size_t begin, std::size_t end) noexcept {
      (*static_cast<Plain*>(context))(begin, end);
    };
    run(Job{n, const_cast<void*>(static_cast<const void*>(std::addressof(body))), call});
  }

 private:
  struct Job {
    std::size_t count = 0;
    void* context = nullptr;
    void (*call)(void*, std::size_t, std::size_t) noexcept = nullptr;
  };

  void run(const Job& job);
  void run_range(std::size_t worker) const;
  void serve(std::size_t worker);

  Job job_;
  std::atomic<std::uint32_t> round_ = 0;      ///< a new value starts the job, for every worker
  std::atomic<std::uint32_t> remaining_ = 0;  ///< workers that have not finished it
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> busy_ = false;
  std::vector<std::jthread> workers_;
};

}  // namespace imo
