/// How large a WHIR proof must be: queries and rates from the security that is asked for.
///
/// docs/proof.md, "WHIR", is normative; the bounds are those of its table of soundness, computed in
/// integers and rounded against us.
#pragma once

#include "imo/base/result.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace imo::zkml {

/// The code that a vector of 2^variables elements is committed to with.
struct WhirCode {
  unsigned variables = 0;
  unsigned log_inverse_rate = 0;

  /// Of its tree: each row holds the 16 columns at one point.
  [[nodiscard]] unsigned log_rows() const;

  friend bool operator==(const WhirCode&, const WhirCode&) = default;
};

/// A commitment that is to be opened: in an honest one, elements from `stored` on are zero.
struct WhirCommitment {
  WhirCode code;
  std::uint64_t stored = 0;
};

/// 2^variables neighbours in a vector, `number` such blocks from its beginning.
struct WhirBlock {
  unsigned variables = 0;
  std::uint64_t number = 0;

  [[nodiscard]] std::uint64_t offset() const { return number << variables; }
  [[nodiscard]] std::uint64_t size() const { return std::uint64_t{1} << variables; }
  friend bool operator==(const WhirBlock&, const WhirBlock&) = default;
};

/// What a tree was made of: a block of the vector that a round folds, or all of it.
struct WhirPart {
  WhirCode code;
  WhirBlock block;  ///< of as many variables as the code
  /// Where a smaller part lies within the block, in place of this one's elements.
  std::optional<WhirBlock> hole;
  std::size_t queries = 0;  ///< positions drawn, repetitions included

  friend bool operator==(const WhirPart&, const WhirPart&) = default;
};

/// Parameters that hold what they promise; there is no way to make others.
class WhirParameters {
 public:
  static constexpr unsigned kFolding = 4;      ///< variables folded a round
  static constexpr std::size_t kRowSize = 16;  ///< 2^kFolding
  static constexpr unsigned kMinVariables = 8;
  static constexpr unsigned kMaxVariables = 28;  ///< of a commitment
  static constexpr unsigned kMaxLogInverseRate = 7;
  static constexpr unsigned kMinSecurity = 100;
  static constexpr unsigned kMaxSecurity = 128;
  static constexpr std::size_t kMaxClaims = std::size_t{1} << 16;  ///< opened at once

  /// For an opening of one or two commitments at once (checked). `log_inverse_rate` is that of the
  /// code after the first fold. Refuses what gives less than `security` bits in any round, and
  /// what is out of the ranges above.
  static Result<WhirParameters> make(std::span<const WhirCommitment> commitments,
                                     unsigned log_inverse_rate, unsigned grinding = 20,
                                     unsigned security = kMinSecurity);

  /// Of the vector that all commitments together are.
  [[nodiscard]] unsigned variables() const { return variables_; }
  [[nodiscard]] unsigned grinding() const { return grinding_; }
  /// Of the first round: the commitments, in their order.
  [[nodiscard]] const std::vector<WhirPart>& parts() const { return parts_; }
  /// Of each round behind the first, if any, its only part: the vector folded by four more.
  [[nodiscard]] const std::vector<WhirPart>& rounds() const { return rounds_; }
  /// The variables of the vector that is sent in the clear at the end: 3 to 6.
  [[nodiscard]] unsigned last_variables() const {
    return variables_ - kFolding * static_cast<unsigned>(rounds_.size() + 1);
  }
  /// The least entry of the table of soundness over all rounds but for hash collisions, in bits,
  /// rounded down.
  [[nodiscard]] unsigned security() const { return security_; }

 private:
  WhirParameters() = default;

  unsigned variables_ = 0;
  unsigned grinding_ = 0;
  unsigned security_ = 0;
  std::vector<WhirPart> parts_;
  std::vector<WhirPart> rounds_;
};

inline unsigned WhirCode::log_rows() const {
  return variables - WhirParameters::kFolding + log_inverse_rate;
}

}  // namespace imo::zkml
