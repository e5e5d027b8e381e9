/// The one check for programmer errors: always on, never for input.
#pragma once

#include <string_view>

namespace imo {

/// Prints where and what, then aborts.
[[noreturn]] void check_failed(const char* file, int line, std::string_view what);

}  // namespace imo

/// Aborts when an invariant of our own code does not hold. Input that is wrong gets a Result.
#define IMO_CHECK(condition, what)                                   \
  do {                                                               \
    if (!(condition)) ::imo::check_failed(__FILE__, __LINE__, what); \
  } while (false)
