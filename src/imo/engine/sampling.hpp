/// How tokens are chosen: greedily, or by chance.
#pragma once

#include <cstdint>

namespace imo::engine {

/// Units of temperature and min-p: 2^-16.
inline constexpr unsigned kSamplingFraction = 16;

struct Sampling {
  std::uint32_t temperature = 0;  ///< in 2^-16, at most kMaxTemperature; 0 is greedy
  std::uint64_t seed = 0;
  std::uint32_t top_k = 0;  ///< only the so many most likely tokens; 0: all
  std::uint32_t min_p = 0;  ///< in 2^-16: only tokens this likely, against the likeliest; 0: all

  static constexpr std::uint32_t kMaxTemperature = 100U << kSamplingFraction;
};

}  // namespace imo::engine
