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
template <typename T>
T wait_for_change(const std::atomic<T>& value, T old) {
  for (int i = 0; i < kSpins; ++i) {
    const T now = value.load(std::memory_order_acquire);
    if (now != old) return now;
    relax();
  }
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

/// Changes a turn that another thread may wait on. Sequentially consistent: notify_one() looks
/// whether anybody waits, and a weaker store may reach memory behind that look, when the waiter
/// has seen the old value and sleeps for good.
template <typename T>
void change(std::atomic<T>& value, T now) {
  value.store(now, std::memory_order_seq_cst);
  value.notify_one();
}

std::size_t workers_beside_caller(std::size_t threads) {
  const std::size_t wanted = threads != 0 ? threads : std::thread::hardware_concurrency();
  return std::max<std::size_t>(wanted, 1) - 1;
}

}  // namespace

ThreadPool::ThreadPool(std::size_t threads) : seats_(workers_beside_caller(threads)) {
  for (std::size_t worker = 1; worker <= seats_.size(); ++worker) {
    workers_.emplace_back([this, worker] { serve(worker); });
  }
}

ThreadPool::~ThreadPool() {
  for (Seat& seat : seats_) {
    change(seat.turn, Turn::kStop);
  }
}

void ThreadPool::run(const Job& job) {
  IMO_CHECK(!busy_.exchange(true, std::memory_order_acquire),
            "a loop on a ThreadPool that already runs one");
  job_ = job;
  if (seats_.empty() || job.count <= 1) {
    if (job.count != 0) job.call(job.context, 0, job.count);
  } else {
    for (Seat& seat : seats_) {
      change(seat.turn, Turn::kOffered);
    }
    run_range(0);
    for (std::size_t worker = 1; worker <= seats_.size(); ++worker) {
      std::atomic<Turn>& turn = seats_[worker - 1].turn;
      Turn now = Turn::kOffered;
      if (turn.compare_exchange_strong(now, Turn::kIdle, std::memory_order_acquire)) {
        run_range(worker);
      }
      while (now == Turn::kTaken) now = wait_for_change(turn, now);
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
  std::atomic<Turn>& turn = seats_[worker - 1].turn;
  for (;;) {
    Turn now = wait_for_change(turn, Turn::kIdle);
    if (now == Turn::kStop) return;
    // By now the caller may have taken the range, or offered another one.
    now = Turn::kOffered;
    if (!turn.compare_exchange_strong(now, Turn::kTaken, std::memory_order_acquire)) continue;
    run_range(worker);
    change(turn, Turn::kIdle);
  }
}

}  // namespace imo
