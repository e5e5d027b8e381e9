#include "imo/base/format.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace imo {

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array kUnits{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  std::size_t unit = 0;
  unsigned shift = 10;
  for (; unit + 1 < kUnits.size() && bytes >> (shift + 10) != 0; shift += 10) ++unit;
  const std::uint64_t rest = bytes & ((std::uint64_t{1} << shift) - 1);
  return fmt::format("{}.{} {}", bytes >> shift, rest * 10 >> shift, kUnits.at(unit));
}

std::string format_duration(std::chrono::nanoseconds duration) {
  constexpr std::int64_t kMicro = 1'000;
  constexpr std::int64_t kMilli = 1'000'000;
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t ns = std::max<std::int64_t>(duration.count(), 0);
  const std::int64_t seconds = ns / kSecond;
  if (ns < kMicro) return fmt::format("{} ns", ns);
  if (ns < kMilli) return fmt::format("{}.{} µs", ns / kMicro, ns % kMicro / (kMicro / 10));
  if (ns < kSecond) return fmt::format("{}.{} ms", ns / kMilli, ns % kMilli / (kMilli / 10));
  if (seconds < 60) {
    return fmt::format("{}.{:02} s", seconds, ns % kSecond / (kSecond / 100));
  }
  if (seconds < 3600) return fmt::format("{} min {:02} s", seconds / 60, seconds % 60);
  return fmt::format("{} h {:02} min", seconds / 3600, seconds % 3600 / 60);
}

std::string format_count(std::uint64_t count) {
  std::string text = fmt::format("{}", count);
  for (std::size_t end = text.size(); end > 3;) {
    end -= 3;
    text.insert(end, 1, ',');
  }
  return text;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else if (byte == 0xc2 && next >= 0x80 && next <= 0x9f) {
      out += fmt::format("\\x{:02x}", next);  // U+0080..U+009F, where CSI has a second form
      ++i;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

}  // namespace imo
