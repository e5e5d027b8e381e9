#include "imo/base/thread_pool.hpp"

#include <algorithm>

namespace imo {

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
    for (auto left = remaining_.load(std::memory_order_acquire); left != 0;
         left = remaining_.load(std::memory_order_acquire)) {
      remaining_.wait(left, std::memory_order_acquire);
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
    round_.wait(seen, std::memory_order_acquire);
    if (stopping_.load(std::memory_order_relaxed)) return;
    run_range(worker);
    if (remaining_.fetch_sub(1, std::memory_order_acq_rel) == 1) remaining_.notify_one();
  }
}

}  // namespace imo
