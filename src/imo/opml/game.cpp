#include "imo/opml/game.hpp"

#include "imo/base/check.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/crypto/merkle.hpp"
#include "imo/opml/element.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace imo::opml {
namespace {

void append_word(Bytes& to, std::uint64_t value) {
  std::array<std::uint8_t, 32> word{};
  write_element(std::span(word).subspan(24), static_cast<std::int64_t>(value));
  append(to, word);
}

Bytes encode(const GameClaim& claim) {
  Bytes words;
  for (const Hash32* hash :
       {&claim.model_root, &claim.trace_root, &claim.prompt_hash, &claim.output_hash}) {
    append(words, *hash);
  }
  for (const std::uint64_t number :
       {claim.prompt_count, claim.output_count, claim.output_position}) {
    append_word(words, number);
  }
  return words;
}

unsigned levels_left(const Dispute& dispute) {
  return dispute.height - dispute.depth;
}

/// The last pick decided so many levels when it ended at a leaf.
unsigned last_levels(const Dispute& dispute) {
  return (dispute.height - 1) % kRoundBits + 1;
}

/// From the node that the last pick chose, `levels` up.
std::vector<Hash32> siblings_of_choice(const Trace& trace, const Dispute& dispute,
                                       unsigned levels) {
  std::vector<Hash32> siblings;
  for (unsigned level = 0; level < levels; ++level) {
    siblings.push_back(trace.node(levels_left(dispute) + level, (dispute.leaf_index >> level) ^ 1));
  }
  return siblings;
}

/// Up to where the last pick chose, the challenger's trace, behind it what the operator revealed:
/// all that a witness of the contested element reads lies in the operator's tree as well.
class SplicedTrace final : public Trace {
 public:
  SplicedTrace(const Trace& own, const GameView& view) : own_(own), view_(view) {}

  [[nodiscard]] const TraceShape& shape() const override { return own_.shape(); }
  [[nodiscard]] Leaf leaf(std::uint64_t leaf_index) const override { return own_.leaf(leaf_index); }

  [[nodiscard]] Hash32 node(unsigned height, std::uint64_t index) const override {
    const std::uint64_t on_path = view_.dispute.leaf_index >> height;
    if (index < on_path) return own_.node(height, index);
    if (height == view_.dispute.height) return view_.trace_root;
    // The round that decided this level; what stands right of the path beside it is in there.
    const unsigned round = (view_.dispute.height - height - 1) / kRoundBits;
    const unsigned top = view_.dispute.height - round * kRoundBits;
    const unsigned bottom = top - std::min(kRoundBits, top);
    const std::uint64_t base = view_.dispute.leaf_index >> top << (top - bottom);
    const std::vector<Hash32>& children = view_.rounds[round];
    const std::uint64_t first = (index << (height - bottom)) - base;
    const std::uint64_t count = std::uint64_t{1} << (height - bottom);
    if (first >= children.size()) return own_.node(height, index);  // behind anything that is read
    std::vector<Hash32> nodes(children.begin() + static_cast<std::ptrdiff_t>(first),
                              children.begin() + static_cast<std::ptrdiff_t>(first + count));
    for (unsigned at = bottom; at < height; ++at) nodes = crypto::merkle_level_above(nodes, at);
    return nodes.front();
  }

 private:
  const Trace& own_;
  const GameView& view_;
};

GameClaim committed_claim(const ModelProver& model, const GameView& view) {
  return GameClaim::of(model.opening().root(), view.trace_root, view.tokens);
}

NextMove step_move(const ModelProver& model, const Trace& trace, const GameView& view) {
  const Place place{view.dispute.leaf_index, static_cast<std::uint32_t>(view.dispute.element)};
  auto witness = make_witness(model, trace, view.tokens, place);
  if (!witness) {
    return fail(ErrorKind::kVerification,
                fmt::format("no witness for element {} of leaf {}: {}", place.element,
                            place.leaf_index, fault_name(witness.error())));
  }
  return ComputeStep{committed_claim(model, view), model.opening(), view.leaf, *std::move(witness)};
}

NextMove commit_move(const ModelProver& model, const Trace& trace, const GameView& view) {
  const engine::TokenId claimed = view.tokens.output[view.tokens.output_position];
  if (trace.choice() != claimed) {
    return fail(ErrorKind::kVerification,
                fmt::format("the model writes token {} at output position {}, the claim says {}: "
                            "it cannot be defended",
                            trace.choice(), view.tokens.output_position, claimed));
  }
  return Commit{GameClaim::of(model.opening().root(), {}, view.tokens), claimed, model.opening(),
                trace.choice_proof(), trace.children(trace.shape().height(), 0)};
}

NextMove open_leaf_move(const ModelProver& model, const Trace& trace, const GameView& view) {
  const Dispute& dispute = view.dispute;
  const GameClaim claim = committed_claim(model, view);
  std::vector<Hash32> siblings = siblings_of_choice(trace, dispute, last_levels(dispute));
  const std::uint64_t op = trace.shape().operator_of(dispute.leaf_index);
  Bytes opening;
  bool is_leaf = false;
  if (op < trace.shape().operators) {
    const auto index = static_cast<std::uint32_t>(op);
    const auto layout = TensorLayout::of(model.program().operators[index], index, trace.shape());
    opening = model.operator_opening(index);
    is_leaf = trace.shape().leaf_of(dispute.leaf_index) < layout.leaves();
  }
  if (!is_leaf) {
    return ShowPadding{claim, model.opening(), std::move(siblings), std::move(opening)};
  }
  const Leaf leaf = trace.leaf(dispute.leaf_index);
  return OpenLeaf{
      claim, model.opening(), {leaf.begin(), leaf.end()}, std::move(siblings), std::move(opening)};
}

NextMove pick_move(const Trace& trace, const GameView& view) {
  const std::vector<Hash32> own =
      trace.children(levels_left(view.dispute), view.dispute.leaf_index);
  if (view.rounds.empty() || view.rounds.back().size() != own.size()) {
    return fail(ErrorKind::kVerification, "the revealed nodes are not those of this round");
  }
  const std::vector<Hash32>& theirs = view.rounds.back();
  const auto differs = std::mismatch(own.begin(), own.end(), theirs.begin()).first;
  if (differs == own.end()) {
    return fail(ErrorKind::kVerification, "the operator's trace is the model's own");
  }
  return Pick{view.dispute.node, static_cast<std::uint64_t>(differs - own.begin())};
}

NextMove point_move(const ModelProver& model, const Trace& trace, const GameView& view) {
  const std::uint64_t leaf = trace.shape().leaf_of(view.dispute.leaf_index);
  const auto op = static_cast<std::uint32_t>(trace.shape().operator_of(view.dispute.leaf_index));
  const auto layout = TensorLayout::of(model.program().operators[op], op, trace.shape());
  const Leaf own = trace.leaf(view.dispute.leaf_index);
  const auto differs = std::mismatch(own.begin(), own.end(), view.leaf.begin(), view.leaf.end());
  const auto at = static_cast<std::uint64_t>(differs.first - own.begin());
  const std::uint64_t element = at / layout.element_bytes(leaf);
  if (element >= layout.elements_in(leaf)) {
    return fail(ErrorKind::kVerification, "the opened leaf is the model's own");
  }
  return Point{view.dispute.node, element};
}

/// A trace made of other tokens or another model has another height.
Result<void> check_trace(const Trace& trace, const GameView& view) {
  const bool is_of_view =
      trace.shape().positions == view.tokens.positions() &&
      view.tokens.output_position < view.tokens.output.size() &&
      (view.dispute.height == 0 || view.dispute.height == trace.shape().height());
  if (!is_of_view) return invalid("the trace is not one of this dispute");
  return {};
}

}  // namespace

std::string_view phase_name(Phase phase) {
  constexpr std::array<std::string_view, 10> kNames{
      "None",  "Commit", "Pick",        "Reveal",        "OpenLeaf",
      "Point", "Step",   "OperatorWon", "ChallengerWon", "Moot"};
  return kNames[static_cast<std::size_t>(phase)];
}

bool is_live(Phase phase) {
  return phase >= Phase::kCommit && phase <= Phase::kStep;
}

bool is_challengers_move(Phase phase) {
  return phase == Phase::kPick || phase == Phase::kPoint;
}

std::string_view move_name(const Move& move) {
  constexpr std::array<std::string_view, std::variant_size_v<Move>> kNames{
      "commit", "pick", "reveal", "openLeaf", "showPadding", "point", "step", "timeout", "settle"};
  return kNames[move.index()];
}

GameClaim GameClaim::of(const Hash32& model_root, const Hash32& trace_root,
                        const ClaimTokens& tokens) {
  return {model_root,
          trace_root,
          crypto::keccak256(pack_tokens(tokens.prompt)),
          crypto::keccak256(pack_tokens(tokens.output)),
          tokens.prompt.size(),
          tokens.output.size(),
          tokens.output_position};
}

Hash32 GameClaim::statement() const {
  return crypto::keccak256(encode(*this));
}

Hash32 GameClaim::statement(engine::TokenId token) const {
  Bytes words = encode(*this);
  append_word(words, token);
  return crypto::keccak256(words);
}

std::optional<Move> closing_move(const Dispute& dispute, std::uint64_t now, bool is_struck_down) {
  if (!is_live(dispute.phase)) return std::nullopt;
  if (is_struck_down) return Settle{};
  if (now >= dispute.deadline) return Timeout{};
  return std::nullopt;
}

NextMove operator_move(const ModelProver& model, const Trace& trace, const GameView& view) {
  IMO_TRY_VOID(check_trace(trace, view));
  switch (view.dispute.phase) {
    case Phase::kCommit:
      return commit_move(model, trace, view);
    case Phase::kReveal:
      return Reveal{trace.children(levels_left(view.dispute), view.dispute.leaf_index),
                    siblings_of_choice(trace, view.dispute, kRoundBits)};
    case Phase::kOpenLeaf:
      return open_leaf_move(model, trace, view);
    case Phase::kStep:
      return step_move(model, trace, view);
    default:
      return std::nullopt;
  }
}

NextMove challenger_move(const ModelProver& model, const Trace& trace, const GameView& view) {
  IMO_TRY_VOID(check_trace(trace, view));
  switch (view.dispute.phase) {
    case Phase::kPick:
      return pick_move(trace, view);
    case Phase::kPoint:
      return point_move(model, trace, view);
    case Phase::kStep:
      return step_move(model, SplicedTrace(trace, view), view);
    default:
      return std::nullopt;
  }
}

}  // namespace imo::opml
