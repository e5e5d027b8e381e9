#include "imo/eth/units.hpp"

#include "imo/base/check.hpp"

#include <algorithm>
#include <cctype>

namespace imo::eth {
namespace {

constexpr unsigned kMaxDecimals = 77;  // 10^77 is the highest power of ten below 2^256

std::string quoted(std::string_view text) {
  return "'" + std::string(text.substr(0, 100)) + "'";
}

bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string format_units(const U256& amount, unsigned decimals) {
  std::string digits = amount.to_dec();
  if (decimals == 0) return digits;
  if (digits.size() <= decimals) digits.insert(0, decimals + 1 - digits.size(), '0');
  std::string fraction = digits.substr(digits.size() - decimals);
  digits.resize(digits.size() - decimals);
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  return fraction.empty() ? digits : digits + "." + fraction;
}

Result<U256> parse_units(std::string_view text, unsigned decimals) {
  IMO_CHECK(decimals <= kMaxDecimals, "more decimals than 256 bits hold");
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const std::string_view fraction =
      point == std::string_view::npos ? std::string_view{} : text.substr(point + 1);
  if (whole.empty() || !all_digits(whole) || !all_digits(fraction) ||
      (point != std::string_view::npos && fraction.empty())) {
    return invalid(quoted(text) + " is not a decimal number such as 12 or 1.5");
  }
  if (fraction.size() > decimals) {
    return invalid(quoted(text) + " has more than " + std::to_string(decimals) +
                   " digits behind the point");
  }
  std::string digits = std::string(whole) + std::string(fraction);
  digits.append(decimals - fraction.size(), '0');
  const std::size_t first = std::min(digits.find_first_not_of('0'), digits.size() - 1);
  auto amount = U256::parse(std::string_view(digits).substr(first));
  if (!amount) return invalid(quoted(text) + " does not fit 256 bits");
  return amount;
}

std::string format_ether(const U256& wei) {
  return format_units(wei, 18) + " ETH";
}

std::string format_gwei(const U256& wei) {
  return format_units(wei, 9) + " gwei";
}

Result<U256> parse_amount(std::string_view text) {
  const std::size_t end_of_number = std::min(text.find_first_not_of("0123456789."), text.size());
  std::string_view unit_text = text.substr(end_of_number);
  if (unit_text.starts_with(' ')) unit_text.remove_prefix(1);
  std::string unit(unit_text);
  std::transform(unit.begin(), unit.end(), unit.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::string_view number = text.substr(0, end_of_number);
  if (unit == "eth" || unit == "ether") return parse_units(number, 18);
  if (unit == "gwei") return parse_units(number, 9);
  if (unit == "wei") return parse_units(number, 0);
  return invalid("amount " + quoted(text) + " needs a unit: ETH, gwei or wei, as in 1.5ETH");
}

}  // namespace imo::eth
