#include "imo/opml/game_rules.hpp"

#include "imo/base/check.hpp"
#include "imo/crypto/merkle.hpp"
#include "imo/opml/element.hpp"

#include <algorithm>
#include <bit>

namespace imo::opml {
namespace {

tl::unexpected<std::string_view> refuse(std::string_view error) {
  return tl::unexpected(error);
}

/// Checks of the contract whose names are those of StepFault.
template <typename T>
tl::expected<T, std::string_view> named(const Checked<T>& checked) {
  if (!checked) return refuse(fault_name(checked.error()));
  return *checked;
}

/// TraceLayout.shapeOf, behind the check of the model's opening.
tl::expected<TraceShape, std::string_view> shape_of(const GameClaim& claim,
                                                    const ModelOpening& model) {
  if (model.root() != claim.model_root) return refuse("ModelMismatch");
  constexpr std::uint64_t kMaxCount = 0xFFFFFFFF;
  const bool is_program = model.operator_count != 0 && model.operator_count <= kMaxCount &&
                          model.vocabulary_size != 0 && model.vocabulary_size <= kMaxCount;
  if (!is_program) return refuse("NoModel");
  const std::uint64_t positions = claim.prompt_count + claim.output_position;
  const std::uint64_t limit = std::min<std::uint64_t>(kMaxPositions, model.context_length);
  if (positions == 0 || positions > limit) return refuse("PositionsOutOfRange");
  return TraceShape::of(static_cast<std::uint32_t>(model.operator_count),
                        static_cast<std::uint32_t>(model.tail), model.vocabulary_size,
                        static_cast<std::uint32_t>(positions));
}

/// IStepVerifier.rootOfChoice.
tl::expected<Hash32, std::string_view> root_of_choice(const TraceShape& shape,
                                                      engine::TokenId token,
                                                      const std::vector<Hash32>& siblings) {
  const std::uint32_t last = shape.operators - 1;
  if (siblings.size() != static_cast<std::size_t>(std::popcount(last))) {
    return refuse("SiblingCount");
  }
  Leaf leaf{};
  write_element(std::span(leaf).first(4), token);
  Hash32 node = crypto::merkle_leaf(leaf);
  auto left = siblings.begin();
  for (unsigned height = 0; height < shape.height(); ++height) {
    const bool is_right =
        height >= shape.leaf_bits && (last >> (height - shape.leaf_bits) & 1) != 0;
    node = is_right ? crypto::merkle_node(*left++, node)
                    : crypto::merkle_node(node, crypto::merkle_padding(height));
  }
  return node;
}

/// The node `levels` above its descendants there.
tl::expected<Hash32, std::string_view> node_above(std::vector<Hash32> nodes, unsigned height) {
  const unsigned levels = std::min(kRoundBits, height);
  if (nodes.size() != std::size_t{1} << levels) return refuse("ChildCount");
  for (unsigned at = 0; at < levels; ++at) nodes = crypto::merkle_level_above(nodes, at);
  return nodes.front();
}

StepClaim step_claim(const GameClaim& claim, const ModelOpening& model) {
  return {model,
          claim.trace_root,
          claim.prompt_hash,
          claim.output_hash,
          static_cast<std::uint32_t>(claim.prompt_count),
          static_cast<std::uint32_t>(claim.output_count),
          static_cast<std::uint32_t>(claim.output_position)};
}

/// What checkLeaf and step look at before the model.
Ruling check_leaf_bytes(BytesView leaf, const Hash32& hash) {
  if (leaf.size() != kLeafBytes) return refuse("BadLeafLength");
  if (crypto::merkle_leaf(leaf) != hash) return refuse("LeafMismatch");
  return {};
}

}  // namespace

GameRules::GameRules(Clocks clocks, const GameClaim& claim, engine::TokenId token,
                     const Address& operator_address, const Address& challenger, std::uint64_t now)
    : clocks_(clocks) {
  dispute_.phase = Phase::kCommit;
  dispute_.operator_address = operator_address;
  dispute_.challenger = challenger;
  dispute_.statement = claim.statement(token);
  dispute_.deadline = now + clocks.clock;
  dispute_.other_time = clocks.clock;
}

Ruling GameRules::play(const Address& sender, std::uint64_t now, const Move& move) {
  sender_ = sender;
  now_ = now;
  return std::visit([this](const auto& each) { return apply(each); }, move);
}

Ruling GameRules::check_turn(Phase phase) const {
  if (dispute_.phase != phase) return refuse("WrongPhase");
  if (now_ >= dispute_.deadline) return refuse("ClockExpired");
  return {};
}

Ruling GameRules::check_challenger(Phase phase, const Hash32& node) const {
  IMO_TRY_VOID(check_turn(phase));
  if (sender_ != dispute_.challenger) return refuse("NotTheChallenger");
  if (node != dispute_.node) return refuse("WrongNode");
  return {};
}

Ruling GameRules::check_chosen(const Hash32& chosen, const std::vector<Hash32>& siblings,
                               unsigned levels) const {
  if (siblings.size() != levels) return refuse("SiblingCount");
  Hash32 node = chosen;
  for (unsigned level = 0; level < levels; ++level) {
    node = (dispute_.leaf_index >> level & 1) != 0 ? crypto::merkle_node(siblings[level], node)
                                                   : crypto::merkle_node(node, siblings[level]);
  }
  if (node != dispute_.node) return refuse("WrongNode");
  return {};
}

unsigned GameRules::last_levels() const {
  return (dispute_.height - 1) % kRoundBits + 1;
}

void GameRules::pass(Phase next) {
  std::uint64_t time = dispute_.other_time;
  bool& is_extended = is_extended_[is_challengers_move(next) ? 1 : 0];
  if (time < clocks_.extension && !is_extended) {
    is_extended = true;
    time = clocks_.extension;
  }
  dispute_.phase = next;
  dispute_.other_time = dispute_.deadline - now_;
  dispute_.deadline = now_ + time;
}

void GameRules::end(Phase outcome) {
  dispute_.phase = is_struck_down_ ? Phase::kMoot : outcome;
  if (dispute_.phase == Phase::kChallengerWon) is_struck_down_ = true;
}

Ruling GameRules::apply(const Commit& move) {
  IMO_TRY_VOID(check_turn(Phase::kCommit));
  if (sender_ != dispute_.operator_address) return refuse("NotTheOperator");
  if (move.claim.statement(move.token) != dispute_.statement) return refuse("WrongStatement");
  IMO_TRY(const TraceShape shape, shape_of(move.claim, move.model));
  IMO_TRY(const Hash32 root, root_of_choice(shape, move.token, move.left_siblings));
  if (shape.height() > kMaxTreeHeight) return refuse("TreeTooHigh");
  IMO_TRY(const Hash32 above, node_above(move.children, shape.height()));
  if (above != root) return refuse("WrongNode");

  GameClaim committed = move.claim;
  committed.trace_root = root;
  trace_root_ = root;
  dispute_.statement = committed.statement();
  dispute_.node = root;
  dispute_.height = shape.height();
  rounds_.push_back(move.children);
  pass(Phase::kPick);
  return {};
}

Ruling GameRules::apply(const Pick& move) {
  IMO_TRY_VOID(check_challenger(Phase::kPick, move.node));
  const unsigned left = dispute_.height - dispute_.depth;
  const unsigned levels = std::min(kRoundBits, left);
  if (move.index >> levels != 0) return refuse("IndexOutOfRange");
  dispute_.leaf_index = dispute_.leaf_index << levels | move.index;
  dispute_.depth += levels;
  pass(left == levels ? Phase::kOpenLeaf : Phase::kReveal);
  return {};
}

Ruling GameRules::apply(const Reveal& move) {
  IMO_TRY_VOID(check_turn(Phase::kReveal));
  IMO_TRY(const Hash32 node, node_above(move.children, dispute_.height - dispute_.depth));
  IMO_TRY_VOID(check_chosen(node, move.siblings, kRoundBits));
  dispute_.node = node;
  rounds_.push_back(move.children);
  pass(Phase::kPick);
  return {};
}

Ruling GameRules::apply(const OpenLeaf& move) {
  IMO_TRY_VOID(check_turn(Phase::kOpenLeaf));
  if (move.claim.statement() != dispute_.statement) return refuse("WrongStatement");
  const Hash32 hash = crypto::merkle_leaf(move.leaf);
  IMO_TRY_VOID(check_chosen(hash, move.siblings, last_levels()));
  IMO_TRY_VOID(check_leaf_bytes(move.leaf, hash));
  IMO_TRY_VOID(shape_of(move.claim, move.model));
  IMO_TRY(const std::uint32_t elements,
          named(check_leaf(step_claim(move.claim, move.model), dispute_.leaf_index, hash, move.leaf,
                           move.operator_opening)));
  dispute_.node = hash;
  dispute_.element = elements - 1;
  leaf_ = move.leaf;
  pass(Phase::kPoint);
  return {};
}

Ruling GameRules::apply(const ShowPadding& move) {
  IMO_TRY_VOID(check_turn(Phase::kOpenLeaf));
  if (move.claim.statement() != dispute_.statement) return refuse("WrongStatement");
  IMO_TRY_VOID(check_chosen({}, move.siblings, last_levels()));
  IMO_TRY_VOID(shape_of(move.claim, move.model));
  IMO_TRY(const bool is_padding,
          named(check_padding(step_claim(move.claim, move.model), dispute_.leaf_index, {},
                              move.operator_opening)));
  if (!is_padding) return refuse("NotPadding");
  end(Phase::kOperatorWon);
  return {};
}

Ruling GameRules::apply(const Point& move) {
  IMO_TRY_VOID(check_challenger(Phase::kPoint, move.leaf_hash));
  if (move.element > dispute_.element) return refuse("IndexOutOfRange");
  dispute_.element = move.element;
  pass(Phase::kStep);
  return {};
}

Ruling GameRules::apply(const ComputeStep& move) {
  IMO_TRY_VOID(check_turn(Phase::kStep));
  if (move.claim.statement() != dispute_.statement) return refuse("WrongStatement");
  IMO_TRY_VOID(check_leaf_bytes(move.leaf, dispute_.node));
  IMO_TRY_VOID(shape_of(move.claim, move.model));
  const Place place{dispute_.leaf_index, static_cast<std::uint32_t>(dispute_.element)};
  IMO_TRY(const bool is_right, named(check_step(step_claim(move.claim, move.model), place,
                                                dispute_.node, move.leaf, move.witness)));
  end(is_right ? Phase::kOperatorWon : Phase::kChallengerWon);
  return {};
}

Ruling GameRules::apply(const Timeout& /*move*/) {
  if (!is_live(dispute_.phase)) return refuse("WrongPhase");
  if (now_ < dispute_.deadline) return refuse("ClockRunning");
  end(is_challengers_move(dispute_.phase) ? Phase::kOperatorWon : Phase::kChallengerWon);
  return {};
}

Ruling GameRules::apply(const Settle& /*move*/) {
  if (!is_live(dispute_.phase)) return refuse("WrongPhase");
  if (!is_struck_down_) return refuse("ClaimStands");
  end(Phase::kMoot);
  return {};
}

}  // namespace imo::opml
