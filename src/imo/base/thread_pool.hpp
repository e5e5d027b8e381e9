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

/// `threads` workers, the caller being worker 0. A loop is cut into `threads` contiguous ranges,
/// equal in size but for the first n % threads, which have one item more: the cut depends on
/// nothing but n and the number of threads. Worker w does the w-th range, but for one: a range
/// whose worker has not begun when the caller is through with its own is the caller's, so that a
/// loop waits for no thread that another program keeps from running.
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

  [[nodiscard]] std::size_t size() const { return seats_.size() + 1; }

  /// Calls `body(i)` for each i below n and returns when all are done; everything they wrote is
  /// then visible to the caller.
  template <typename Body>
  void parallel_for(std::size_t n, Body&& body) {
    parallel_ranges(n, [&body](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) body(i);
    });
  }

  /// Calls `body(begin, end)` once for every range that is not empty: for bodies that work on
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

  enum class Turn : std::uint32_t {
    kIdle,     ///< nothing to do, or done
    kOffered,  ///< a range is there: the worker's, or the caller's who comes first
    kTaken,    ///< by the worker
    kStop,
  };
  /// One worker's; on a cache line of its own, as two threads look at it again and again.
  struct alignas(64) Seat {
    std::atomic<Turn> turn = Turn::kIdle;
  };

  void run(const Job& job);
  void run_range(std::size_t worker) const;
  void serve(std::size_t worker);

  Job job_;  ///< read only by who has changed a turn from kOffered
  std::atomic<bool> busy_ = false;
  std::vector<Seat> seats_;  ///< of the workers from 1
  std::vector<std::jthread> workers_;
};

/// parallel_ranges of `pool`, or the whole range in the caller when there is none.
template <typename Body>
void split_loop(ThreadPool* pool, std::size_t n, Body&& body) {
  if (pool != nullptr) {
    pool->parallel_ranges(n, body);
  } else if (n > 0) {
    body(std::size_t{0}, n);
  }
}

}  // namespace imo
