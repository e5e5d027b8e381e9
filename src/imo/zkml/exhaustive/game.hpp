/// The best cheater: of all provers there are, the one that is believed most often.
///
/// A verifier is a game between a prover, who answers as he likes, and chance. Over a tiny field
/// all of it can be played: the verifier runs on every script of messages and challenges, and a
/// position is worth the best of its messages, or the mean over its challenges. What comes out is
/// exact, so it may not be more than docs/proof.md says of any prover.
#pragma once

#include "imo/zkml/transcript.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace imo::zkml {

using Script = std::vector<std::uint32_t>;

class Game {
 public:
  /// Runs the verifier; true when it accepts, and what it was told of committed columns is true.
  using Verifier = std::function<bool(ProofReader& proof)>;
  /// What of a script's past its future depends on; scripts of one length and key are worth the
  /// same. Nothing where it is not worth keeping.
  using Key = std::function<std::optional<std::uint64_t>(std::span<const std::uint32_t> script)>;

  /// `all` is the number of all strings of challenges (or a multiple).
  Game(std::uint64_t all, Verifier verifier, Key key = {}, std::uint32_t commitments = 0)
      : all_(all),
        commitments_(commitments),
        verifier_(std::move(verifier)),
        key_(std::move(key)) {}

  /// For how many of all strings of challenges the best prover is believed, from a script on.
  std::uint64_t best(Script script = {}) {
    script_ = std::move(script);
    return value();
  }

 private:
  std::uint64_t value() {
    const std::optional<std::uint64_t> key = key_ ? key_(script_) : std::nullopt;
    if (!key) return play();
    std::unordered_map<std::uint64_t, std::uint64_t>& here = known_[script_.size()];
    const auto known = here.find(*key);
    if (known != here.end()) return known->second;
    const std::uint64_t worth = play();
    known_[script_.size()][*key] = worth;
    return worth;
  }

  std::uint64_t play() {
    ProofReader proof(script_, commitments_);
    const bool accepted = verifier_(proof);
    const Asked asked = proof.asked();
    if (asked.of == Asked::Of::kNobody) return accepted ? all_ : 0;
    std::uint64_t most = 0;
    std::uint64_t sum = 0;
    for (std::uint32_t answer = 0; answer < asked.choices; ++answer) {
      script_.push_back(answer);
      const std::uint64_t worth = value();
      script_.pop_back();
      sum += worth;
      most = std::max(most, worth);
      if (most == all_ && asked.of == Asked::Of::kProver) break;
    }
    return asked.of == Asked::Of::kChance ? sum / asked.choices : most;
  }

  std::uint64_t all_;
  std::uint32_t commitments_;
  Verifier verifier_;
  Key key_;
  Script script_;
  /// By the length of the script, then by key.
  std::unordered_map<std::size_t, std::unordered_map<std::uint64_t, std::uint64_t>> known_;
};

/// Several elements as one number, for keys.
template <typename... Elements>
std::uint64_t key_of(const Elements&... elements) {
  std::uint64_t key = 0;
  ((key = key * Fp::kModulus + elements.coefficient(0).value()), ...);
  return key;
}

/// The value at a point of the multilinear polynomial with these values.
inline Fp3 multilinear(std::span<const Fp3> values, std::span<const Fp3> point) {
  Fp3 sum;
  for (std::size_t b = 0; b < values.size(); ++b) {
    Fp3 weight(1);
    for (std::size_t j = 0; j < point.size(); ++j) {
      weight *= (b >> j & 1) != 0 ? point[j] : Fp3(1) - point[j];
    }
    sum += weight * values[b];
  }
  return sum;
}

}  // namespace imo::zkml
