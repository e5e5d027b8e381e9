/// What a command found or did: once for programs, once for people.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/u256.hpp"

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace imo::cli {

/// Exit codes of the command. 2 is what the argument parser itself uses for wrong usage.
enum ExitCode : int {
  kSuccess = 0,
  kFailure = 1,
  kUsage = 2,
  kVerificationFailed = 7,
};

/// A command's result. With --json `data` is printed, else `lines`; `next` goes to standard error,
/// so that a pipe sees results alone.
struct Report {
  nlohmann::ordered_json data = nlohmann::ordered_json::object();
  std::vector<std::string> lines;
  std::vector<std::string> next;  ///< sensible next commands
  ExitCode exit_code = kSuccess;

  Report& line(std::string text) {
    lines.push_back(std::move(text));
    return *this;
  }
  /// `name    value`, aligned with its neighbours.
  Report& field(const std::string& name, const std::string& value);
};

/// Amounts are decimal strings in JSON: a double would lose digits.
inline std::string json_amount(const U256& amount) {
  return amount.to_dec();
}

/// `1.5 ETH (1500000000000000000 wei)` is too long for a table: `1.5 ETH`, exact.
std::string ether_text(const U256& wei);

/// A whole number of tokens with 18 decimals, exact.
std::string token_text(const U256& units, const std::string& symbol);

}  // namespace imo::cli
