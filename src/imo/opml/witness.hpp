/// Makes and checks what a contract needs to compute one element. The bytes are described in
/// docs/dispute.md; contracts/src/opml/StepVerifier.sol accepts exactly what is accepted here.
#pragma once

#include "imo/model/model_root.hpp"
#include "imo/opml/step_fault.hpp"
#include "imo/opml/trace.hpp"

#include <array>

namespace imo::opml {

/// The 12 words behind the tag whose hash is the model's root.
struct ModelOpening {
  std::uint64_t operator_count = 0;
  Hash32 operators;
  std::uint64_t tensor_count = 0;
  Hash32 tensors;
  std::uint64_t table_count = 0;
  Hash32 tables;
  std::uint64_t vocabulary_size = 0;
  Hash32 vocabulary;
  Hash32 tokenizer;
  std::uint64_t context_length = 0;
  std::uint64_t end_token = 0;
  std::uint64_t layers = 0;
  std::uint64_t tail = 0;

  [[nodiscard]] Hash32 root() const;
  /// The words as the contract takes them.
  [[nodiscard]] std::array<Hash32, 12> words() const;
};

/// What proofs about a program are made from: the trees of its root, but for those of weight
/// tensors, which are made when a row is wanted and of which the last one is kept. Made once per
/// model (it hashes all weights). One thread at a time.
class ModelProver {
 public:
  /// `program` must outlive it; `pool` hashes and may be null.
  explicit ModelProver(const model::Program& program, ThreadPool* pool = nullptr);
  ~ModelProver();
  ModelProver(ModelProver&&) noexcept;
  ModelProver& operator=(ModelProver&&) noexcept;

  [[nodiscard]] const model::Program& program() const;
  [[nodiscard]] const ModelOpening& opening() const;

  /// Descriptor and siblings: section O.
  [[nodiscard]] Bytes operator_opening(std::uint32_t op) const;
  /// Section W in its two parts: the tensor, and a row that it has.
  [[nodiscard]] Bytes tensor_opening(std::uint32_t tensor) const;
  [[nodiscard]] Bytes row_opening(std::uint32_t tensor, std::uint32_t row) const;
  /// Section T in its two parts: the table, and the leaf with an entry that it has.
  [[nodiscard]] Bytes table_opening(std::uint32_t table) const;
  [[nodiscard]] Bytes entry_opening(std::uint32_t table, std::uint64_t entry) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The tokens of the claim: all of the prompt and all of the claimed output.
struct ClaimTokens {
  std::vector<engine::TokenId> prompt;
  std::vector<engine::TokenId> output;
  std::uint32_t output_position = 0;  ///< of the contested token

  [[nodiscard]] std::uint32_t positions() const {
    return static_cast<std::uint32_t>(prompt.size()) + output_position;
  }
  /// What the trace runs over.
  [[nodiscard]] std::vector<engine::TokenId> prefix() const;
};

/// Where a descent ended.
struct Place {
  std::uint64_t leaf_index = 0;
  std::uint32_t element = 0;
};

/// 4 bytes a token, big-endian.
Bytes pack_tokens(std::span<const engine::TokenId> tokens);

/// The witness of `place`, which may be one without a leaf, or behind the elements of one. Fails
/// only where no witness can be made: an element that would lie behind its leaf, or a program that
/// check_program would refuse.
Checked<Bytes> make_witness(const ModelProver& model, const Trace& trace, const ClaimTokens& tokens,
                            const Place& place);
/// The witness that the trace has a leaf there, or none.
Bytes make_place_witness(const ModelProver& model, const TraceShape& shape,
                         std::uint64_t leaf_index);

/// One question about an element of MatMul and its claimed sums: IStepVerifier.SumQuestion.
struct SumQuestion {
  std::uint64_t number = 0;  ///< of a sum, or how many there are, for the element
  Bytes sums;                ///< kSumBytes each
  Bytes leaf;                ///< the contested leaf, when the question is the element

  [[nodiscard]] std::uint64_t count() const { return sums.size() / kSumBytes; }
  [[nodiscard]] bool is_element() const { return number == count(); }
};

std::vector<std::int64_t> unpack_sums(BytesView packed);

/// The sums of an element of MatMul, packed. Fails only where there is none.
Checked<Bytes> make_sums(const ModelProver& model, const Trace& trace, const ClaimTokens& tokens,
                         const Place& place);

/// The witness of one of them. Fails where make_sums does.
Checked<Bytes> make_sum_witness(const ModelProver& model, const Trace& trace,
                                const ClaimTokens& tokens, const Place& place,
                                const SumQuestion& question);

/// What the contract is given besides the witness.
struct StepClaim {
  ModelOpening model;
  Hash32 trace_root;
  Hash32 prompt_hash;
  Hash32 output_hash;
  std::uint32_t prompt_count = 0;
  std::uint32_t output_count = 0;
  std::uint32_t output_position = 0;

  /// The trace's; positions and counts are such that there is one, which the contract checks first
  /// (PositionsOutOfRange).
  [[nodiscard]] TraceShape shape() const;

  static StepClaim of(const ModelProver& model, const Hash32& trace_root,
                      const ClaimTokens& tokens);
};

/// IStepVerifier.step: whether the claimed element is the right one, or no leaf is claimed where
/// there is none. Any bytes.
Checked<bool> check_step(const StepClaim& claim, const Place& place, const Hash32& leaf_hash,
                         BytesView leaf, BytesView witness);

/// What IStepVerifier.stepSum looks at before the model.
Checked<void> check_question(const SumQuestion& question, const Hash32& leaf_hash);

/// IStepVerifier.stepSum, behind check_question.
Checked<bool> check_step_sum(const StepClaim& claim, const Place& place,
                             const SumQuestion& question, BytesView witness);

}  // namespace imo::opml
