#include "imo/base/large_vector.hpp"

#include <cstdint>
#include <cstdlib>
#include <new>

#include <malloc.h>
#include <sys/mman.h>

namespace imo {
namespace {

/// From here on huge pages are asked for: the size of some of them.
constexpr std::size_t kLarge = std::size_t{4} << 20;
constexpr std::uintptr_t kPage = 4096;

/// A wish: nothing depends on it.
void ask_for_huge_pages(void* memory, std::size_t bytes) {
  const auto begin = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t first = (begin + kPage - 1) / kPage * kPage;
  const std::uintptr_t end = (begin + bytes) / kPage * kPage;
  ::madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);  // NOLINT: an address
}

}  // namespace

void* allocate_zeroed(std::size_t bytes) {
  void* memory = std::calloc(bytes, 1);  // NOLINT: zeros are what is asked for
  if (memory == nullptr) throw std::bad_alloc();
  if (bytes >= kLarge) ask_for_huge_pages(memory, bytes);
  return memory;
}

void free_zeroed(void* memory) noexcept {
  std::free(memory);  // NOLINT: from calloc
}

void keep_freed_memory() {
  ::mallopt(M_MMAP_MAX, 0);
  ::mallopt(M_TRIM_THRESHOLD, -1);  // never
  // Others hold no more than 64 MiB each, and share nothing.
  ::mallopt(M_ARENA_MAX, 1);
}

void give_back_memory() {
  ::malloc_trim(0);
}

}  // namespace imo
