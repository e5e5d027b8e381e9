#include "imo/node/key_registry.hpp"

#include "imo/crypto/keccak.hpp"

#include <fmt/format.h>

namespace imo::node {
namespace {

namespace registry = market::abi::proof_registry;

Result<std::uint64_t> count_of(eth::Client& client, const market::Deployment& deployment,
                               const eth::Call<U256>& call) {
  IMO_TRY(const U256 count, client.call(deployment.proof_registry, call));
  return count.to_u64().value_or(0);
}

/// The registry's events of one kind about one number, which is their first topic.
Result<std::vector<eth::Log>> logs_of(eth::Client& client, const market::Deployment& deployment,
                                      const Hash32& event, std::uint64_t id) {
  IMO_TRY(const std::uint64_t head, client.block_number());
  return client.logs(
      {deployment.deploy_block, head, {deployment.proof_registry}, {{event}, {U256(id).to_be()}}});
}

/// Of a key that the contract took, so its shape decodes and its value is canonical.
Result<zkml::VerifyingKey> key_of(const registry::VerifyingKey& words) {
  zkml::VerifyingKey key;
  key.model_root = words.model_root;
  key.registered_root = words.weights_root;
  const auto value = zkml::read_fp3(words.binding_value.bytes);
  if (!value) return invalid("the value of a registered key is no field element");
  key.binding_value = *value;
  IMO_TRY(key.shape, zkml::ModelShape::decode(words.shape));
  return key;
}

}  // namespace

Result<std::uint64_t> registration_count(eth::Client& client,
                                         const market::Deployment& deployment) {
  return count_of(client, deployment, registry::registration_count());
}

Result<std::uint64_t> challenge_count(eth::Client& client, const market::Deployment& deployment) {
  return count_of(client, deployment, registry::challenge_count());
}

Result<ChainRegistration> read_registration(eth::Client& client,
                                            const market::Deployment& deployment,
                                            std::uint64_t id) {
  ChainRegistration registration;
  registration.id = id;
  IMO_TRY(registration.state,
          client.call(deployment.proof_registry, registry::registration_of(U256(id))));
  registration.status = static_cast<KeyStatus>(registration.state.status);
  IMO_TRY(const auto logs, logs_of(client, deployment, registry::events::Registered::kTopic0, id));
  if (registration.status == KeyStatus::kNone || logs.empty()) {
    IMO_TRY(const std::uint64_t count, registration_count(client, deployment));
    return invalid(
        fmt::format("there is no registration {} of a key; there are {} so far", id, count));
  }
  IMO_TRY(const auto registered, registry::events::Registered::decode(logs.back()));
  IMO_TRY(registration.key, key_of(registered.key));
  return registration;
}

Result<ChainChallenge> read_challenge(eth::Client& client, const market::Deployment& deployment,
                                      std::uint64_t id) {
  ChainChallenge challenge;
  challenge.id = id;
  IMO_TRY(challenge.state,
          client.call(deployment.proof_registry, registry::challenge_of(U256(id))));
  challenge.phase = static_cast<ChallengePhase>(challenge.state.phase);
  challenge.registration_id = challenge.state.registration_id.to_u64().value_or(0);
  if (challenge.phase == ChallengePhase::kNone) {
    IMO_TRY(const std::uint64_t count, challenge_count(client, deployment));
    return invalid(
        fmt::format("there is no challenge {} of a key; there are {} so far", id, count));
  }
  if (challenge.phase != ChallengePhase::kPick) return challenge;
  IMO_TRY(const auto logs, logs_of(client, deployment, registry::events::Revealed::kTopic0, id));
  if (!logs.empty()) {
    IMO_TRY(auto revealed, registry::events::Revealed::decode(logs.back()));
    challenge.sums = std::move(revealed.sums);
  }
  // As Solidity encodes an array of bytes24: where it begins, how many, a word each.
  Bytes encoded;
  append(encoded, U256(32).to_be());
  append(encoded, U256(challenge.sums.size()).to_be());
  for (const auto& sum : challenge.sums) {
    append(encoded, sum);
    encoded.resize(encoded.size() + 8);
  }
  if (crypto::keccak256(encoded) != challenge.state.sums_hash) {
    return fail(ErrorKind::kRejected,
                fmt::format("challenge {} moved on while it was read; read it again", id));
  }
  return challenge;
}

Hash32 key_id(const zkml::VerifyingKey& key) {
  Bytes bytes;
  append(bytes, key.model_root);
  append(bytes, key.registered_root);
  append(bytes, zkml::field_bytes(key.binding_value));
  append(bytes, crypto::keccak256(key.shape.encode()));
  return crypto::keccak256(bytes);
}

Result<bool> is_key_final(eth::Client& client, const market::Deployment& deployment,
                          const zkml::VerifyingKey& key) {
  return client.call(deployment.proof_registry, registry::is_final(key_id(key)));
}

}  // namespace imo::node
