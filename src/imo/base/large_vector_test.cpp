#include "imo/base/large_vector.hpp"

#include <algorithm>

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace imo {
namespace {

constexpr std::size_t kBytes = std::size_t{64} << 20;

long faults() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

/// Faults of a vector that is filled.
long faults_of_one() {
  const long before = faults();
  LargeVector<unsigned char> bytes(kBytes);
  EXPECT_TRUE(std::ranges::all_of(bytes, [](unsigned char byte) { return byte == 0; }));
  std::ranges::fill(bytes, static_cast<unsigned char>(1));
  return faults() - before;
}

TEST(LargeVector, IsOfZerosInMemoryThatWasUsedBefore) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "sanitizers bring an allocator of their own, which glibc's settings do not reach";
#endif
  keep_freed_memory();
  const long fresh = faults_of_one();
  EXPECT_GE(fresh, static_cast<long>(kBytes >> 21)) << "not even one for each huge page";
  EXPECT_LE(faults_of_one(), fresh / 4);
  give_back_memory();
  EXPECT_GE(faults_of_one(), fresh / 2);
}

}  // namespace
}  // namespace imo
