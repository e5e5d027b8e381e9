#include "imo/opml/witness.hpp"

#include "imo/crypto/keccak.hpp"
#include "imo/opml/access.hpp"
#include "imo/opml/element.hpp"
#include "imo/opml/range_proof.hpp"
#include "imo/opml/step.hpp"

namespace imo::opml {
namespace {

/// Reads as DirectAccess does, and writes down what proves it. The bytes of a witness begin with
/// the opening of the contested operator, which is opened first.
class RecordAccess {
 public:
  RecordAccess(const ModelProver& model, const Trace& trace, const ClaimTokens& tokens,
               std::span<const engine::TokenId> prefix)
      : model_(model), trace_(trace), tokens_(tokens), direct_(model.program(), trace, prefix) {}

  Checked<InputTensor> open(std::uint32_t op) {
    auto opened = direct_.open(op);
    if (opened) append(witness_, model_.operator_opening(op));
    return opened;
  }

  Checked<Values> row(const InputTensor& from, std::uint32_t position, std::uint64_t first,
                      std::uint64_t count) {
    append_leaves(from.index, from.layout.offset(position, first), count * from.layout.row_bytes());
    return direct_.row(from, position, first, count);
  }

  Checked<Values> column(const InputTensor& self, std::uint64_t column, std::uint64_t count) {
    append_leaves(self.index, self.layout.value_offset(column, 0), 2 * count);
    return direct_.column(self, column, count);
  }

  Checked<WeightRow> weights(std::uint32_t tensor, std::uint32_t row) {
    auto found = direct_.weights(tensor, row);
    if (found) append(witness_, model_.row_opening(tensor, row));
    return found;
  }

  Checked<Values> table(std::uint32_t table, model::TableKind kind, std::uint64_t first,
                        std::uint64_t count) {
    auto found = direct_.table(table, kind, first, count);
    if (found) append(witness_, model_.table_opening(table, first));
    return found;
  }

  Checked<std::uint32_t> token(std::uint32_t position) {
    const bool is_prompt = position < tokens_.prompt.size();
    append(witness_, pack_tokens(is_prompt ? tokens_.prompt : tokens_.output));
    return direct_.token(position);
  }

  Bytes take() { return std::move(witness_); }

 private:
  void append_leaves(std::uint32_t op, std::uint64_t offset, std::uint64_t size) {
    const TraceShape& shape = trace_.shape();
    const std::uint64_t lo = shape.leaf_index(op, offset / kLeafBytes);
    const std::uint64_t hi = shape.leaf_index(op, (offset + size - 1) / kLeafBytes);
    for (std::uint64_t index = lo; index <= hi; ++index) append(witness_, trace_.leaf(index));
    append_range_siblings(witness_, trace_, lo, hi);
  }

  const ModelProver& model_;
  const Trace& trace_;
  const ClaimTokens& tokens_;
  DirectAccess direct_;
  Bytes witness_;
};

}  // namespace

std::vector<engine::TokenId> ClaimTokens::prefix() const {
  std::vector<engine::TokenId> all = prompt;
  all.insert(all.end(), output.begin(), output.begin() + std::ptrdiff_t{output_position});
  return all;
}

Bytes pack_tokens(std::span<const engine::TokenId> tokens) {
  Bytes packed(4 * tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    write_element(std::span(packed).subspan(4 * i, 4), tokens[i]);
  }
  return packed;
}

StepClaim StepClaim::of(const ModelProver& model, const Hash32& trace_root,
                        const ClaimTokens& tokens) {
  return {model.opening(),
          trace_root,
          crypto::keccak256(pack_tokens(tokens.prompt)),
          crypto::keccak256(pack_tokens(tokens.output)),
          static_cast<std::uint32_t>(tokens.prompt.size()),
          static_cast<std::uint32_t>(tokens.output.size()),
          tokens.output_position};
}

Checked<Bytes> make_witness(const ModelProver& model, const Trace& trace, const ClaimTokens& tokens,
                            const Place& place) {
  const std::uint64_t op = trace.shape().operator_of(place.leaf_index);
  const std::uint64_t leaf = trace.shape().leaf_of(place.leaf_index);
  if (op >= trace.shape().operators) return tl::unexpected(StepFault::kOperatorOutOfRange);
  const auto prefix = tokens.prefix();
  RecordAccess access(model, trace, tokens, prefix);
  IMO_TRY(const InputTensor self, access.open(static_cast<std::uint32_t>(op)));
  if (leaf >= self.layout.leaves()) return tl::unexpected(StepFault::kLeafOutOfRange);
  if (place.element >= self.layout.elements_in(leaf)) {
    return tl::unexpected(StepFault::kElementOutOfRange);
  }
  const auto value = Step(access, self, self.layout.element_at(leaf, place.element)).run();
  if (!value) return tl::unexpected(value.error());
  return access.take();
}

}  // namespace imo::opml
