/// WHIR with rows of two, in place of src/imo/zkml/whir_parameters.hpp: the same protocol, small
/// enough to be played to its end, and with whatever parameters a test asks for.
#pragma once

#include "imo/base/result.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace imo::zkml {

struct WhirCode {
  unsigned variables = 0;
  unsigned log_inverse_rate = 0;

  [[nodiscard]] unsigned log_rows() const;
};

struct WhirCommitment {
  WhirCode code;
  std::uint64_t stored = 0;
};

struct WhirBlock {
  unsigned variables = 0;
  std::uint64_t number = 0;

  [[nodiscard]] std::uint64_t offset() const { return number << variables; }
  [[nodiscard]] std::uint64_t size() const { return std::uint64_t{1} << variables; }
};

struct WhirPart {
  WhirCode code;
  WhirBlock block;
  std::optional<WhirBlock> hole;
  std::size_t queries = 0;
};

class WhirParameters {
 public:
  static constexpr unsigned kFolding = 1;
  static constexpr std::size_t kRowSize = 2;
  static constexpr unsigned kMinVariables = 0;
  static constexpr unsigned kMaxVariables = 28;
  static constexpr std::size_t kMaxClaims = std::size_t{1} << 16;

  WhirParameters() = default;
  WhirParameters(unsigned variables, std::vector<WhirPart> parts, std::vector<WhirPart> rounds)
      : variables_(variables), parts_(std::move(parts)), rounds_(std::move(rounds)) {}
  /// No tiny field has 100 bits.
  static Result<WhirParameters> make(std::span<const WhirCommitment> /*commitments*/,
                                     unsigned /*log_inverse_rate*/, unsigned /*grinding*/) {
    return invalid("too small to be safe");
  }

  [[nodiscard]] unsigned variables() const { return variables_; }
  [[nodiscard]] unsigned grinding() const { return 0; }
  [[nodiscard]] const std::vector<WhirPart>& parts() const { return parts_; }
  [[nodiscard]] const std::vector<WhirPart>& rounds() const { return rounds_; }
  [[nodiscard]] unsigned last_variables() const {
    return variables_ - kFolding * static_cast<unsigned>(rounds_.size() + 1);
  }

 private:
  unsigned variables_ = 0;
  std::vector<WhirPart> parts_;
  std::vector<WhirPart> rounds_;
};

inline unsigned WhirCode::log_rows() const {
  return variables - WhirParameters::kFolding + log_inverse_rate;
}

}  // namespace imo::zkml
