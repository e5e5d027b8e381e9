/// A conversation that a test leads, in place of src/imo/zkml/transcript.hpp.
///
/// What the real reader takes from a proof and from hashes, this one takes from a script: messages
/// and challenges in the order in which the verifier asks for them. Where the script ends, it says
/// what would have been next, and by whom; so a search can try all answers.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/zkml/field.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace imo {
class ThreadPool;
}

namespace imo::zkml {

using Digest = FixedBytes<26>;

/// What a verifier waits for at a script's end.
struct Asked {
  enum class Of : std::uint8_t { kNobody, kChance, kProver };
  Of of = Of::kNobody;
  std::uint32_t choices = 0;  ///< answers are 0 .. choices - 1
};

class Transcript {
 public:
  /// `script` is borrowed. A digest is one of `commitments` names.
  explicit Transcript(std::span<const std::uint32_t> script, std::uint32_t commitments = 0)
      : script_(script), commitments_(commitments) {}

  Fp3 challenge() { return Fp3(take(Asked::Of::kChance, Fp::kModulus)); }
  std::vector<std::uint32_t> challenge_indices(std::size_t count, unsigned bits) {
    std::vector<std::uint32_t> indices;
    for (std::size_t i = 0; i < count; ++i) {
      indices.push_back(take(Asked::Of::kChance, std::uint32_t{1} << bits));
    }
    return indices;
  }

  /// What the script did not have, if anything.
  [[nodiscard]] const Asked& asked() const { return asked_; }

 protected:
  /// The script's next word; 0 behind its end.
  std::uint32_t take(Asked::Of of, std::uint32_t choices) {
    if (at_ < script_.size()) return script_[at_++];
    if (asked_.of == Asked::Of::kNobody) asked_ = {of, choices};
    return 0;
  }
  [[nodiscard]] bool has_ended() const { return asked_.of != Asked::Of::kNobody; }

  std::uint32_t commitments() const { return commitments_; }

 private:
  std::span<const std::uint32_t> script_;
  std::uint32_t commitments_;
  std::size_t at_ = 0;
  Asked asked_;
};

class ProofReader : public Transcript {
 public:
  using Transcript::Transcript;

  Result<Fp> read_fp() {
    const std::uint32_t word = take(Asked::Of::kProver, Fp::kModulus);
    if (has_ended()) return refused("");
    return Fp(word);
  }
  Result<Fp3> read_fp3() { return read_fp(); }
  Result<Digest> read_digest() {
    Digest digest;
    digest.bytes[0] = static_cast<std::uint8_t>(take(Asked::Of::kProver, commitments()));
    if (has_ended()) return refused("");
    return digest;
  }
  /// Grinding makes queries dearer, not fewer: here it is free.
  Result<void> check_grinding(unsigned /*bits*/) { return {}; }

  [[nodiscard]] tl::unexpected<Error> refused(std::string_view /*what*/) const {
    return fail(ErrorKind::kVerification, {});
  }
  [[nodiscard]] Result<void> finish() const { return {}; }
};

/// The provers share sources with the verifiers; nobody calls them here.
class ProofWriter : public Transcript {
 public:
  using Transcript::Transcript;

  void write(const Fp3& /*a*/) {}
  void write(const Digest& /*digest*/) {}
  void grind(unsigned /*bits*/, ThreadPool& /*pool*/) {}
};

}  // namespace imo::zkml
