#include "imo/zkml/model_proof.hpp"

#include "imo/crypto/keccak.hpp"
#include "imo/zkml/model_witness.hpp"

#include <algorithm>

namespace imo::zkml {
namespace {

void append_word(Bytes& bytes, std::uint32_t word) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<std::uint8_t>(word >> shift));
  }
}

/// Program and all that is small, as the least proofs have it over what is counted.
constexpr std::uint64_t kBesides = std::uint64_t{48} << 20;

/// The registered columns of a model are the same in every circuit of it.
std::unique_ptr<const ModelCircuit> smallest_circuit(const ModelShape& shape) {
  return ModelCircuit::make(shape, {{0}, {0}});
}

/// From groups of rows up.
std::uint64_t tree_bytes(const WhirCode& code) {
  return (2 * std::uint64_t{Digest::kSize} << code.log_rows()) >> group_height(code);
}

/// A committed vector and the tree over its code, which itself is there in parts only.
std::uint64_t committed_bytes(const WhirCode& code) {
  return (Fp::kBytes << code.variables) + tree_bytes(code);
}

/// What an opening adds: the folded vector and its weights, a part of its code, the tree over that.
std::uint64_t opening_bytes(const WhirParameters& parameters) {
  if (parameters.rounds().empty()) return 0;
  const WhirCode& code = parameters.rounds()[0].code;
  return 3 * (Fp3::kBytes << code.variables) + tree_bytes(code);
}

/// The sum of fractions has two elements of F a node, on all levels but the leaves, and is gone
/// before the opening begins; beside it are the values of virtual vectors, twice.
std::uint64_t lookup_bytes(const Circuit& circuit) {
  std::uint64_t bytes = 0;
  for (const Segment& segment : segments_of(circuit)) {
    bytes += (std::uint64_t{2} * Fp3::kBytes) << segment.variables;
  }
  for (const Virtual& vector : circuit.virtuals) {
    bytes += (std::uint64_t{2} * Fp::kBytes) << vector.variables;
  }
  return bytes;
}

/// The weights are mapped from their commitment's file, which the first proof makes, block of code
/// by block, with as many roots of unity as rows.
std::uint64_t memory_of(const Circuit& circuit, const WhirParameters& parameters) {
  const WhirCode registered = registered_code(circuit);
  const std::uint64_t model = circuit.registered_stored;  // a byte each
  const std::uint64_t weights = Fp::kBytes << registered.variables;
  const std::uint64_t making = 2 * weights + weights / WhirParameters::kRowSize +
                               (tree_bytes(registered) >> registered.log_inverse_rate);
  const std::uint64_t proving = weights + committed_bytes(witness_code(circuit)) +
                                std::max(opening_bytes(parameters), lookup_bytes(circuit));
  return kBesides + model + std::max(making, proving);
}

/// Rows, and siblings: above the level where all nodes are known each position brings its own.
std::uint64_t answers_size(const WhirPart& part, std::size_t element_size) {
  const unsigned height = part.code.log_rows();
  const auto known = static_cast<unsigned>(std::bit_width(part.queries));
  const std::uint64_t siblings = height - std::min(height, known);
  return part.queries * (WhirParameters::kRowSize * element_size + Digest::kSize * siblings);
}

std::uint64_t opening_size(const WhirParameters& parameters) {
  std::uint64_t bytes =
      std::uint64_t{48} * parameters.variables() + (Fp3::kBytes << parameters.last_variables());
  for (const WhirPart& part : parameters.parts()) bytes += answers_size(part, Fp::kBytes);
  for (const WhirPart& part : parameters.rounds()) bytes += answers_size(part, Fp3::kBytes);
  return bytes;
}

}  // namespace

Fp3 VerifyingKey::binding_point() const {
  Bytes statement;
  append(statement, model_root.bytes);
  append(statement, registered_root.bytes);
  append(statement, crypto::keccak256(shape.encode()).bytes);
  return Transcript(kRegistrationProtocol, statement).challenge();
}

Bytes Statement::encode(const VerifyingKey& key) const {
  Bytes bytes;
  append(bytes, key.model_root.bytes);
  append(bytes, key.registered_root.bytes);
  append(bytes, field_bytes(key.binding_value).bytes);
  append(bytes, crypto::keccak256(key.shape.encode()).bytes);
  append(bytes, context.bytes);
  append_word(bytes, static_cast<std::uint32_t>(answer.prompt.size()));
  for (const TokenId token : answer.prompt) append_word(bytes, token);
  for (const TokenId token : answer.output) append_word(bytes, token);
  return bytes;
}

Result<ProofEstimate> estimate_proof(const ModelShape& shape, std::uint32_t prompt_tokens,
                                     std::uint32_t output_tokens) {
  const Answer answer{std::vector<TokenId>(prompt_tokens), std::vector<TokenId>(output_tokens)};
  const auto circuit = ModelCircuit::make(shape, answer);
  IMO_TRY(const WhirParameters parameters, opening_parameters(circuit->circuit()));
  const unsigned leaves = segment_variables(segments_of(circuit->circuit()));
  ProofEstimate estimate;
  estimate.witness_variables = circuit->circuit().witness_variables;
  estimate.registered_variables = circuit->circuit().registered_variables;
  estimate.memory_bytes = memory_of(circuit->circuit(), parameters);
  estimate.proof_bytes =
      opening_size(parameters) + std::uint64_t{24} * (leaves * leaves + 4 * leaves) + 5'000;
  estimate.gas = verification_gas(estimate.proof_bytes, output_tokens);
  estimate.proving = proving_work(circuit->circuit(), parameters);
  estimate.registering = registering_work(circuit->circuit());
  return estimate;
}

Result<ProvingKey> ProvingKey::make(const engine::Model& model, ThreadPool& pool) {
  IMO_TRY(ModelShape shape, ModelShape::of(model.program()));
  const auto circuit = smallest_circuit(shape);
  IMO_TRY_VOID(opening_parameters(circuit->circuit()));
  IMO_TRY(std::vector<Fp> values, registered_values(model.program(), *circuit));
  CommittedVector registered(registered_code(circuit->circuit()), std::move(values), pool);
  VerifyingKey key{model.root(), registered.root(), Fp3(), std::move(shape)};
  key.binding_value = binding_at(registered, key.binding_point(), pool).value;
  return ProvingKey(std::move(key), std::move(registered));
}

Result<ModelProof> prove_answer(const engine::Model& model, const ProvingKey& key,
                                const Statement& statement, ThreadPool& pool) {
  const VerifyingKey& verifying_key = key.verifying_key();
  IMO_TRY_VOID(check_answer_form(verifying_key.shape, statement.answer));
  const auto started = std::chrono::steady_clock::now();
  const auto circuit = ModelCircuit::make(verifying_key.shape, statement.answer);
  IMO_TRY(const WhirParameters parameters, opening_parameters(circuit->circuit()));
  IMO_TRY(CircuitValues values, witness_values(model, *circuit, key.registered().values(), pool));
  ModelProof proof;
  proof.witness = std::chrono::steady_clock::now() - started;
  ProofWriter writer(kModelProtocol, statement.encode(verifying_key));
  proof.times = prove_circuit(circuit->circuit(), parameters, key.registered(),
                              verifying_key.registered().binding, std::move(values), writer, pool);
  proof.bytes = std::move(writer).take();
  return proof;
}

Result<void> check_answer(const VerifyingKey& key, const Statement& statement, BytesView proof) {
  IMO_TRY_VOID(check_answer_form(key.shape, statement.answer));
  const auto circuit = ModelCircuit::make(key.shape, statement.answer);
  IMO_TRY(const WhirParameters parameters, opening_parameters(circuit->circuit()));
  ProofReader reader(kModelProtocol, statement.encode(key), proof);
  return check_circuit(circuit->circuit(), parameters, key.registered(), reader);
}

}  // namespace imo::zkml
