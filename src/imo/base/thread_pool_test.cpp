#include "imo/base/thread_pool.hpp"

#include <atomic>
#include <chrono>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

namespace imo {
namespace {

class ThreadPoolSizes : public testing::TestWithParam<std::size_t> {};

TEST_P(ThreadPoolSizes, EachItemIsDoneOnce) {
  ThreadPool pool(GetParam());
  EXPECT_EQ(pool.size(), GetParam());
  for (const std::size_t n : {0UL, 1UL, 2UL, 3UL, 4UL, 5UL, 7UL, 64UL, 1000UL}) {
    std::vector<int> done(n);  // not atomic: no two threads may touch an item
    pool.parallel_for(n, [&done](std::size_t i) { ++done[i]; });
    EXPECT_EQ(done, std::vector<int>(n, 1)) << n;
  }
}

TEST_P(ThreadPoolSizes, RangesAreEvenAndInOrder) {
  ThreadPool pool(GetParam());
  constexpr std::size_t kCount = 103;
  std::vector<std::size_t> range_of(kCount);
  std::atomic<std::size_t> ranges = 0;
  pool.parallel_ranges(kCount, [&](std::size_t begin, std::size_t end) {
    ++ranges;
    const std::size_t size = end - begin;
    EXPECT_TRUE(size == kCount / GetParam() || size == kCount / GetParam() + 1) << size;
    for (std::size_t i = begin; i < end; ++i) range_of[i] = begin;
  });
  EXPECT_EQ(ranges, GetParam());
  EXPECT_TRUE(std::is_sorted(range_of.begin(), range_of.end()));
}

// Each round reads what the round before wrote, through plain memory.
TEST_P(ThreadPoolSizes, WhatARoundWroteTheNextOneSees) {
  ThreadPool pool(GetParam());
  constexpr std::size_t kCount = 64;
  std::vector<std::uint64_t> now(kCount);
  std::iota(now.begin(), now.end(), 0U);
  std::vector<std::uint64_t> next(kCount);
  for (int round = 0; round < 500; ++round) {
    pool.parallel_for(kCount, [&](std::size_t i) { next[i] = now[(i + 1) % kCount] + 1; });
    now.swap(next);
  }
  for (std::size_t i = 0; i < kCount; ++i) EXPECT_EQ(now[i], (i + 500) % kCount + 500);
}

INSTANTIATE_TEST_SUITE_P(Sizes, ThreadPoolSizes, testing::Values(1, 2, 3, 8));

// No range ends before all have begun, which takes a thread for each.
TEST(ThreadPool, ManyThreadsDoWork) {
  ThreadPool pool(4);
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> begun = 0;
    std::vector<std::thread::id> by(4);
    pool.parallel_for(4, [&](std::size_t i) {
      by[i] = std::this_thread::get_id();
      ++begun;
      while (begun != 4) std::this_thread::yield();
    });
    EXPECT_EQ(by[0], std::this_thread::get_id());
    EXPECT_EQ(std::set<std::thread::id>(by.begin(), by.end()).size(), 4U);
  }
}

// Gaps long enough for the workers to fall asleep, and none: a worker that comes late finds its
// range taken, and must neither do it again nor touch the loop that follows.
TEST(ThreadPool, LateWorkersDoNothingTwice) {
  ThreadPool pool(3);
  for (int round = 0; round < 300; ++round) {
    if (round % 10 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
    std::vector<int> done(3 + static_cast<std::size_t>(round) % 5);  // not atomic
    pool.parallel_for(done.size(), [&done](std::size_t i) { ++done[i]; });
    ASSERT_EQ(done, std::vector<int>(done.size(), 1)) << round;
  }
}

TEST(ThreadPool, ComesAndGoesWithoutWork) {
  for (int i = 0; i < 50; ++i) const ThreadPool pool(3);
}

TEST(ThreadPool, ByDefaultUsesTheWholeMachine) {
  EXPECT_EQ(ThreadPool().size(), std::max(1U, std::thread::hardware_concurrency()));
}

TEST(ThreadPoolDeathTest, LoopsDoNotNest) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        ThreadPool pool(1);
        pool.parallel_for(1, [&pool](std::size_t) { pool.parallel_for(1, [](std::size_t) {}); });
      },
      "already runs one");
}

}  // namespace
}  // namespace imo
