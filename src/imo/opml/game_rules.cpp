#include "imo/opml/game_rules.hpp"

#include "imo/base/check.hpp"
#include "imo/crypto/keccak.hpp"
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
  return checked.map_error([](StepFault fault) { return fault_name(fault); });
}

/// What a program cannot compute is wrong, whatever is claimed.
tl::expected<bool, std::string_view> judged(const Checked<bool>& checked) {
  if (!checked && is_programs_fault(checked.error())) return false;
  return named(checked);
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

/// The node `height` above its descendants of the next round.
tl::expected<Hash32, std::string_view> node_above(std::vector<Hash32> nodes, unsigned height) {
  const unsigned levels = std::min(kRoundBits, height);
  if (nodes.size() != std::size_t{1} << levels) return refuse("ChildCount");
  for (unsigned at = 0; at < levels; ++at) nodes = crypto::merkle_level_above(nodes, at);
  return nodes.front();
}

/// What stands at `index` of its level, up to the node above all its siblings.
Hash32 root_of(Hash32 node, std::uint64_t index, const std::vector<Hash32>& siblings) {
  for (const Hash32& sibling : siblings) {
    node =
        (index & 1) != 0 ? crypto::merkle_node(sibling, node) : crypto::merkle_node(node, sibling);
    index >>= 1;
  }
  return node;
}

/// The most sums that a row has.
constexpr std::size_t kMaxSumBytes = model::kMaxColumns / kSumColumns * kSumBytes;

StepClaim step_claim(const GameClaim& claim, const ModelOpening& model) {
  return {model,
          claim.trace_root,
          claim.prompt_hash,
          claim.output_hash,
          static_cast<std::uint32_t>(claim.prompt_count),
          static_cast<std::uint32_t>(claim.output_count),
          static_cast<std::uint32_t>(claim.output_position)};
}

}  // namespace

GameRules::GameRules(Clocks clocks, const GameClaim& claim, engine::TokenId token,
                     const Sides& sides, std::uint64_t now)
    : clocks_(clocks), sides_(sides), model_root_(claim.model_root) {
  dispute_.phase = Phase::kCommit;
  dispute_.standing = Standing{sides, claim.statement(token), {}}.hash();
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

Ruling GameRules::check_standing(const Hash32& about, const Hash32& node) const {
  if (pair_hash(about, node) != dispute_.standing) return refuse("WrongStanding");
  return {};
}

Ruling GameRules::check_standing(const Standing& standing) const {
  return check_standing(standing.about(), standing.node);
}

/// Who picks and asks is the challenger, or the standing is not that of this dispute.
Hash32 GameRules::about_of_sender(const Hash32& rest) const {
  Hash32 word;
  std::copy(sender_.bytes.begin(), sender_.bytes.end(), word.bytes.begin() + 12);
  return pair_hash(word, rest);
}

Ruling GameRules::check_challenger() const {
  if (sender_ != sides_.challenger) return refuse("NotTheChallenger");
  return {};
}

Ruling GameRules::check_operator() const {
  if (sender_ != sides_.operator_address) return refuse("NotTheOperator");
  return {};
}

Ruling GameRules::check_chosen(const Hash32& about, const Hash32& chosen,
                               const std::vector<Hash32>& siblings) const {
  const unsigned levels =
      dispute_.phase == Phase::kReveal ? kRoundBits : (dispute_.depth - 1) % kRoundBits + 1;
  if (siblings.size() != levels) return refuse("SiblingCount");
  return check_standing(about, root_of(chosen, dispute_.leaf_index, siblings));
}

tl::expected<Hash32, std::string_view> GameRules::node_above_leaf(
    const Spot& spot, const Hash32& leaf_hash, const std::vector<Hash32>& siblings) const {
  const unsigned bits = group_bits(dispute_.height);
  if (siblings.size() != bits) return refuse("SiblingCount");
  if (spot.leaf >> bits != 0) return refuse("IndexOutOfRange");
  return root_of(leaf_hash, spot.leaf, siblings);
}

Place GameRules::place_of(const Spot& spot) const {
  const auto element =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(spot.element, 0xFFFFFFFF));
  return {dispute_.leaf_index << group_bits(dispute_.height) | spot.leaf, element};
}

void GameRules::point(const Place& place) {
  dispute_.leaf_index = place.leaf_index;
  dispute_.element = place.element;
  dispute_.depth = dispute_.height;
}

unsigned GameRules::levels_left() const {
  return dispute_.height - dispute_.depth - group_bits(dispute_.height);
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
  const GameClaim& claim = move.subject.claim;
  IMO_TRY_VOID(check_standing(Standing{move.subject.sides, claim.statement(move.token), {}}));
  IMO_TRY_VOID(check_operator());
  IMO_TRY(const TraceShape shape, shape_of(claim, move.subject.model));
  IMO_TRY(const Hash32 root, root_of_choice(shape, move.token, move.left_siblings));
  if (shape.height() > kMaxTreeHeight) return refuse("TreeTooHigh");
  IMO_TRY(const Hash32 above,
          node_above(move.children, shape.height() - group_bits(shape.height())));
  if (above != root) return refuse("WrongNode");

  GameClaim committed = claim;
  committed.trace_root = root;
  trace_root_ = root;
  dispute_.standing = Standing{sides_, committed.statement(), root}.hash();
  dispute_.height = shape.height();
  rounds_.push_back(move.children);
  pass(Phase::kPick);
  return {};
}

Ruling GameRules::apply(const Pick& move) {
  IMO_TRY_VOID(check_turn(Phase::kPick));
  IMO_TRY_VOID(check_standing(about_of_sender(move.rest), move.node));
  const unsigned left = levels_left();
  const unsigned levels = std::min(kRoundBits, left);
  if (move.index >> levels != 0) return refuse("IndexOutOfRange");
  dispute_.leaf_index = dispute_.leaf_index << levels | move.index;
  dispute_.depth += levels;
  pass(left == levels ? Phase::kOpenLeaves : Phase::kReveal);
  return {};
}

Ruling GameRules::apply(const Reveal& move) {
  IMO_TRY_VOID(check_turn(Phase::kReveal));
  IMO_TRY(const Hash32 node, node_above(move.children, levels_left()));
  IMO_TRY_VOID(check_chosen(move.about, node, move.siblings));
  dispute_.standing = pair_hash(move.about, node);
  rounds_.push_back(move.children);
  pass(Phase::kPick);
  return {};
}

Ruling GameRules::apply(const OpenLeaves& move) {
  IMO_TRY_VOID(check_turn(Phase::kOpenLeaves));
  const unsigned bits = group_bits(dispute_.height);
  const std::size_t size = move.leaves.size();
  if (size % kLeafBytes != 0 || size > std::size_t{kLeafBytes} << bits) {
    return refuse("BadLeafLength");
  }
  std::vector<Hash32> hashes = crypto::merkle_leaves(move.leaves, kLeafBytes);
  hashes.resize(std::size_t{1} << bits);
  IMO_TRY(const Hash32 node, node_above(hashes, bits));
  IMO_TRY_VOID(check_chosen(move.about, node, move.siblings));
  dispute_.standing = pair_hash(move.about, node);
  leaves_ = move.leaves;
  pass(Phase::kStep);
  return {};
}

Ruling GameRules::apply(const ComputeStep& move) {
  IMO_TRY_VOID(check_turn(Phase::kStep));
  const bool is_there = !move.leaf.empty();
  const Hash32 leaf_hash = is_there ? crypto::merkle_leaf(move.leaf) : Hash32{};
  IMO_TRY(const Hash32 node, node_above_leaf(move.spot, leaf_hash, move.siblings));
  IMO_TRY_VOID(check_standing(move.subject.about(), node));
  IMO_TRY_VOID(check_challenger());
  if (is_there && move.leaf.size() != kLeafBytes) return refuse("BadLeafLength");
  IMO_TRY_VOID(shape_of(move.subject.claim, move.subject.model));
  const Place place = place_of(move.spot);
  IMO_TRY(const bool is_right, judged(check_step(step_claim(move.subject.claim, move.subject.model),
                                                 place, leaf_hash, move.leaf, move.witness)));
  point(place);
  end(is_right ? Phase::kOperatorWon : Phase::kChallengerWon);
  return {};
}

Ruling GameRules::apply(const AskSums& move) {
  IMO_TRY_VOID(check_turn(Phase::kStep));
  const Hash32 about = about_of_sender(move.rest);
  IMO_TRY_VOID(check_standing(about, move.node));
  IMO_TRY(const Hash32 node, node_above_leaf(move.spot, move.leaf_hash, move.siblings));
  if (node != move.node) return refuse("WrongNode");
  if (move.spot.element >= kLeafBytes) return refuse("IndexOutOfRange");
  point(place_of(move.spot));
  dispute_.standing = pair_hash(about, move.leaf_hash);
  pass(Phase::kSums);
  return {};
}

Ruling GameRules::apply(const GiveSums& move) {
  IMO_TRY_VOID(check_turn(Phase::kSums));
  IMO_TRY_VOID(check_standing(move.standing));
  IMO_TRY_VOID(check_operator());
  if (move.sums.size() % kSumBytes != 0 || move.sums.size() > kMaxSumBytes) {
    return refuse("BadSums");
  }
  dispute_.standing =
      pair_hash(move.standing.about(), pair_hash(move.standing.node, crypto::keccak256(move.sums)));
  sums_ = move.sums;
  pass(Phase::kStepSum);
  return {};
}

Ruling GameRules::apply(const ComputeSum& move) {
  IMO_TRY_VOID(check_turn(Phase::kStepSum));
  IMO_TRY_VOID(check_standing(move.subject.about(),
                              pair_hash(move.leaf_hash, crypto::keccak256(move.question.sums))));
  IMO_TRY_VOID(check_challenger());
  IMO_TRY_VOID(named(check_question(move.question, move.leaf_hash)));
  IMO_TRY_VOID(shape_of(move.subject.claim, move.subject.model));
  const Place place{dispute_.leaf_index, static_cast<std::uint32_t>(dispute_.element)};
  IMO_TRY(const bool is_right,
          judged(check_step_sum(step_claim(move.subject.claim, move.subject.model), place,
                                move.question, move.witness)));
  end(is_right ? Phase::kOperatorWon : Phase::kChallengerWon);
  return {};
}

Ruling GameRules::apply(const Timeout& move) {
  if (!is_live(dispute_.phase)) return refuse("WrongPhase");
  IMO_TRY_VOID(check_standing(move.standing));
  if (now_ < dispute_.deadline) return refuse("ClockRunning");
  end(is_challengers_move(dispute_.phase) ? Phase::kOperatorWon : Phase::kChallengerWon);
  return {};
}

Ruling GameRules::apply(const Settle& move) {
  if (!is_live(dispute_.phase)) return refuse("WrongPhase");
  IMO_TRY_VOID(check_standing(move.standing));
  if (!is_struck_down_) return refuse("ClaimStands");
  end(Phase::kMoot);
  return {};
}

}  // namespace imo::opml
