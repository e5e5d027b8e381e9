/// Sums over index ranges on every thread of a pool.
#pragma once

#include "imo/base/thread_pool.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace imo::zkml {

/// The sum of `part(begin, end)` over a partition of [0, n); T{} is zero. The sums of this project
/// are exact, so the partition does not show in the result.
template <typename T, typename Part>
T parallel_sum(ThreadPool& pool, std::size_t n, Part&& part) {
  const std::size_t pieces = std::min(n, pool.size());
  std::vector<T> sums(pieces);
  pool.parallel_for(pieces,
                    [&](std::size_t i) { sums[i] = part(n * i / pieces, n * (i + 1) / pieces); });
  T total{};
  for (const T& sum : sums) total += sum;
  return total;
}

}  // namespace imo::zkml
