/// A trace that lies in memory as a whole and can be falsified. For toy programs and tests.
#pragma once

#include "imo/opml/trace.hpp"
#include "imo/opml/tree.hpp"

#include <map>
#include <optional>
#include <utility>

namespace imo::opml {

/// One element that is set to something else than its step says.
struct Lie {
  std::uint32_t op = 0;
  std::uint64_t leaf = 0;
  std::uint32_t element = 0;
  std::int64_t value = 0;  ///< kept to the element's width
};

class StoredTrace final : public Trace {
 public:
  /// Every element is zero.
  StoredTrace(const model::Program& program, std::uint32_t positions);

  [[nodiscard]] const TraceShape& shape() const override { return shape_; }
  [[nodiscard]] Hash32 node(unsigned height, std::uint64_t index) const override;
  [[nodiscard]] Leaf leaf(std::uint64_t leaf_index) const override;

  [[nodiscard]] const TensorLayout& layout(std::uint32_t op) const { return layouts_[op]; }
  /// The leaves of one operator.
  [[nodiscard]] BytesView tensor(std::uint32_t op) const { return tensors_[op]; }
  [[nodiscard]] std::int64_t element(std::uint32_t op, std::uint64_t leaf,
                                     std::uint32_t number) const;
  void set_element(std::uint32_t op, std::uint64_t leaf, std::uint32_t number, std::int64_t value);
  /// Any bytes, padding too; `leaf` is one that the operator has, and they lie in it (checked).
  void set_bytes(std::uint32_t op, std::uint64_t leaf, std::uint32_t at, BytesView bytes);
  /// Puts a hash in the place of any node: a lie that nobody can open.
  void set_node(unsigned height, std::uint64_t index, const Hash32& hash);

 private:
  /// Height and index.
  using NodePlace = std::pair<unsigned, std::uint64_t>;

  [[nodiscard]] Hash32 true_node(unsigned height, std::uint64_t index) const;
  [[nodiscard]] const Subtree& subtree(std::uint32_t op) const;
  [[nodiscard]] bool is_above_set_node(unsigned height, std::uint64_t index) const;

  TraceShape shape_;
  std::vector<TensorLayout> layouts_;
  std::vector<Bytes> tensors_;
  std::map<NodePlace, Hash32> set_nodes_;
  /// Hashes of what has been asked for, until it is changed.
  mutable std::vector<std::optional<Subtree>> subtrees_;
  mutable std::optional<Subtree> upper_;
};

/// Computes the trace element by element with the steps themselves. With a lie, everything behind
/// it is computed from the lie when `consistent` (an element whose step finds no value stays zero),
/// and is true otherwise. Program and tokens are such that check_program and check_playable pass.
std::unique_ptr<StoredTrace> plain_trace(const model::Program& program,
                                         std::span<const engine::TokenId> tokens,
                                         const std::optional<Lie>& lie = std::nullopt,
                                         bool consistent = true);

}  // namespace imo::opml
