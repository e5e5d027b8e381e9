/// Proofs that a model, asked with a prompt, writes an answer: the whole of zkml in four calls.
///
/// docs/proof.md is normative. A model is registered once: its weights are committed to, and what
/// verifiers need of it is a key of some hundred bytes. A proof is bound to the key, to prompt and
/// answer, and to a context, 32 bytes that name the request on its chain.
#pragma once

#include "imo/engine/model.hpp"
#include "imo/zkml/model_circuit.hpp"
#include "imo/zkml/proof_cost.hpp"
#include "imo/zkml/whir.hpp"

#include <cstdint>
#include <optional>

namespace imo {
class ThreadPool;
}

namespace imo::zkml {

/// Names protocol and version.
inline constexpr std::string_view kModelProtocol = "imo.proof.3";
inline constexpr std::string_view kRegistrationProtocol = "imo.registration.1";

/// What a verifier knows of a model.
struct VerifyingKey {
  Hash32 model_root;
  Digest registered_root;  ///< of the commitment to the weights
  Fp3 binding_value;       ///< what those weights are at binding_point(); the game's to contest
  ModelShape shape;

  /// Where the commitment is bound to one vector: hashed from all of the key but the value.
  [[nodiscard]] Fp3 binding_point() const;
  [[nodiscard]] RegisteredRoot registered() const {
    return {registered_root, {binding_point(), binding_value}};
  }

  friend bool operator==(const VerifyingKey&, const VerifyingKey&) = default;
};

/// What a proof says: for this request the model gives this answer.
struct Statement {
  Answer answer;
  Hash32 context;  ///< names the request; zero for none

  /// What the transcript starts from.
  [[nodiscard]] Bytes encode(const VerifyingKey& key) const;
};

/// What proving will take. Bytes of the proof are within a twentieth of what is measured, memory,
/// of the whole process, within a fifth.
struct ProofEstimate {
  unsigned witness_variables = 0;
  unsigned registered_variables = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t proof_bytes = 0;
  std::uint64_t gas = 0;  ///< of a transaction that has it verified
  ProofWork proving;
  ProofWork registering;  ///< before the first proof of a model
};

/// Fails when the circuit of such an answer is too large to be committed to.
Result<ProofEstimate> estimate_proof(const ModelShape& shape, std::uint32_t prompt_tokens,
                                     std::uint32_t output_tokens);

/// A registered model: its committed weights, and the tree over their code. Moves.
class ProvingKey {
 public:
  /// Fails, naming the operator or the tensor, for a program outside the provable subset.
  static Result<ProvingKey> make(const engine::Model& model, ThreadPool& pool);
  /// Of a commitment made before.
  ProvingKey(VerifyingKey key, CommittedVector registered)
      : key_(std::move(key)), registered_(std::move(registered)) {}

  [[nodiscard]] const VerifyingKey& verifying_key() const { return key_; }
  [[nodiscard]] const CommittedVector& registered() const { return registered_; }

 private:
  VerifyingKey key_;
  CommittedVector registered_;
};

struct ModelProof {
  Bytes bytes;
  std::chrono::nanoseconds witness{};  ///< the run itself, and what it commits to
  ProofTimes times;
};

/// Fails when the answer is not what the model writes, naming the first token that differs, and
/// when its run saturates somewhere.
Result<ModelProof> prove_answer(const engine::Model& model, const ProvingKey& key,
                                const Statement& statement, ThreadPool& pool);

/// Whether the proof is accepted; the bytes, the statement and the key's shape may be anything.
Result<void> check_answer(const VerifyingKey& key, const Statement& statement, BytesView proof);

}  // namespace imo::zkml
