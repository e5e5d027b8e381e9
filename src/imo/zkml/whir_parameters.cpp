#include "imo/zkml/whir_parameters.hpp"

#include "imo/zkml/field.hpp"
#include "imo/zkml/transcript.hpp"

#include <algorithm>
#include <string>

namespace imo::zkml {
namespace {

/// Bits of security in units of 2^-16 bits; negative when there are none.
using Bits = std::int64_t;

constexpr Bits kOne = 65536;
constexpr Bits kField = 191 * kOne;     // |F| = p^3 > 2^191.9; the rest pays for the bias
constexpr Bits kLogTen = 217706;        // log2 10, rounded up
constexpr Bits kLogMargin = 4614;       // log2 1.05, rounded up
constexpr Bits kLogClaims = 16 * kOne;  // log2 WhirParameters::kMaxClaims

/// What one query of a code of rate 2^-log_inverse_rate is worth: -log2(1.05 sqrt(rate)).
Bits query_bits(unsigned log_inverse_rate) {
  return Bits{log_inverse_rate} * (kOne / 2) - kLogMargin;
}

std::size_t queries(unsigned log_inverse_rate, unsigned bits) {
  const Bits each = query_bits(log_inverse_rate);
  return static_cast<std::size_t>((Bits{bits} * kOne + each - 1) / each);
}

/// The least entry of the table of soundness for one round.
Bits round_bits(const WhirRound& round, unsigned grinding) {
  const Bits variables = Bits{round.variables} * kOne;
  const Bits rate = Bits{round.log_inverse_rate} * kOne;
  const Bits dimension = variables - WhirParameters::kFolding * kOne;
  const Bits list = kLogTen + rate;
  return std::min({
      kField - 7 * kLogTen - rate * 7 / 2 - 2 * dimension,
      kField - variables - 2 * list + kOne,
      kField - list - kOne,
      kField - list - kLogClaims,
      static_cast<Bits>(round.queries) * query_bits(round.log_inverse_rate) + Bits{grinding} * kOne,
  });
}

std::string range(std::string_view name, unsigned value, unsigned least, unsigned most) {
  return std::string(name) + " must be " + std::to_string(least) + " to " + std::to_string(most) +
         ", not " + std::to_string(value);
}

}  // namespace

Result<WhirParameters> WhirParameters::make(unsigned variables, unsigned log_inverse_rate,
                                            unsigned grinding, unsigned security) {
  if (variables < kMinVariables || variables > kMaxVariables) {
    return invalid(range("variables of a commitment", variables, kMinVariables, kMaxVariables));
  }
  if (log_inverse_rate < 1 || log_inverse_rate > kMaxLogInverseRate) {
    return invalid(range("log2 of the inverse rate", log_inverse_rate, 1, kMaxLogInverseRate));
  }
  if (grinding > kMaxGrinding) {
    return invalid(range("bits of grinding", grinding, 0, kMaxGrinding));
  }
  if (security < kMinSecurity || security > kMaxSecurity) {
    return invalid(range("bits of security", security, kMinSecurity, kMaxSecurity));
  }
  constexpr unsigned kMostInTheClear = 6;
  constexpr unsigned kLowestLogInverseRate = 12;
  WhirParameters parameters;
  parameters.grinding_ = grinding;
  WhirRound round{.variables = variables, .log_inverse_rate = log_inverse_rate};
  Bits least = kField;
  while (true) {
    round.log_rows = round.variables - kFolding + round.log_inverse_rate;
    round.queries = queries(round.log_inverse_rate, security - grinding);
    least = std::min(least, round_bits(round, grinding));
    parameters.rounds_.push_back(round);
    round.variables -= kFolding;
    if (round.variables <= kMostInTheClear) break;
    // The domain halves while the dimension falls by 2^4; from some rate on both fall alike,
    // because more queries are saved no longer and distance is lost in folding. The first time it
    // falls to a quarter: there most of the prover's work would be.
    const unsigned step = parameters.rounds_.size() == 1 ? kFolding - 2 : kFolding - 1;
    round.log_inverse_rate = std::min(round.log_inverse_rate + step, kLowestLogInverseRate);
  }
  if (least < Bits{security} * kOne) {
    return invalid("a commitment to 2^" + std::to_string(variables) + " elements at rate 2^-" +
                   std::to_string(log_inverse_rate) + " has " + std::to_string(least / kOne) +
                   " bits of security, less than " + std::to_string(security) +
                   "; take a higher rate");
  }
  parameters.security_ = static_cast<unsigned>(least / kOne);
  return parameters;
}

}  // namespace imo::zkml
