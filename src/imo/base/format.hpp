/// Sizes, durations, counts and strangers' text, for people to read.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace imo {

/// `512 B`, `1.5 KiB`, `2.0 GiB`: powers of 1024, one decimal, rounded down.
std::string format_bytes(std::uint64_t bytes);

/// `740 ns`, `12.3 ms`, `4.56 s`, `2 min 05 s`, `1 h 02 min`: rounded down. Negative counts as 0.
std::string format_duration(std::chrono::nanoseconds duration);

/// `1,234,567`.
std::string format_count(std::uint64_t count);

/// `text` with control characters, C1 ones in UTF-8 included, written as `\x1b`: text of a stranger
/// that can neither drive a terminal nor begin a line of its own.
std::string printable(std::string_view text);

}  // namespace imo
