/// Amounts as people write them. Exact integers throughout; never a floating-point number.
#pragma once

#include "imo/base/result.hpp"
#include "imo/base/u256.hpp"

#include <string>
#include <string_view>

namespace imo::eth {

inline constexpr U256 kGwei{1'000'000'000ULL};
inline constexpr U256 kEther{1'000'000'000'000'000'000ULL};

/// `amount / 10^decimals` in decimal, without trailing zeros: format_units(1500, 3) is "1.5".
std::string format_units(const U256& amount, unsigned decimals);

/// The reverse. Refuses signs, exponents, more digits behind the point than `decimals`, and what
/// does not fit 256 bits. `decimals` is at most 77.
Result<U256> parse_units(std::string_view text, unsigned decimals);

/// `1.5 ETH`.
std::string format_ether(const U256& wei);
/// `1.5 gwei`.
std::string format_gwei(const U256& wei);

/// Wei from text with its unit: `1.5 ETH`, `1.5ether`, `20 gwei`, `7 wei` (case does not matter).
/// A number without a unit is refused: nobody should have to guess.
Result<U256> parse_amount(std::string_view text);

}  // namespace imo::eth
