#include "imo/base/progress.hpp"

#include "imo/base/format.hpp"

#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

namespace imo {
namespace {

constexpr std::chrono::milliseconds kBetweenDraws(100);

__extension__ using u128 = unsigned __int128;

/// floor(a * b / d), for results that fit.
std::uint64_t scale(std::uint64_t a, std::uint64_t b, std::uint64_t d) {
  return static_cast<std::uint64_t>(u128{a} * b / d);
}

}  // namespace

Progress::Progress(std::string label, std::uint64_t total, Unit unit)
    : label_(std::move(label)),
      total_(total),
      unit_(unit),
      shown_(::isatty(STDERR_FILENO) == 1),
      start_(std::chrono::steady_clock::now()),
      next_draw_(start_ + kBetweenDraws) {}

Progress::~Progress() {
  if (shown_) std::fputs("\r\x1b[2K", stderr);
}

void Progress::advance(std::uint64_t amount) {
  done_.fetch_add(amount, std::memory_order_relaxed);
  if (shown_) draw();
}

std::string Progress::line(std::uint64_t done, std::chrono::milliseconds elapsed) const {
  const auto quantity = [this](std::uint64_t n) {
    return unit_ == Unit::kBytes ? format_bytes(n) : format_count(n);
  };
  const auto ms = static_cast<std::uint64_t>(elapsed.count());
  std::string text = label_;
  if (total_ == 0) {
    text += fmt::format("  {}", quantity(done));
  } else {
    const std::uint64_t reached = std::min(done, total_);
    text += fmt::format("  {}%  {} of {}", scale(reached, 100, total_), quantity(reached),
                        quantity(total_));
  }
  if (ms == 0 || done == 0) return text;
  text += fmt::format("  {}/s", quantity(scale(done, 1000, ms)));
  if (done < total_) {
    const std::chrono::milliseconds left(static_cast<std::int64_t>(scale(total_ - done, ms, done)));
    text += fmt::format("  {} left", format_duration(left));
  }
  return text;
}

void Progress::draw() {
  // Whoever finds another thread drawing has nothing to add.
  const std::unique_lock lock(drawing_, std::try_to_lock);
  const auto now = std::chrono::steady_clock::now();
  if (!lock || now < next_draw_) return;
  next_draw_ = now + kBetweenDraws;
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - start_);
  std::fprintf(stderr, "\r\x1b[2K%s", line(done_.load(std::memory_order_relaxed), elapsed).c_str());
}

}  // namespace imo
