/// A trace that can be read leaf by leaf and node by node.
#pragma once

#include "imo/engine/model.hpp"
#include "imo/opml/shape.hpp"

#include <array>
#include <memory>
#include <span>
#include <vector>

namespace imo {
class ThreadPool;
}

namespace imo::opml {

using Leaf = std::array<std::uint8_t, kLeafBytes>;

/// What the game, the witness and the tests see of a trace. One thread at a time: reading may
/// compute.
class Trace {
 public:
  virtual ~Trace() = default;

  [[nodiscard]] virtual const TraceShape& shape() const = 0;
  /// The node `index` at `height` (0: leaves, shape().height(): the root), padding included.
  [[nodiscard]] virtual Hash32 node(unsigned height, std::uint64_t index) const = 0;
  /// The bytes of a leaf; all zero for one that the trace does not have.
  [[nodiscard]] virtual Leaf leaf(std::uint64_t leaf_index) const = 0;

  [[nodiscard]] Hash32 root() const { return node(shape().height(), 0); }
  /// The descendants that answer for the node (`height`, `index`): kRoundBits levels below it, or
  /// where the rounds end.
  [[nodiscard]] std::vector<Hash32> children(unsigned height, std::uint64_t index) const;
  /// For IStepVerifier.rootOfChoice: the left siblings of Argmax's leaf, from below.
  [[nodiscard]] std::vector<Hash32> choice_proof() const;
  /// What Argmax says.
  [[nodiscard]] engine::TokenId choice() const;
};

/// The trace of a model over `tokens` (prompt and agreed output): one batched pass that keeps
/// only the upper levels of the tree. What lies below them is computed again, operator by
/// operator with its inputs, when it is asked for; `pool` (may be null, must outlive the trace)
/// hashes. Fails when check_playable does or a token is none.
Result<std::unique_ptr<Trace>> compute_trace(const engine::Model& model,
                                             std::span<const engine::TokenId> tokens,
                                             ThreadPool* pool = nullptr);

/// Memory that a computed trace takes at most, in bytes; the model and the session that runs it are
/// not counted. Arguments as check_playable accepts them.
std::uint64_t trace_memory(const model::Program& program, std::uint32_t positions);

}  // namespace imo::opml
