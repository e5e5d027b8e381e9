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
  return access.witness();
}

}  // namespace imo::opml
