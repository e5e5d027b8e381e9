/// Vectors of millions of elements.
#pragma once

#include <cstddef>
#include <new>
#include <utility>
#include <vector>

namespace imo {

/// `bytes` of zeros, in huge pages where the system has them; pages that nobody touches cost
/// nothing. Throws std::bad_alloc.
void* allocate_zeroed(std::size_t bytes);
/// Gives back what allocate_zeroed gave.
void free_zeroed(void* memory) noexcept;

/// From now on the process keeps what it frees for what it allocates next: the system clears every
/// page that it gives, which takes a prover, with a gigabyte for each of its stages, a sixth of its
/// time. To be called before there are other threads.
void keep_freed_memory();
/// Gives the system what keep_freed_memory() has kept: for a process that has long nothing to do.
void give_back_memory();

/// Leaves elements as the zeros that their memory has, so that whoever fills them first, on every
/// thread, also brings in the pages: a fresh std::vector would do so alone, and twice.
template <typename T>
struct ZeroedAllocator {
  using value_type = T;

  ZeroedAllocator() = default;
  template <typename U>
  ZeroedAllocator(const ZeroedAllocator<U>& /*other*/) noexcept {}  // NOLINT: one is as any other

  T* allocate(std::size_t n) { return static_cast<T*>(allocate_zeroed(n * sizeof(T))); }
  void deallocate(T* memory, std::size_t /*n*/) noexcept { free_zeroed(memory); }
  template <typename U>
  void construct(U* /*place*/) noexcept {}
  template <typename U, typename First, typename... Rest>
  void construct(U* place, First&& first, Rest&&... rest) {
    ::new (static_cast<void*>(place)) U(std::forward<First>(first), std::forward<Rest>(rest)...);
  }
  friend bool operator==(const ZeroedAllocator& /*a*/, const ZeroedAllocator& /*b*/) {
    return true;
  }
};

/// For types whose default is all zeros and that own nothing. It may shrink; growing again would
/// bring back old elements.
template <typename T>
using LargeVector = std::vector<T, ZeroedAllocator<T>>;

}  // namespace imo
