/// What this machine has, and what this process has taken of it.
#pragma once

#include <chrono>
#include <cstdint>

namespace imo {

/// Of all memory; 0 when the system does not say.
std::uint64_t memory_of_machine();

/// The most that this process had in memory at once so far, mapped files included.
std::uint64_t peak_rss_bytes();

inline double seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace imo
