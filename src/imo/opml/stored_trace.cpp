#include "imo/opml/stored_trace.hpp"

#include "imo/base/check.hpp"
#include "imo/crypto/merkle.hpp"
#include "imo/opml/access.hpp"
#include "imo/opml/element.hpp"
#include "imo/opml/step.hpp"

#include <algorithm>

namespace imo::opml {

StoredTrace::StoredTrace(const model::Program& program, std::uint32_t positions)
    : shape_(TraceShape::of(program, positions)), subtrees_(shape_.operators) {
  for (std::uint32_t op = 0; op < shape_.operators; ++op) {
    IMO_CHECK(check_tensor(program.operators[op], op, shape_), "a program that is not playable");
    layouts_.push_back(TensorLayout::of(program.operators[op], op, shape_));
    tensors_.emplace_back(layouts_.back().leaves() * kLeafBytes);
  }
}

Hash32 StoredTrace::node(unsigned height, std::uint64_t index) const {
  if (const auto set = set_nodes_.find({height, index}); set != set_nodes_.end()) {
    return set->second;
  }
  if (!is_above_set_node(height, index)) return true_node(height, index);
  return crypto::merkle_node(node(height - 1, 2 * index), node(height - 1, 2 * index + 1));
}

bool StoredTrace::is_above_set_node(unsigned height, std::uint64_t index) const {
  return std::any_of(set_nodes_.begin(), set_nodes_.end(), [&](const auto& set) {
    const auto [at, below] = set.first;
    return at < height && below >> (height - at) == index;
  });
}

Hash32 StoredTrace::true_node(unsigned height, std::uint64_t index) const {
  if (height >= shape_.leaf_bits) {
    if (!upper_) {
      std::vector<Hash32> roots;
      for (std::uint32_t op = 0; op < shape_.operators; ++op) roots.push_back(subtree(op).root());
      upper_.emplace(std::move(roots), shape_.leaf_bits, shape_.height());
    }
    return upper_->node(height, index);
  }
  const unsigned below = shape_.leaf_bits - height;
  const std::uint64_t op = index >> below;
  if (op >= shape_.operators) return crypto::merkle_padding(height);
  return subtree(static_cast<std::uint32_t>(op))
      .node(height, index & ((std::uint64_t{1} << below) - 1));
}

const Subtree& StoredTrace::subtree(std::uint32_t op) const {
  std::optional<Subtree>& cached = subtrees_[op];
  if (!cached) {
    cached.emplace(crypto::merkle_leaves(tensors_[op], kLeafBytes), 0, shape_.leaf_bits);
  }
  return *cached;
}

Leaf StoredTrace::leaf(std::uint64_t leaf_index) const {
  Leaf bytes{};
  const std::uint64_t op = shape_.operator_of(leaf_index);
  const std::uint64_t at = shape_.leaf_of(leaf_index);
  if (op < shape_.operators && at < layouts_[op].leaves()) {
    const BytesView from = BytesView(tensors_[op]).subspan(at * kLeafBytes, kLeafBytes);
    std::copy(from.begin(), from.end(), bytes.begin());
  }
  return bytes;
}

std::int64_t StoredTrace::element(std::uint32_t op, std::uint64_t leaf,
                                  std::uint32_t number) const {
  const unsigned size = layouts_[op].element_bytes(leaf);
  return read_element(
      BytesView(tensors_[op]).subspan(leaf * kLeafBytes + std::size_t{number} * size, size));
}

void StoredTrace::set_element(std::uint32_t op, std::uint64_t leaf, std::uint32_t number,
                              std::int64_t value) {
  IMO_CHECK(number < layouts_[op].elements_in(leaf), "no such element");
  std::array<std::uint8_t, 8> bytes{};
  const unsigned size = layouts_[op].element_bytes(leaf);
  const auto written = std::span(bytes).first(size);
  write_element(written, value);
  set_bytes(op, leaf, number * size, written);
}

void StoredTrace::set_bytes(std::uint32_t op, std::uint64_t leaf, std::uint32_t at,
                            BytesView bytes) {
  IMO_CHECK(leaf < layouts_[op].leaves() && at + bytes.size() <= kLeafBytes, "not in this leaf");
  const auto place = static_cast<std::ptrdiff_t>(leaf * kLeafBytes + at);
  std::copy(bytes.begin(), bytes.end(), tensors_[op].begin() + place);
  subtrees_[op].reset();
  upper_.reset();
}

void StoredTrace::set_node(unsigned height, std::uint64_t index, const Hash32& hash) {
  set_nodes_.insert_or_assign({height, index}, hash);
}

std::unique_ptr<StoredTrace> plain_trace(const model::Program& program,
                                         std::span<const engine::TokenId> tokens,
                                         const std::optional<Lie>& lie, bool consistent) {
  auto trace = std::make_unique<StoredTrace>(program, static_cast<std::uint32_t>(tokens.size()));
  DirectAccess access(program, *trace, tokens);
  for (std::uint32_t op = 0; op < trace->shape().operators; ++op) {
    const InputTensor self{op, program.operators[op], trace->layout(op)};
    for (std::uint64_t leaf = 0; leaf < self.layout.leaves(); ++leaf) {
      for (std::uint32_t number = 0; number < self.layout.elements_in(leaf); ++number) {
        const auto value = Step(access, self, self.layout.element_at(leaf, number)).run();
        IMO_CHECK(value || lie, "a step of a true trace failed");
        if (value) trace->set_element(op, leaf, number, static_cast<std::int64_t>(*value));
        const bool is_lie =
            lie && lie->op == op && lie->leaf == leaf && lie->element == number && consistent;
        if (is_lie) trace->set_element(op, leaf, number, lie->value);
      }
    }
  }
  if (lie && !consistent) trace->set_element(lie->op, lie->leaf, lie->element, lie->value);
  return trace;
}

}  // namespace imo::opml
