#include "imo/base/thread_pool.hpp"

#include <algorithm>

namespace imo {
namespace {

// About 20 microseconds: longer than the gap between two loops of one pass, short enough that idle
// threads do not take a core from whatever else runs.
constexpr int kSpins = 1'000;

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Waits until `value` is not `old`: at first awake, because the next loop usually comes at once.
std::uint32_t wait_for_change(const std::atomic<std::uint32_t>& value, std::uint32_t old) {
  for (int i = 0; i < kSpins; ++i) {
    const std::uint32_t now = value.load(std::memory_order_acquire);
    if (now != old) return now;
    relax();
  }
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(std::size_t threads) {
  const std::size_t wanted = threads != 0 ? threads : std::thread::hardware_concurrency();
  for (std::size_t worker = 1; worker < wanted; ++worker) {
    workers_.emplace_back([this, worker] { serve(worker); });
  }
}

ThreadPool::~ThreadPool() {
  stopping_.store(true, std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
}

void ThreadPool::run(const Job& job) {
  IMO_CHECK(!busy_.exchange(true, std::memory_order_acquire),
            "a loop on a ThreadPool that already runs one");
  job_ = job;
  if (workers_.empty() || job.count <= 1) {
    if (job.count != 0) job.call(job.context, 0, job.count);
  } else {
    remaining_.store(static_cast<std::uint32_t>(workers_.size()), std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
    run_range(0);
    for (auto left = remaining_.load(std::memory_order_acquire); left != 0;) {
      left = wait_for_change(remaining_, left);
    }
  }
  busy_.store(false, std::memory_order_release);
}

void ThreadPool::run_range(std::size_t worker) const {
  const std::size_t share = job_.count / size();
  const std::size_t longer = job_.count % size();
  const std::size_t begin = share * worker + std::min(worker, longer);
  const std::size_t end = begin + share + (worker < longer ? 1 : 0);
  if (begin != end) job_.call(job_.context, begin, end);
}

void ThreadPool::serve(std::size_t worker) {
  // Every worker answers every round once, so counting from 0 misses none, however late it starts.
  for (std::uint32_t seen = 0;; ++seen) {
    wait_for_change(round_, seen);
    if (stopping_.load(std::memory_order_relaxed)) return;
    run_range(worker);
    if (remaining_.fetch_sub(1, std::memory_order_acq_rel) == 1) remaining_.notify_one();
  }
}

}  // namespace imo
