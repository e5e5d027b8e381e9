#include "imo/opml/witness.hpp"

#include "imo/crypto/keccak.hpp"
#include "imo/opml/element.hpp"
#include "imo/opml/record_access.hpp"
#include "imo/opml/step.hpp"

namespace imo::opml {

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

namespace {

/// Calls `body(access, step)` for an element that the trace has.
template <typename Body>
auto with_step(const ModelProver& model, const Trace& trace, const ClaimTokens& tokens,
               const Place& place, Body&& body)
    -> decltype(body(std::declval<RecordAccess&>(), std::declval<Step<RecordAccess>&>())) {
  const std::uint64_t op = trace.shape().operator_of(place.leaf_index);
  const std::uint64_t leaf = trace.shape().leaf_of(place.leaf_index);
  if (op >= trace.shape().operators) return tl::unexpected(StepFault::kNoLeaf);
  const auto prefix = tokens.prefix();
  RecordAccess access(model, trace, tokens, prefix);
  IMO_TRY(const InputTensor self, access.open(static_cast<std::uint32_t>(op)));
  if (leaf >= self.layout.leaves()) return tl::unexpected(StepFault::kNoLeaf);
  if (place.element >= self.layout.elements_in(leaf)) {
    return tl::unexpected(StepFault::kElementOutOfRange);
  }
  Step step(access, self, self.layout.element_at(leaf, place.element));
  return body(access, step);
}

/// Whether there is nothing to compute: no leaf, or bytes of one behind its elements.
bool is_empty(const model::Program& program, const TraceShape& shape, const Place& place) {
  const std::uint64_t op = shape.operator_of(place.leaf_index);
  if (op >= shape.operators) return true;
  const auto index = static_cast<std::uint32_t>(op);
  const auto layout = TensorLayout::of(program.operators[index], index, shape);
  const std::uint64_t leaf = shape.leaf_of(place.leaf_index);
  if (leaf >= layout.leaves()) return true;
  return place.element >= layout.elements_in(leaf) &&
         place.element < kLeafBytes / layout.element_bytes(leaf);
}

}  // namespace

Bytes make_place_witness(const ModelProver& model, const TraceShape& shape,
                         std::uint64_t leaf_index) {
  const std::uint64_t op = shape.operator_of(leaf_index);
  if (op >= shape.operators) return {};
  return model.operator_opening(static_cast<std::uint32_t>(op));
}

Checked<Bytes> make_witness(const ModelProver& model, const Trace& trace, const ClaimTokens& tokens,
                            const Place& place) {
  if (is_empty(model.program(), trace.shape(), place)) {
    return make_place_witness(model, trace.shape(), place.leaf_index);
  }
  return with_step(model, trace, tokens, place, [](auto& access, auto& step) -> Checked<Bytes> {
    IMO_TRY_VOID(step.run());
    return access.witness();
  });
}

Checked<Bytes> make_sums(const ModelProver& model, const Trace& trace, const ClaimTokens& tokens,
                         const Place& place) {
  return with_step(model, trace, tokens, place, [](auto&, auto& step) -> Checked<Bytes> {
    IMO_TRY(const Values sums, step.sums());
    Bytes packed(sums.size() * kSumBytes);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      write_element(std::span(packed).subspan(i * kSumBytes, kSumBytes), sums[i]);
    }
    return packed;
  });
}

Checked<Bytes> make_sum_witness(const ModelProver& model, const Trace& trace,
                                const ClaimTokens& tokens, const Place& place,
                                const SumQuestion& question) {
  return with_step(model, trace, tokens, place, [&](auto& access, auto& step) -> Checked<Bytes> {
    IMO_TRY_VOID(step.run_sum(unpack_sums(question.sums), question.number));
    return access.witness();
  });
}

Values unpack_sums(BytesView packed) {
  Values sums;
  for (std::size_t at = 0; at + kSumBytes <= packed.size(); at += kSumBytes) {
    sums.push_back(read_element(packed.subspan(at, kSumBytes)));
  }
  return sums;
}

}  // namespace imo::opml
