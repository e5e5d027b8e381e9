#include "imo/base/large_vector.hpp"

#include <cstdlib>
#include <new>

#include <sys/mman.h>

namespace imo {
namespace {

/// From here on memory comes from the system: the size of some huge pages.
constexpr std::size_t kMapped = std::size_t{4} << 20;

}  // namespace

void* allocate_zeroed(std::size_t bytes) {
  if (bytes < kMapped) {
    void* memory = std::calloc(bytes, 1);  // NOLINT: zeros are what is asked for
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
  }
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();  // NOLINT: the system's macro
  ::madvise(memory, bytes, MADV_HUGEPAGE);           // a wish: nothing depends on it
  return memory;
}

void free_zeroed(void* memory, std::size_t bytes) noexcept {
  if (bytes < kMapped) {
    std::free(memory);  // NOLINT: from calloc
  } else {
    ::munmap(memory, bytes);
  }
}

}  // namespace imo
