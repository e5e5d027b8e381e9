/// Values as people type them on the command line.
#pragma once

#include "imo/base/result.hpp"
#include "imo/base/u256.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace imo::cli {

/// Seconds from `90s`, `15min`, `6h`, `30d`, `2y` (365 days); a bare number is refused.
Result<std::uint64_t> parse_duration(std::string_view text);

/// A number of things from `250000`, `15K`, `110M` or `1.1B`.
Result<std::uint64_t> parse_count(std::string_view text);

/// Basis points from `12.5%` or `12.5 %`; at most 100%.
Result<std::uint16_t> parse_share(std::string_view text);

/// A number in units of 2^-16, nearest, from `0.8` or `1`; at most `most`, which is whole.
Result<std::uint32_t> parse_fixed(std::string_view text, std::uint32_t most);

/// Base units from whole tokens, `1000000` or `0.5`; 18 decimals.
Result<U256> parse_tokens(std::string_view text);

/// `2 d 3 h`: the two largest units of a number of seconds.
std::string duration_text(std::uint64_t seconds);

/// `12.50 %`.
std::string share_text(std::uint64_t basis_points);

/// `2026-11-22 14:05 UTC`.
std::string time_text(std::uint64_t unix_seconds);

}  // namespace imo::cli
