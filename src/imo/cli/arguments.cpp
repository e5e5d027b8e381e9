#include "imo/cli/arguments.hpp"

#include "imo/eth/units.hpp"

#include <array>
#include <ctime>
#include <utility>

#include <fmt/core.h>

namespace imo::cli {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t seconds;
};

constexpr std::array<Unit, 5> kUnits{{
    {"y", 365 * 86'400},
    {"d", 86'400},
    {"h", 3'600},
    {"min", 60},
    {"s", 1},
}};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

Result<std::uint64_t> parse_duration(std::string_view text) {
  const std::string_view value = trimmed(text);
  const std::size_t digits = value.find_first_not_of("0123456789");
  const auto wrong = [&] {
    return invalid(fmt::format("'{}' is no duration; write 90s, 15min, 6h, 30d or 2y", text));
  };
  if (digits == 0 || digits == std::string_view::npos || digits > 9) return wrong();
  IMO_TRY(const U256 count, U256::parse(value.substr(0, digits)));
  const std::string_view name = trimmed(value.substr(digits));
  for (const Unit& unit : kUnits) {
    if (name == unit.name) return *count.to_u64() * unit.seconds;
  }
  return wrong();
}

Result<std::uint64_t> parse_count(std::string_view text) {
  const std::string_view value = trimmed(text);
  constexpr std::string_view kSuffixes = "KMB";  // a thousand, a million, a billion
  const std::size_t suffix = value.empty() ? std::string_view::npos : kSuffixes.find(value.back());
  const bool has_suffix = suffix != std::string_view::npos;
  const auto count = eth::parse_units(has_suffix ? value.substr(0, value.size() - 1) : value,
                                      has_suffix ? 3 * (static_cast<unsigned>(suffix) + 1) : 0);
  if (count && count->to_u64()) return *count->to_u64();
  return invalid(fmt::format("'{}' is no count; write 250000, 15K, 110M or 1.1B", text));
}

Result<std::uint16_t> parse_share(std::string_view text) {
  const std::string_view value = trimmed(text);
  const auto wrong = [&] {
    return invalid(fmt::format("'{}' is no share; write a percentage such as 12.5%", text));
  };
  if (!value.ends_with('%')) return wrong();
  const auto basis_points = eth::parse_units(trimmed(value.substr(0, value.size() - 1)), 2);
  if (!basis_points || *basis_points > U256(10'000)) return wrong();
  return static_cast<std::uint16_t>(*basis_points->to_u64());
}

Result<std::uint32_t> parse_fixed(std::string_view text, std::uint32_t most) {
  constexpr unsigned kDigits = 6;
  constexpr std::uint64_t kUnit = 1'000'000;
  const auto millionths = eth::parse_units(trimmed(text), kDigits);
  if (!millionths || *millionths > U256(most * kUnit)) {
    return invalid(fmt::format("'{}' is no number from 0 to {} with at most {} decimals", text,
                               most, kDigits));
  }
  return static_cast<std::uint32_t>((*millionths->to_u64() * 65'536 + kUnit / 2) / kUnit);
}

Result<U256> parse_tokens(std::string_view text) {
  return eth::parse_units(text, 18);
}

std::string duration_text(std::uint64_t seconds) {
  std::string text;
  int parts = 0;
  for (const Unit& unit : kUnits) {
    if (parts == 2 || seconds < unit.seconds) continue;
    text += fmt::format("{}{} {}", parts == 0 ? "" : " ", seconds / unit.seconds, unit.name);
    seconds %= unit.seconds;
    ++parts;
  }
  return text.empty() ? "0 s" : text;
}

std::string share_text(std::uint64_t basis_points) {
  return fmt::format("{}.{:02} %", basis_points / 100, basis_points % 100);
}

std::string time_text(std::uint64_t unix_seconds) {
  const auto time = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &parts);
  return text.data();
}

}  // namespace imo::cli
