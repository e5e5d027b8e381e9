#include "imo/node/key_side.hpp"

#include "imo/node/key_words.hpp"

#include <fmt/format.h>

namespace imo::node {
namespace {

namespace registry = market::abi::proof_registry;
using zkml::Fp3;

std::vector<FixedBytes<24>> words_of(const std::vector<Fp3>& sums) {
  std::vector<FixedBytes<24>> words;
  for (const Fp3& sum : sums) words.push_back(zkml::field_bytes(sum));
  return words;
}

}  // namespace

KeySide::KeySide(const engine::Model& model, ThreadPool& pool)
    : pool_(pool), prover_(model.program(), &pool) {}

Result<std::optional<KeyObjection>> KeySide::objection(const zkml::VerifyingKey& key) {
  if (auto fault = find_fault(key.shape, prover_.program())) {
    // A key that does not open the model's numbers cannot have been registered.
    if (fault->part == zkml::ProgramFault::Part::kNumbers) return invalid(fault->message);
    return KeyObjection{"the program has another shape: " + fault->message, std::move(fault)};
  }
  IMO_TRY(const KeyProver* prover, prover_of(key.shape));
  if (prover->value_at(key.binding_point()) == key.binding_value) return std::nullopt;
  return KeyObjection{"its value is not that of the model's weights", std::nullopt};
}

eth::Call<void> KeySide::strike(const ChainRegistration& registration,
                                const zkml::ProgramFault& part) const {
  return registry::strike(
      U256(registration.id), key_words<registry::VerifyingKey>(registration.key),
      opening_words<registry::ModelOpening>(opening()), static_cast<std::uint8_t>(part.part),
      U256(part.index), U256(part.row), part_witness(prover_, part));
}

Result<std::optional<eth::Call<void>>> KeySide::move(const ChainRegistration& registration,
                                                     const ChainChallenge& challenge, bool attacks,
                                                     std::uint64_t now) {
  if (!is_live(challenge.phase)) return std::nullopt;
  const U256 id(challenge.id);
  if (registration.status == KeyStatus::kFallen) {
    if (!attacks) return std::nullopt;
    return registry::settle(id);
  }
  const bool is_challengers = challenge.phase == ChallengePhase::kPick;
  if (now >= challenge.state.deadline) {
    if (attacks == is_challengers) return invalid("the time for this side's move has passed");
    return registry::timeout(id);
  }
  const bool is_step = challenge.phase == ChallengePhase::kStep;
  if (attacks != is_challengers && !is_step) return std::nullopt;
  IMO_TRY(const KeyProver* prover, prover_of(registration.key.shape));
  const Fp3 point = registration.key.binding_point();
  if (is_step) return step(*prover, registration, challenge, attacks);
  if (is_challengers) return pick(*prover, point, challenge);
  const auto sums = prover->split(point, challenge.state.cell, challenge.state.left);
  return registry::reveal(id, words_of(sums));
}

Result<const KeyProver*> KeySide::prover_of(const zkml::ModelShape& shape) {
  const Bytes name = shape.encode();
  const auto known = by_shape_.find(name);
  if (known != by_shape_.end()) return &known->second;
  IMO_TRY(KeyProver made, KeyProver::make(prover_, shape, pool_));
  return &by_shape_.try_emplace(name, std::move(made)).first->second;
}

Result<eth::Call<void>> KeySide::pick(const KeyProver& prover, const Fp3& point,
                                      const ChainChallenge& challenge) const {
  const auto own = words_of(prover.split(point, challenge.state.cell, challenge.state.left));
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (own[i] != challenge.sums[i]) {
      return registry::pick(U256(challenge.id), challenge.sums, U256(i));
    }
  }
  return invalid("every sum that the registrant revealed is right");
}

/// A challenger need not wait for the registrant, unless the cell would show him wrong.
Result<std::optional<eth::Call<void>>> KeySide::step(const KeyProver& prover,
                                                     const ChainRegistration& registration,
                                                     const ChainChallenge& challenge,
                                                     bool attacks) const {
  const std::uint64_t cell = challenge.state.cell;
  const Fp3 term = prover.sum(registration.key.binding_point(), cell, 0);
  const bool stands = zkml::field_bytes(term) == challenge.state.node;
  if (stands == attacks) {
    return invalid(fmt::format("the cell that is left, {}, shows this side wrong", cell));
  }
  return registry::step(U256(challenge.id), key_words<registry::VerifyingKey>(registration.key),
                        opening_words<registry::ModelOpening>(opening()),
                        prover.cell_witness(cell));
}

}  // namespace imo::node
