#include "imo/zkml/whir_parameters.hpp"

#include "imo/base/check.hpp"
#include "imo/zkml/field.hpp"
#include "imo/zkml/transcript.hpp"

#include <algorithm>
#include <bit>
#include <string>

namespace imo::zkml {
namespace {

/// Bits of security in units of 2^-16 bits; negative when there are none.
using Bits = std::int64_t;

constexpr Bits kOne = 65536;
constexpr Bits kField = 191 * kOne;  // |F| = p^3 > 2^191.9; the rest pays for the bias
constexpr Bits kLogTen = 217706;     // log2 10, rounded up
constexpr Bits kLogMargin = 4614;    // log2 1.05, rounded up
constexpr unsigned kLowestLogInverseRate = 12;
constexpr Bits kLogClaims = 16 * kOne;  // log2 WhirParameters::kMaxClaims

/// What one query of a code of rate 2^-log_inverse_rate is worth: -log2(1.05 sqrt(rate)).
Bits query_bits(unsigned log_inverse_rate) {
  return Bits{log_inverse_rate} * (kOne / 2) - kLogMargin;
}

std::size_t queries(unsigned log_inverse_rate, unsigned bits) {
  const Bits each = query_bits(log_inverse_rate);
  return static_cast<std::size_t>((Bits{bits} * kOne + each - 1) / each);
}

/// The least entry of the table of soundness that does not depend on the queries, for vectors that
/// fold together: `list` is the logarithm of how many codewords are near all of them.
Bits code_bits(const WhirCode& code, Bits list) {
  const Bits variables = Bits{code.variables} * kOne;
  const Bits rate = Bits{code.log_inverse_rate} * kOne;
  const Bits dimension = variables - WhirParameters::kFolding * kOne;
  return std::min({
      kField - 7 * kLogTen - rate * 7 / 2 - 2 * dimension,
      kField - variables - 2 * (kLogTen + rate) + kOne,
      kField - list - kLogClaims,
  });
}

Bits log_list(const WhirCode& code) {
  return kLogTen + Bits{code.log_inverse_rate} * kOne;
}

Bits bits_of_queries(unsigned log_inverse_rate, std::size_t count, unsigned grinding) {
  return static_cast<Bits>(count) * query_bits(log_inverse_rate) + Bits{grinding} * kOne;
}

/// Gives the parts their blocks: the largest first, of equals the first; the other one begins with
/// the first block of its size in which the larger one has nothing stored.
unsigned place(std::vector<WhirPart>& parts, std::span<const WhirCommitment> commitments) {
  if (parts.size() == 1) return parts[0].block.variables;
  const std::size_t large = parts[1].code.variables > parts[0].code.variables ? 1 : 0;
  WhirBlock& small = parts[1 - large].block;
  small.number = (commitments[large].stored + small.size() - 1) >> small.variables;
  const std::uint64_t end = small.offset() + small.size();
  if (end <= parts[large].block.size()) parts[large].hole = small;
  return static_cast<unsigned>(std::bit_width(std::max(end, parts[large].block.size()) - 1));
}

std::string range(std::string_view name, unsigned value, unsigned least, unsigned most) {
  return std::string(name) + " must be " + std::to_string(least) + " to " + std::to_string(most) +
         ", not " + std::to_string(value);
}

Result<void> check_rate(unsigned log_inverse_rate, unsigned most) {
  if (log_inverse_rate >= 1 && log_inverse_rate <= most) return {};
  return invalid(range("log2 of the inverse rate", log_inverse_rate, 1, most));
}

}  // namespace

Result<WhirParameters> WhirParameters::make(std::span<const WhirCommitment> commitments,
                                            unsigned log_inverse_rate, unsigned grinding,
                                            unsigned security) {
  IMO_CHECK(!commitments.empty() && commitments.size() <= 2, "one or two commitments");
  IMO_TRY_VOID(check_rate(log_inverse_rate, kLowestLogInverseRate));
  for (const WhirCommitment& commitment : commitments) {
    const unsigned variables = commitment.code.variables;
    if (variables < kMinVariables || variables > kMaxVariables) {
      return invalid(range("variables of a commitment", variables, kMinVariables, kMaxVariables));
    }
    IMO_TRY_VOID(check_rate(commitment.code.log_inverse_rate, kMaxLogInverseRate));
    IMO_CHECK(commitment.stored <= std::uint64_t{1} << variables, "more is stored than there is");
  }
  if (grinding > kMaxGrinding) {
    return invalid(range("bits of grinding", grinding, 0, kMaxGrinding));
  }
  if (security < kMinSecurity || security > kMaxSecurity) {
    return invalid(range("bits of security", security, kMinSecurity, kMaxSecurity));
  }
  constexpr unsigned kMostInTheClear = 6;
  constexpr unsigned kLong = 24;
  WhirParameters parameters;
  parameters.grinding_ = grinding;
  Bits list = 0;
  for (const WhirCommitment& commitment : commitments) list += log_list(commitment.code);
  Bits least = kField;
  for (const auto& [code, stored] : commitments) {
    const std::size_t count = queries(code.log_inverse_rate, security - grinding);
    parameters.parts_.push_back({code, {code.variables, 0}, {}, count});
    // Both fold at once: one bit for the sum of what can go wrong.
    const Bits together = commitments.size() == 1 ? 0 : kOne;
    least = std::min({least, code_bits(code, list) - together,
                      bits_of_queries(code.log_inverse_rate, count, grinding)});
  }
  parameters.variables_ = place(parameters.parts_, commitments);

  WhirCode code{parameters.variables_ - kFolding, log_inverse_rate};
  while (code.variables > kMostInTheClear) {
    const std::size_t count = queries(code.log_inverse_rate, security - grinding);
    least = std::min({least, code_bits(code, log_list(code)),
                      bits_of_queries(code.log_inverse_rate, count, grinding)});
    parameters.rounds_.push_back({code, {code.variables, 0}, {}, count});
    // The domain halves while the dimension falls by 2^4, and of a long code, which is much work, a
    // quarter is left; from some rate on both fall alike, because more queries are saved no longer
    // and distance is lost in folding.
    const unsigned halvings = code.variables + code.log_inverse_rate > kLong ? 2 : 1;
    code.variables -= kFolding;
    code.log_inverse_rate =
        std::min(code.log_inverse_rate + kFolding - halvings, kLowestLogInverseRate);
  }
  if (least < Bits{security} * kOne) {
    return invalid("an opening of 2^" + std::to_string(parameters.variables_) +
                   " elements at these rates has " + std::to_string(least / kOne) +
                   " bits of security, less than " + std::to_string(security) +
                   "; take a higher rate");
  }
  parameters.security_ = static_cast<unsigned>(least / kOne);
  return parameters;
}

}  // namespace imo::zkml
