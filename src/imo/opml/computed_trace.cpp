// The trace of a real model: hashed while it is computed, and computed again where it is read.

#include "imo/base/check.hpp"
#include "imo/crypto/merkle.hpp"
#include "imo/engine/session.hpp"
#include "imo/opml/tensor_stream.hpp"
#include "imo/opml/trace.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace imo::opml {
namespace {

using model::kNone;
using model::OperatorKind;
using model::Program;

/// Runs the pass; `observer` sees every row of the trace.
Result<void> run_pass(const engine::Model& model, std::span<const engine::TokenId> tokens,
                      engine::OutputObserver observer) {
  engine::Session session(model, static_cast<std::uint32_t>(tokens.size()));
  session.observe(std::move(observer));
  return session.extend(tokens);
}

/// For each operator, the Mix operators that turn its rows round.
std::vector<std::vector<std::uint32_t>> readers_of_values(const Program& program) {
  std::vector<std::vector<std::uint32_t>> readers(program.operators.size());
  for (std::uint32_t i = 0; i < program.operators.size(); ++i) {
    const model::Operator& op = program.operators[i];
    if (op.kind == OperatorKind::kMix) readers[op.inputs[1]].push_back(i);
  }
  return readers;
}

class ComputedTrace final : public Trace {
 public:
  ComputedTrace(const engine::Model& model, std::span<const engine::TokenId> tokens,
                ThreadPool* pool)
      : model_(model),
        tokens_(tokens.begin(), tokens.end()),
        pool_(pool),
        shape_(TraceShape::of(model.program(), static_cast<std::uint32_t>(tokens.size()))),
        readers_(readers_of_values(model.program())) {
    for (std::uint32_t op = 0; op < shape_.operators; ++op) {
      layouts_.push_back(TensorLayout::of(model.program().operators[op], op, shape_));
    }
  }

  Result<void> compute() {
    std::vector<TensorStream> streams;
    for (const TensorLayout& layout : layouts_) streams.emplace_back(layout, pool_);
    IMO_TRY_VOID(run_pass(model_, tokens_, [&](const engine::Output& row) {
      streams[row.operator_index].put_row(row);
      for (const std::uint32_t mix : readers_[row.operator_index]) streams[mix].put_values(row);
    }));
    std::vector<Hash32> roots;
    for (TensorStream& stream : streams) {
      subtrees_.push_back(stream.finish(shape_.leaf_bits));
      roots.push_back(subtrees_.back().root());
    }
    upper_ = Subtree(std::move(roots), shape_.leaf_bits, shape_.height());
    return {};
  }

  [[nodiscard]] const TraceShape& shape() const override { return shape_; }

  [[nodiscard]] Hash32 node(unsigned height, std::uint64_t index) const override {
    if (height >= shape_.leaf_bits) return upper_.node(height, index);
    const unsigned below = shape_.leaf_bits - height;
    const std::uint64_t op = index >> below;
    const std::uint64_t within = index & ((std::uint64_t{1} << below) - 1);
    if (op >= shape_.operators || within > (layouts_[op].leaves() - 1) >> height) {
      return crypto::merkle_padding(height);
    }
    const auto at = static_cast<std::uint32_t>(op);
    return height >= TensorStream::kKeptHeight ? subtrees_[at].node(height, within)
                                               : tree_of(at).node(height, within);
  }

  [[nodiscard]] Leaf leaf(std::uint64_t leaf_index) const override {
    Leaf bytes{};
    const std::uint64_t op = shape_.operator_of(leaf_index);
    const std::uint64_t at = shape_.leaf_of(leaf_index);
    if (op >= shape_.operators || at >= layouts_[op].leaves()) return bytes;
    const BytesView from =
        held(static_cast<std::uint32_t>(op)).bytes.bytes().subspan(at * kLeafBytes, kLeafBytes);
    std::copy(from.begin(), from.end(), bytes.begin());
    return bytes;
  }

 private:
  /// A tensor that was computed again; the tree's lower levels once they are asked for.
  struct Held {
    TensorBytes bytes;
    Subtree tree;
    bool has_tree = false;
  };

  /// The tensor of `op`. One pass computes it and its inputs, which a witness reads with it; what
  /// was held before is dropped.
  Held& held(std::uint32_t op) const {
    if (const auto found = held_.find(op); found != held_.end()) return found->second;
    held_.clear();
    hold(op);
    for (const std::uint32_t input : model_.program().operators[op].inputs) {
      if (input != kNone) hold(input);
    }
    const auto done = run_pass(model_, tokens_, [&](const engine::Output& row) {
      if (const auto own = held_.find(row.operator_index); own != held_.end()) {
        own->second.bytes.put_row(row);
      }
      for (const std::uint32_t mix : readers_[row.operator_index]) {
        if (const auto reader = held_.find(mix); reader != held_.end()) {
          reader->second.bytes.put_values(row);
        }
      }
    });
    IMO_CHECK(done, "a pass that went well once did not again");
    return held_.at(op);
  }

  void hold(std::uint32_t op) const { held_.try_emplace(op, Held{TensorBytes(layouts_[op]), {}}); }

  const Subtree& tree_of(std::uint32_t op) const {
    Held& tensor = held(op);
    if (!tensor.has_tree) {
      tensor.tree = Subtree(crypto::merkle_leaves(tensor.bytes.bytes(), kLeafBytes, pool_), 0,
                            shape_.leaf_bits, pool_);
      tensor.has_tree = true;
    }
    return tensor.tree;
  }

  engine::Model model_;
  std::vector<engine::TokenId> tokens_;
  ThreadPool* pool_;
  TraceShape shape_;
  std::vector<std::vector<std::uint32_t>> readers_;
  std::vector<TensorLayout> layouts_;
  std::vector<Subtree> subtrees_;  ///< per operator, from kKeptHeight up
  Subtree upper_;
  mutable std::map<std::uint32_t, Held> held_;
};

}  // namespace

Result<std::unique_ptr<Trace>> compute_trace(const engine::Model& model,
                                             std::span<const engine::TokenId> tokens,
                                             ThreadPool* pool) {
  if (tokens.size() > kMaxPositions) {
    return invalid(fmt::format("a dispute over {} positions; 1 to {} can be played", tokens.size(),
                               kMaxPositions));
  }
  IMO_TRY_VOID(check_playable(model.program(), static_cast<std::uint32_t>(tokens.size())));
  auto trace = std::make_unique<ComputedTrace>(model, tokens, pool);
  IMO_TRY_VOID(trace->compute());
  return trace;
}

std::uint64_t trace_memory(const Program& program, std::uint32_t positions) {
  constexpr std::uint64_t kHashesPerNode = 2 * sizeof(Hash32);  // with the levels above
  const TraceShape shape = TraceShape::of(program, positions);
  std::vector<TensorLayout> layouts;
  for (std::uint32_t op = 0; op < shape.operators; ++op) {
    layouts.push_back(TensorLayout::of(program.operators[op], op, shape));
  }
  const auto kept = [&](const TensorLayout& layout) {
    const std::uint64_t row = layout.row_size(positions - 1) * sizeof(std::int64_t);
    return (layout.leaves() >> TensorStream::kKeptHeight) * kHashesPerNode +
           layout.value_leaves() * kLeafBytes + 2 * (TensorStream::kHashedAtOnce + row);
  };
  const auto again = [&](std::uint32_t op) {
    return op == kNone ? 0 : layouts[op].leaves() * (kLeafBytes + kHashesPerNode);
  };
  std::uint64_t sum = 0;
  std::uint64_t largest = 0;
  for (std::uint32_t op = 0; op < shape.operators; ++op) {
    const auto [a, b] = program.operators[op].inputs;
    sum += kept(layouts[op]);
    largest = std::max(largest, again(op) + again(a) + again(b));
  }
  return sum + largest;
}

}  // namespace imo::opml
