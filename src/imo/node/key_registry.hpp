/// Keys for proofs as they stand on the chain: registrations and the challenges of them.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/eth/client.hpp"
#include "imo/market/abi/ProofRegistry.hpp"
#include "imo/market/deployment.hpp"
#include "imo/zkml/model_proof.hpp"

#include <cstdint>
#include <vector>

namespace imo::node {

/// IProofRegistry.Status.
enum class KeyStatus : std::uint8_t { kNone, kPending, kFallen, kFinal };

/// IProofRegistry.Phase.
enum class ChallengePhase : std::uint8_t {
  kNone,
  kReveal,
  kPick,
  kStep,
  kRegistrantWon,
  kChallengerWon,
  kMoot,
};

constexpr bool is_live(ChallengePhase phase) {
  return phase >= ChallengePhase::kReveal && phase <= ChallengePhase::kStep;
}

struct ChainRegistration {
  std::uint64_t id = 0;
  KeyStatus status = KeyStatus::kNone;
  market::abi::proof_registry::Registration state;
  zkml::VerifyingKey key;
};

struct ChainChallenge {
  std::uint64_t id = 0;
  std::uint64_t registration_id = 0;
  ChallengePhase phase = ChallengePhase::kNone;
  market::abi::proof_registry::Challenge state;
  /// What was revealed last; of use in kPick alone.
  std::vector<FixedBytes<24>> sums;
};

/// Registrations and challenges have the numbers 1 to these.
Result<std::uint64_t> registration_count(eth::Client& client, const market::Deployment& deployment);
Result<std::uint64_t> challenge_count(eth::Client& client, const market::Deployment& deployment);

/// State, and the key from the event. Fails on a number that no registration has.
Result<ChainRegistration> read_registration(eth::Client& client,
                                            const market::Deployment& deployment, std::uint64_t id);

/// State and events. Fails on a number that no challenge has, and with kRejected when the chain
/// moved on between the reads: then read again.
Result<ChainChallenge> read_challenge(eth::Client& client, const market::Deployment& deployment,
                                      std::uint64_t id);

/// What a key is named by: IRegistrationVerifier.keyIdOf.
Hash32 key_id(const zkml::VerifyingKey& key);

/// Whether proofs of this key count.
Result<bool> is_key_final(eth::Client& client, const market::Deployment& deployment,
                          const zkml::VerifyingKey& key);

}  // namespace imo::node
