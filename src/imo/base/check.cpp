#include "imo/base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace imo {

void check_failed(const char* file, int line, std::string_view what) {
  std::fprintf(stderr, "%s:%d: check failed: %.*s\n", file, line, static_cast<int>(what.size()),
               what.data());
  std::abort();
}

}  // namespace imo
