#include "imo/cli/report.hpp"

#include "imo/eth/units.hpp"

#include <algorithm>

namespace imo::cli {

Report& Report::field(const std::string& name, const std::string& value) {
  constexpr std::size_t kColumn = 18;
  const std::size_t gap = name.size() < kColumn ? kColumn - name.size() : 1;
  return line(name + std::string(gap, ' ') + value);
}

std::string ether_text(const U256& wei) {
  return eth::format_ether(wei);
}

std::string token_text(const U256& units, const std::string& symbol) {
  return eth::format_units(units, 18) + " " + symbol;
}

}  // namespace imo::cli
