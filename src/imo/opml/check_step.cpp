// IStepVerifier in C++: what the contract says about a leaf, a place without one, and a step.

#include "imo/crypto/merkle.hpp"
#include "imo/opml/element.hpp"
#include "imo/opml/replay_access.hpp"

#include <algorithm>

namespace imo::opml {
namespace {

/// The contested operator, opened, and where in it the descent ended.
struct Contested {
  InputTensor self;
  std::uint64_t leaf = 0;
};

Checked<void> check_leaf_bytes(BytesView leaf, const Hash32& leaf_hash) {
  if (leaf.size() != kLeafBytes) return tl::unexpected(StepFault::kBadLeafLength);
  if (crypto::merkle_leaf(leaf) != leaf_hash) return tl::unexpected(StepFault::kLeafMismatch);
  return {};
}

Checked<Contested> open_contested(ReplayAccess& access, std::uint64_t leaf_index) {
  const std::uint64_t op = access.shape().operator_of(leaf_index);
  if (op >= access.shape().operators) return tl::unexpected(StepFault::kOperatorOutOfRange);
  IMO_TRY(const InputTensor self, access.open(static_cast<std::uint32_t>(op)));
  return Contested{self, access.shape().leaf_of(leaf_index)};
}

Checked<Contested> open_leaf(ReplayAccess& access, std::uint64_t leaf_index) {
  IMO_TRY(const Contested contested, open_contested(access, leaf_index));
  if (contested.leaf >= contested.self.layout.leaves()) {
    return tl::unexpected(StepFault::kLeafOutOfRange);
  }
  return contested;
}

}  // namespace

TraceShape StepClaim::shape() const {
  return TraceShape::of(static_cast<std::uint32_t>(model.operator_count),
                        static_cast<std::uint32_t>(model.tail), model.vocabulary_size,
                        prompt_count + output_position);
}

Checked<std::uint32_t> check_leaf(const StepClaim& claim, std::uint64_t leaf_index,
                                  const Hash32& leaf_hash, BytesView leaf,
                                  BytesView operator_opening) {
  IMO_TRY_VOID(check_leaf_bytes(leaf, leaf_hash));
  ReplayAccess access(claim, operator_opening);
  const Checked<Contested> contested = open_leaf(access, leaf_index);
  if (!contested) return tl::unexpected(contested.error());
  IMO_TRY_VOID(access.finish());
  const TensorLayout& layout = contested->self.layout;
  const std::uint32_t elements = layout.elements_in(contested->leaf);
  const BytesView padding = leaf.subspan(elements * layout.element_bytes(contested->leaf));
  if (!std::all_of(padding.begin(), padding.end(), [](std::uint8_t b) { return b == 0; })) {
    return tl::unexpected(StepFault::kNonZeroPadding);
  }
  return elements;
}

Checked<bool> check_padding(const StepClaim& claim, std::uint64_t leaf_index,
                            const Hash32& leaf_hash, BytesView operator_opening) {
  ReplayAccess access(claim, operator_opening);
  bool is_padding = true;
  if (access.shape().operator_of(leaf_index) < access.shape().operators) {
    IMO_TRY(const Contested contested, open_contested(access, leaf_index));
    is_padding = contested.leaf >= contested.self.layout.leaves();
  }
  IMO_TRY_VOID(access.finish());
  return is_padding && leaf_hash.is_zero();
}

Checked<bool> check_step(const StepClaim& claim, const Place& place, const Hash32& leaf_hash,
                         BytesView leaf, BytesView witness) {
  IMO_TRY_VOID(check_leaf_bytes(leaf, leaf_hash));
  ReplayAccess access(claim, witness);
  IMO_TRY(const Contested contested, open_leaf(access, place.leaf_index));
  const TensorLayout& layout = contested.self.layout;
  if (place.element >= layout.elements_in(contested.leaf)) {
    return tl::unexpected(StepFault::kElementOutOfRange);
  }
  const Element at = layout.element_at(contested.leaf, place.element);
  IMO_TRY(const Wide computed, Step(access, contested.self, at).run());
  IMO_TRY_VOID(access.finish());
  const unsigned size = layout.element_bytes(contested.leaf);
  return computed == read_element(leaf.subspan(std::size_t{place.element} * size, size));
}

}  // namespace imo::opml
