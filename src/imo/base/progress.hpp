/// A line that shows how far a long job has come.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace imo {

/// Draws `label  45%  1.2 GiB of 2.6 GiB  310 MiB/s  4.5 s left` on standard error, at most ten
/// times a second, and wipes it at the end. Silent when standard error is not a terminal.
/// advance() may be called from any thread.
class Progress {
 public:
  enum class Unit { kItems, kBytes };

  /// `total` of 0: unknown, so neither share nor time left is shown.
  Progress(std::string label, std::uint64_t total, Unit unit = Unit::kItems);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(std::uint64_t amount = 1);

  /// The line as it would be drawn after `elapsed` with `done` behind it: public for its test.
  [[nodiscard]] std::string line(std::uint64_t done, std::chrono::milliseconds elapsed) const;

 private:
  void draw();

  const std::string label_;
  const std::uint64_t total_;
  const Unit unit_;
  const bool shown_;
  const std::chrono::steady_clock::time_point start_;
  std::atomic<std::uint64_t> done_ = 0;
  std::mutex drawing_;
  std::chrono::steady_clock::time_point next_draw_;
};

}  // namespace imo
