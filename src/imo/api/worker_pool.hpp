/// A few threads for work that blocks, with a bounded backlog.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace imo::api {

class WorkerPool {
 public:
  WorkerPool(std::size_t threads, std::size_t backlog);
  /// stop().
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// False when the backlog is full or the pool has stopped.
  bool run(std::function<void()> work);

  /// Finishes what runs, drops what waits.
  void stop();

 private:
  void serve();

  std::size_t backlog_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace imo::api
