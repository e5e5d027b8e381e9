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

void append_word(Bytes& to, const Address& address) {
  append(to, std::array<std::uint8_t, 12>{});
  append(to, address);
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

/// The node above 2^n others.
Hash32 node_above(std::vector<Hash32> nodes) {
  for (unsigned height = 0; nodes.size() > 1; ++height) {
    nodes = crypto::merkle_level_above(nodes, height);
  }
  return nodes.front();
}

/// Of the node that the last pick chose.
unsigned node_height(const Dispute& dispute) {
  return dispute.height - dispute.depth;
}

/// The last pick decided so many levels when the rounds end with it.
unsigned last_levels(const Dispute& dispute) {
  return (dispute.depth - 1) % kRoundBits + 1;
}

/// From the node that the last pick chose, `levels` up.
std::vector<Hash32> siblings_of_choice(const Trace& trace, const Dispute& dispute,
                                       unsigned levels) {
  std::vector<Hash32> siblings;
  for (unsigned level = 0; level < levels; ++level) {
    siblings.push_back(trace.node(node_height(dispute) + level, (dispute.leaf_index >> level) ^ 1));
  }
  return siblings;
}

/// Of leaf `number` in its group.
std::vector<Hash32> siblings_in_group(std::vector<Hash32> nodes, std::uint64_t number) {
  std::vector<Hash32> siblings;
  for (unsigned height = 0; nodes.size() > 1; ++height, number >>= 1) {
    siblings.push_back(nodes[number ^ 1]);
    nodes = crypto::merkle_level_above(nodes, height);
  }
  return siblings;
}

/// Up to the contested leaf, the challenger's trace, behind it what the operator revealed: all that
/// a witness of the contested element reads lies in the operator's tree as well.
class SplicedTrace final : public Trace {
 public:
  SplicedTrace(const Trace& own, const GameView& view, std::uint64_t leaf_index)
      : own_(own), view_(view), leaf_index_(leaf_index), leaves_(view.leaf_hashes()) {}

  [[nodiscard]] const TraceShape& shape() const override { return own_.shape(); }
  [[nodiscard]] Leaf leaf(std::uint64_t leaf_index) const override { return own_.leaf(leaf_index); }

  [[nodiscard]] Hash32 node(unsigned height, std::uint64_t index) const override {
    if (index < leaf_index_ >> height) return own_.node(height, index);
    const unsigned root = view_.dispute.height;
    if (height == root) return view_.trace_root;
    // The round that decided this level, or the opened leaves: what stands right of the path is in
    // there.
    const unsigned group = group_bits(root);
    const bool in_group = height < group;
    const unsigned round = (root - height - 1) / kRoundBits;
    const unsigned top = in_group ? group : root - round * kRoundBits;
    const unsigned bottom = in_group ? 0 : top - std::min(kRoundBits, top - group);
    const std::vector<Hash32>& children = in_group ? leaves_ : view_.rounds[round];
    const std::uint64_t base = leaf_index_ >> top << (top - bottom);
    const std::uint64_t first = (index << (height - bottom)) - base;
    const std::uint64_t count = std::uint64_t{1} << (height - bottom);
    if (first >= children.size()) return own_.node(height, index);  // behind anything that is read
    const auto begin = children.begin() + static_cast<std::ptrdiff_t>(first);
    return node_above({begin, begin + static_cast<std::ptrdiff_t>(count)});
  }

 private:
  const Trace& own_;
  const GameView& view_;
  std::uint64_t leaf_index_;
  std::vector<Hash32> leaves_;
};

Subject committed_subject(const ModelProver& model, const GameView& view) {
  return {view.sides, GameClaim::of(model.opening().root(), view.trace_root, view.tokens),
          model.opening()};
}

tl::unexpected<Error> no_witness(const Place& place, StepFault fault) {
  return fail(ErrorKind::kVerification,
              fmt::format("no witness for element {} of leaf {}: {}", place.element,
                          place.leaf_index, fault_name(fault)));
}

NextMove commit_move(const ModelProver& model, const Trace& trace, const GameView& view) {
  const engine::TokenId claimed = view.tokens.output[view.tokens.output_position];
  if (trace.choice() != claimed) {
    return fail(ErrorKind::kVerification,
                fmt::format("the model writes token {} at output position {}, the claim says {}: "
                            "it cannot be defended",
                            trace.choice(), view.tokens.output_position, claimed));
  }
  return Commit{committed_subject(model, view), claimed, trace.choice_proof(),
                trace.children(trace.shape().height(), 0)};
}

/// How many leaves of its own a trace has in the group from `first` on.
std::uint64_t leaves_in_group(const model::Program& program, const TraceShape& shape,
                              std::uint64_t first) {
  if (shape.operator_of(first) >= shape.operators) return 0;
  const auto index = static_cast<std::uint32_t>(shape.operator_of(first));
  const std::uint64_t leaves = TensorLayout::of(program.operators[index], index, shape).leaves();
  const std::uint64_t at = shape.leaf_of(first);
  const std::uint64_t most = std::uint64_t{1} << group_bits(shape.height());
  return at >= leaves ? 0 : std::min(most, leaves - at);
}

std::uint64_t first_of_group(const Dispute& dispute) {
  return dispute.leaf_index << group_bits(dispute.height);
}

NextMove open_move(const ModelProver& model, const Trace& trace, const GameView& view) {
  const std::uint64_t first = first_of_group(view.dispute);
  const std::uint64_t count = leaves_in_group(model.program(), trace.shape(), first);
  Bytes leaves;
  for (std::uint64_t i = 0; i < count; ++i) append(leaves, trace.leaf(first + i));
  return OpenLeaves{view.standing().about(), std::move(leaves),
                    siblings_of_choice(trace, view.dispute, last_levels(view.dispute))};
}

/// Whoever asks for an element that there is not gets no sums, and can do nothing with them.
NextMove sums_move(const ModelProver& model, const Trace& trace, const GameView& view) {
  const Place place{view.dispute.leaf_index, static_cast<std::uint32_t>(view.dispute.element)};
  return GiveSums{view.standing(), make_sums(model, trace, view.tokens, place).value_or(Bytes{})};
}

NextMove pick_move(const Trace& trace, const GameView& view) {
  const std::vector<Hash32> own =
      trace.children(node_height(view.dispute), view.dispute.leaf_index);
  if (view.rounds.empty() || view.rounds.back().size() != own.size()) {
    return fail(ErrorKind::kVerification, "the revealed nodes are not those of this round");
  }
  const std::vector<Hash32>& theirs = view.rounds.back();
  const auto differs = std::mismatch(own.begin(), own.end(), theirs.begin()).first;
  if (differs == own.end()) {
    return fail(ErrorKind::kVerification, "the operator's trace is the model's own");
  }
  const Standing standing = view.standing();
  return Pick{standing.rest(), standing.node, static_cast<std::uint64_t>(differs - own.begin())};
}

/// The bytes that are claimed to be leaf `number` of the group; none where none is.
Bytes claimed_leaf(const GameView& view, std::uint64_t number) {
  if (number >= view.leaves.size() / kLeafBytes) return {};
  const BytesView leaf = BytesView(view.leaves).subspan(number * kLeafBytes, kLeafBytes);
  return {leaf.begin(), leaf.end()};
}

/// The first place of the group where leaves differ: an element, or a leaf that only one side has.
Result<Spot> find_spot(const model::Program& program, const Trace& trace, const GameView& view) {
  const TraceShape& shape = trace.shape();
  const std::uint64_t first = first_of_group(view.dispute);
  const std::uint64_t count = leaves_in_group(program, shape, first);
  const std::uint64_t theirs_count = view.leaves.size() / kLeafBytes;
  for (std::uint64_t number = 0; number < std::min(count, theirs_count); ++number) {
    const Leaf own = trace.leaf(first + number);
    const Bytes theirs = claimed_leaf(view, number);
    const auto differs = std::mismatch(own.begin(), own.end(), theirs.begin()).first;
    if (differs == own.end()) continue;
    const auto index = static_cast<std::uint32_t>(shape.operator_of(first));
    const auto layout = TensorLayout::of(program.operators[index], index, shape);
    const auto at = static_cast<std::uint64_t>(differs - own.begin());
    return Spot{number, at / layout.element_bytes(shape.leaf_of(first + number))};
  }
  if (count != theirs_count) return Spot{std::min(count, theirs_count), 0};
  return fail(ErrorKind::kVerification, "the opened leaves are the model's own");
}

/// Whether an element there is that of a row of more than `long_row` weights.
bool is_long(const model::Program& program, const TraceShape& shape, std::uint64_t leaf_index,
             std::uint32_t long_row) {
  const std::uint64_t index = shape.operator_of(leaf_index);
  if (index >= shape.operators) return false;
  const model::Operator& op = program.operators[index];
  return op.kind == model::OperatorKind::kMatMul && program.tensors[op.tensor].columns > long_row;
}

NextMove step_move(const ModelProver& model, const Trace& trace, const GameView& view,
                   std::uint32_t long_row) {
  IMO_TRY(const Spot spot, find_spot(model.program(), trace, view));
  const Place place{first_of_group(view.dispute) + spot.leaf,
                    static_cast<std::uint32_t>(spot.element)};
  const std::vector<Hash32> hashes = view.leaf_hashes();
  std::vector<Hash32> siblings = siblings_in_group(hashes, spot.leaf);
  Bytes leaf = claimed_leaf(view, spot.leaf);
  if (!leaf.empty() && is_long(model.program(), trace.shape(), place.leaf_index, long_row) &&
      make_sums(model, trace, view.tokens, place)) {
    const Standing standing = view.standing();
    return AskSums{standing.rest(), standing.node, spot, hashes[spot.leaf], std::move(siblings)};
  }
  const SplicedTrace spliced(trace, view, place.leaf_index);
  Checked<Bytes> witness = leaf.empty() ? make_place_witness(model, trace.shape(), place.leaf_index)
                                        : make_witness(model, spliced, view.tokens, place);
  if (!witness) return no_witness(place, witness.error());
  return ComputeStep{committed_subject(model, view), spot, std::move(leaf), std::move(siblings),
                     *std::move(witness)};
}

/// The first sum that is not the challenger's, or the element.
SumQuestion question_of(const Bytes& own, const GameView& view, const Bytes& leaf) {
  SumQuestion question{.number = 0, .sums = view.sums, .leaf = {}};
  if (own.size() == view.sums.size()) {
    const auto differs = std::mismatch(own.begin(), own.end(), view.sums.begin()).first;
    question.number = static_cast<std::uint64_t>(differs - own.begin()) / kSumBytes;
  }
  if (question.is_element()) question.leaf = leaf;
  return question;
}

NextMove step_sum_move(const ModelProver& model, const Trace& trace, const GameView& view) {
  const Place place{view.dispute.leaf_index, static_cast<std::uint32_t>(view.dispute.element)};
  const auto own = make_sums(model, trace, view.tokens, place);
  if (!own) return no_witness(place, own.error());
  const std::uint64_t number = place.leaf_index % (1U << group_bits(view.dispute.height));
  SumQuestion question = question_of(*own, view, claimed_leaf(view, number));
  const SplicedTrace spliced(trace, view, place.leaf_index);
  auto witness = make_sum_witness(model, spliced, view.tokens, place, question);
  if (!witness) return no_witness(place, witness.error());
  return ComputeSum{committed_subject(model, view), view.leaf_hashes()[number], std::move(question),
                    *std::move(witness)};
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
  constexpr std::array<std::string_view, 11> kNames{
      "None", "Commit",  "Pick",        "Reveal",        "OpenLeaves", "Step",
      "Sums", "StepSum", "OperatorWon", "ChallengerWon", "Moot"};
  return kNames[static_cast<std::size_t>(phase)];
}

bool is_live(Phase phase) {
  return phase >= Phase::kCommit && phase <= Phase::kStepSum;
}

bool is_challengers_move(Phase phase) {
  return phase == Phase::kPick || phase == Phase::kStep || phase == Phase::kStepSum;
}

std::string_view move_name(const Move& move) {
  constexpr std::array<std::string_view, std::variant_size_v<Move>> kNames{
      "commit",  "pick",     "reveal",  "openLeaves", "step",
      "askSums", "giveSums", "stepSum", "timeout",    "settle"};
  return kNames[move.index()];
}

Hash32 pair_hash(const Hash32& first, const Hash32& second) {
  Bytes words;
  append(words, first);
  append(words, second);
  return crypto::keccak256(words);
}

Hash32 Sides::about(const Hash32& statement) const {
  Bytes words;
  append_word(words, challenger);
  append(words, rest(statement));
  return crypto::keccak256(words);
}

Hash32 Sides::rest(const Hash32& statement) const {
  Bytes words;
  append_word(words, operator_address);
  append_word(words, payer);
  append_word(words, request_id);
  append(words, claim_hash);
  return pair_hash(crypto::keccak256(words), statement);
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

std::vector<Hash32> GameView::leaf_hashes() const {
  std::vector<Hash32> hashes = crypto::merkle_leaves(leaves, kLeafBytes);
  hashes.resize(std::size_t{1} << group_bits(dispute.height));
  return hashes;
}

Standing GameView::standing() const {
  const GameClaim claim = GameClaim::of(model_root, trace_root, tokens);
  if (dispute.height == 0) {
    return {sides, claim.statement(tokens.output.at(tokens.output_position)), {}};
  }
  Standing standing{sides, claim.statement(), {}};
  const std::vector<Hash32> hashes = leaf_hashes();
  const Hash32& contested = hashes[dispute.leaf_index % hashes.size()];
  if (dispute.phase < Phase::kStep) {
    standing.node = node_above(rounds.back());
  } else if (dispute.phase == Phase::kStep) {
    standing.node = node_above(hashes);
  } else if (dispute.phase == Phase::kSums) {
    standing.node = contested;
  } else {
    standing.node = pair_hash(contested, crypto::keccak256(sums));
  }
  return standing;
}

std::optional<Move> closing_move(const GameView& view, std::uint64_t now, bool is_struck_down) {
  if (!is_live(view.dispute.phase)) return std::nullopt;
  if (is_struck_down) return Settle{view.standing()};
  if (now >= view.dispute.deadline) return Timeout{view.standing()};
  return std::nullopt;
}

NextMove operator_move(const ModelProver& model, const Trace& trace, const GameView& view) {
  IMO_TRY_VOID(check_trace(trace, view));
  switch (view.dispute.phase) {
    case Phase::kCommit:
      return commit_move(model, trace, view);
    case Phase::kReveal:
      return Reveal{view.standing().about(),
                    trace.children(node_height(view.dispute), view.dispute.leaf_index),
                    siblings_of_choice(trace, view.dispute, kRoundBits)};
    case Phase::kOpenLeaves:
      return open_move(model, trace, view);
    case Phase::kSums:
      return sums_move(model, trace, view);
    default:
      return std::nullopt;
  }
}

NextMove challenger_move(const ModelProver& model, const Trace& trace, const GameView& view,
                         std::uint32_t long_row) {
  IMO_TRY_VOID(check_trace(trace, view));
  switch (view.dispute.phase) {
    case Phase::kPick:
      return pick_move(trace, view);
    case Phase::kStep:
      return step_move(model, trace, view, long_row);
    case Phase::kStepSum:
      return step_sum_move(model, trace, view);
    default:
      return std::nullopt;
  }
}

}  // namespace imo::opml
