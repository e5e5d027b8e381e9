/// How large a WHIR proof must be: queries and rates from the security that is asked for.
///
/// docs/proof.md, "WHIR", is normative; the bounds are those of its table of soundness, computed in
/// integers and rounded against us.
#pragma once

#include "imo/base/result.hpp"

#include <cstdint>
#include <vector>

namespace imo::zkml {

/// One round: a vector of `variables` variables is folded by four.
struct WhirRound {
  unsigned variables = 0;         ///< of the vector that is folded
  unsigned log_inverse_rate = 0;  ///< of its code
  unsigned log_rows = 0;          ///< of its tree: each row holds the 16 columns at one point
  std::size_t queries = 0;        ///< positions drawn, repetitions included

  friend bool operator==(const WhirRound&, const WhirRound&) = default;
};

/// Parameters that hold what they promise; there is no way to make others.
class WhirParameters {
 public:
  static constexpr unsigned kFolding = 4;      ///< variables folded a round
  static constexpr std::size_t kRowSize = 16;  ///< 2^kFolding
  static constexpr unsigned kMinVariables = 8;
  static constexpr unsigned kMaxVariables = 28;
  static constexpr unsigned kMaxLogInverseRate = 6;
  static constexpr unsigned kMinSecurity = 100;
  static constexpr unsigned kMaxSecurity = 128;
  static constexpr std::size_t kMaxClaims = std::size_t{1} << 16;  ///< opened at once

  /// For vectors of 2^variables elements, encoded at rate 2^-log_inverse_rate. Refuses what gives
  /// less than `security` bits in any round, and what is out of the ranges above.
  static Result<WhirParameters> make(unsigned variables, unsigned log_inverse_rate,
                                     unsigned grinding = 20, unsigned security = kMinSecurity);

  [[nodiscard]] unsigned variables() const { return rounds_.front().variables; }
  [[nodiscard]] unsigned grinding() const { return grinding_; }
  [[nodiscard]] const std::vector<WhirRound>& rounds() const { return rounds_; }
  /// The variables of the vector that is sent in the clear at the end: 3 to 6.
  [[nodiscard]] unsigned last_variables() const { return rounds_.back().variables - kFolding; }
  /// The least entry of the table of soundness over all rounds but for hash collisions, in bits,
  /// rounded down.
  [[nodiscard]] unsigned security() const { return security_; }

 private:
  WhirParameters() = default;

  unsigned grinding_ = 0;
  unsigned security_ = 0;
  std::vector<WhirRound> rounds_;
};

}  // namespace imo::zkml
