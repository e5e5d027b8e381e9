// IStepVerifier in C++: what the contract says about a leaf, a place without one, and a step.

#include "imo/crypto/merkle.hpp"
#include "imo/opml/element.hpp"
#include "imo/opml/replay_access.hpp"

namespace imo::opml {
namespace {

Checked<void> check_leaf_bytes(BytesView leaf, const Hash32& leaf_hash) {
  if (leaf.size() != kLeafBytes) return tl::unexpected(StepFault::kBadLeafLength);
  if (crypto::merkle_leaf(leaf) != leaf_hash) return tl::unexpected(StepFault::kLeafMismatch);
  return {};
}

/// Where the descent ended: its operator, opened, and the leaf, if the trace has one there.
struct Contested {
  InputTensor self;
  std::uint64_t leaf = 0;
  bool has_leaf = false;
};

Checked<Contested> open_place(ReplayAccess& access, std::uint64_t leaf_index) {
  const std::uint64_t op = access.shape().operator_of(leaf_index);
  if (op >= access.shape().operators) return Contested{};
  IMO_TRY(const InputTensor self, access.open(static_cast<std::uint32_t>(op)));
  const std::uint64_t leaf = access.shape().leaf_of(leaf_index);
  return Contested{self, leaf, leaf < self.layout.leaves()};
}

/// What must be in place `number` of a leaf that the trace has: an element, or zero behind the
/// last.
Checked<Wide> compute(ReplayAccess& access, const Contested& contested, std::uint32_t number) {
  const TensorLayout& layout = contested.self.layout;
  if (number >= kLeafBytes / layout.element_bytes(contested.leaf)) {
    return tl::unexpected(StepFault::kElementOutOfRange);
  }
  if (number >= layout.elements_in(contested.leaf)) return Wide{0};
  return Step(access, contested.self, layout.element_at(contested.leaf, number)).run();
}

std::int64_t element_of(BytesView leaf, const Place& place, unsigned size) {
  return read_element(leaf.subspan(std::size_t{place.element} * size, size));
}

}  // namespace

TraceShape StepClaim::shape() const {
  return TraceShape::of(static_cast<std::uint32_t>(model.operator_count),
                        static_cast<std::uint32_t>(model.tail), model.vocabulary_size,
                        prompt_count + output_position);
}

Checked<void> check_question(const SumQuestion& question, const Hash32& leaf_hash) {
  if (question.number > question.count()) return tl::unexpected(StepFault::kSumOutOfRange);
  if (question.is_element()) return check_leaf_bytes(question.leaf, leaf_hash);
  if (!question.leaf.empty()) return tl::unexpected(StepFault::kBadLeafLength);
  return {};
}

Checked<bool> check_step(const StepClaim& claim, const Place& place, const Hash32& leaf_hash,
                         BytesView leaf, BytesView witness) {
  const bool is_there = !leaf.empty();
  if (is_there) IMO_TRY_VOID(check_leaf_bytes(leaf, leaf_hash));
  if (!is_there && !leaf_hash.is_zero()) return tl::unexpected(StepFault::kLeafMismatch);
  ReplayAccess access(claim, witness);
  IMO_TRY(const Contested contested, open_place(access, place.leaf_index));
  if (!contested.has_leaf || !is_there) {
    IMO_TRY_VOID(access.finish());
    return contested.has_leaf == is_there;
  }
  IMO_TRY(const Wide computed, compute(access, contested, place.element));
  IMO_TRY_VOID(access.finish());
  return computed == element_of(leaf, place, contested.self.layout.element_bytes(contested.leaf));
}

Checked<bool> check_step_sum(const StepClaim& claim, const Place& place,
                             const SumQuestion& question, BytesView witness) {
  ReplayAccess access(claim, witness);
  IMO_TRY(const Contested contested, open_place(access, place.leaf_index));
  if (!contested.has_leaf) return tl::unexpected(StepFault::kNoLeaf);
  const TensorLayout& layout = contested.self.layout;
  if (place.element >= layout.elements_in(contested.leaf)) {
    return tl::unexpected(StepFault::kElementOutOfRange);
  }
  const Values sums = unpack_sums(question.sums);
  Step step(access, contested.self, layout.element_at(contested.leaf, place.element));
  IMO_TRY(const std::optional<Wide> computed, step.run_sum(sums, question.number));
  IMO_TRY_VOID(access.finish());
  if (!computed) return false;
  const unsigned size = layout.element_bytes(contested.leaf);
  return *computed ==
         (question.is_element() ? element_of(question.leaf, place, size) : sums[question.number]);
}

}  // namespace imo::opml
