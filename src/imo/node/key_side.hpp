/// One side of the registration of a key: what is wrong with it, and the moves of its challenges.
#pragma once

#include "imo/base/thread_pool.hpp"
#include "imo/node/key_prover.hpp"
#include "imo/node/key_registry.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace imo::node {

/// Why a registered key is not one of its model.
struct KeyObjection {
  std::string reason;
  /// What to strike the registration with; nothing when its value is false, which is challenged.
  std::optional<zkml::ProgramFault> part;
};

/// A model with what its keys are held against, made when it is first needed. One thread at a time.
class KeySide {
 public:
  /// `model` and `pool` are borrowed. Hashes all weights.
  KeySide(const engine::Model& model, ThreadPool& pool);

  [[nodiscard]] const opml::ModelOpening& opening() const { return prover_.opening(); }

  /// Nothing for a key of this model. `key` has the model's root.
  Result<std::optional<KeyObjection>> objection(const zkml::VerifyingKey& key);

  /// The strike that an objection to a part leads to.
  [[nodiscard]] eth::Call<void> strike(const ChainRegistration& registration,
                                       const zkml::ProgramFault& part) const;

  /// What the registrant, or with `attacks` the challenger, does now; nothing when it is the other
  /// side's turn and its clock runs. Fails when there is nothing to say: the other side is right.
  Result<std::optional<eth::Call<void>>> move(const ChainRegistration& registration,
                                              const ChainChallenge& challenge, bool attacks,
                                              std::uint64_t now);

 private:
  Result<const KeyProver*> prover_of(const zkml::ModelShape& shape);
  Result<eth::Call<void>> pick(const KeyProver& prover, const zkml::Fp3& point,
                               const ChainChallenge& challenge) const;
  Result<std::optional<eth::Call<void>>> step(const KeyProver& prover,
                                              const ChainRegistration& registration,
                                              const ChainChallenge& challenge, bool attacks) const;

  ThreadPool& pool_;
  opml::ModelProver prover_;
  std::map<Bytes, KeyProver> by_shape_;
};

}  // namespace imo::node
