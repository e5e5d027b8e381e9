// What the dearest step of each kind of operator costs on a chain, and a dispute that ends in one:
// whole games through the real contracts, about programs of the size of real ones. The trace is
// made up, leaf by leaf as somebody asks, because a true one would not fit a test: what a step
// costs depends on how many bytes it reads and how many of them are zero, not on what they mean.
// So no byte is zero here that the bounds of its operator allow to be something else.

#include "imo/crypto/merkle.hpp"
#include "imo/eth/transaction.hpp"
#include "imo/eth/units.hpp"
#include "imo/market/abi/DisputeGame.hpp"
#include "imo/market/abi/ModelRegistry.hpp"
#include "imo/market/abi/OperatorRegistry.hpp"
#include "imo/market/abi/Oracle.hpp"
#include "imo/market/packed_tokens.hpp"
#include "imo/model/architecture.hpp"
#include "imo/node/dispute.hpp"
#include "imo/node/test_world.hpp"
#include "imo/opml/element.hpp"
#include "imo/opml/game.hpp"

#include <map>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace imo::node {
namespace {

namespace game = market::abi::dispute_game;
namespace models = market::abi::model_registry;
namespace operators = market::abi::operator_registry;
namespace oracle = market::abi::oracle;
using model::kNone;
using model::Operator;
using model::OperatorKind;
using opml::ClaimTokens;
using opml::Leaf;
using opml::Phase;
using opml::Place;
using opml::TensorLayout;
using opml::TraceShape;
using test::must;

constexpr std::uint32_t kContext = 4096;
constexpr std::uint32_t kHead = model::kMaxHeadDimension;
constexpr std::uint32_t kRows = 1U << 14;  ///< of every matrix

/// What costs depend on.
struct Size {
  std::uint32_t heads = 0;  ///< of 512 elements: rows of `heads` * 512
  std::uint32_t operators = 0;
  std::uint32_t vocabulary = 0;
  std::uint32_t prompt = 0;
  std::uint32_t output = 0;
};

/// The same number gives the same bits.
std::uint64_t scatter(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9;
  x = (x ^ x >> 27) * 0x94D049BB133111EB;
  return x ^ x >> 31;
}

/// Weights that are used by one matrix of a program, and tables.
struct Storage {
  std::vector<std::int8_t> weights;
  std::vector<std::uint32_t> multipliers;
  std::vector<std::int64_t> biases;
  std::vector<std::int32_t> exp;
  std::vector<std::int16_t> rope;
  std::vector<std::int16_t> silu;
};

std::shared_ptr<const Storage> make_storage(std::uint32_t columns) {
  auto made = std::make_shared<Storage>();
  made->weights.resize(std::size_t{kRows} * columns);
  for (std::size_t i = 0; i < made->weights.size(); ++i) {
    made->weights[i] = static_cast<std::int8_t>(1 + scatter(i) % model::kWeightMax);
  }
  made->multipliers.assign(kRows, model::kRowMultiplierMax);
  made->biases.assign(kRows, -1);
  made->exp.assign(model::kExpEntries, 0x0FFFFF);
  made->rope.assign(std::size_t{kContext} * kHead, 0x3FFF);
  made->silu.assign(model::kActivationEntries, 0x7FFF);
  return made;
}

/// A program with an operator of every kind; more operators than are named here make its tree as
/// high as a real one's.
struct LargeProgram {
  explicit LargeProgram(const Size& size) : storage_(make_storage(size.heads * kHead)) {
    const std::uint32_t width = size.heads * kHead;
    program.context_length = kContext;
    program.vocabulary_size = size.vocabulary;
    program.layers = 1;
    program.vocabulary.kind = model::TokenizerKind::kSentencePiece;
    program.tensors.push_back(
        {"matrix", kRows, width, storage_->weights, storage_->multipliers, storage_->biases});
    program.tensors.resize(512, {"small",
                                 1,
                                 1,
                                 std::span(storage_->weights).first(1),
                                 std::span(storage_->multipliers).first(1),
                                 {}});
    program.tables.push_back({model::TableKind::kExp, model::kExpFraction, {}, storage_->exp});
    program.tables.push_back({model::TableKind::kRope, model::kRopeFraction, storage_->rope, {}});
    program.tables.push_back({model::TableKind::kSilu, 12, storage_->silu, {}});
    program.storage = storage_;
    add_layer(width, size.heads);
    while (program.operators.size() < size.operators - 3) push(program.operators[at.at("Add")]);
    program.tail = static_cast<std::uint32_t>(program.operators.size());
    const auto logits = push({.kind = OperatorKind::kMatMul,
                              .inputs = {at.at("Scale"), kNone},
                              .tensor = 0,
                              .width = size.vocabulary,
                              .shift = 20,
                              .bits = model::kResidualBits});
    const std::uint32_t blocks = 2 * size.vocabulary / model::kArgmaxBlock;
    const auto best =
        push({.kind = OperatorKind::kBlockMax, .inputs = {logits, kNone}, .width = blocks});
    push({.kind = OperatorKind::kArgmax, .inputs = {best, kNone}, .width = 1});
  }

  model::Program program;
  std::map<std::string_view, std::uint32_t> at;  ///< the first operator of each kind

 private:
  std::uint32_t push(const Operator& op) {
    program.operators.push_back(op);
    const auto index = static_cast<std::uint32_t>(program.operators.size() - 1);
    at.try_emplace(model::operator_kind_name(op.kind), index);
    return index;
  }

  void add_layer(std::uint32_t width, std::uint32_t heads) {
    using K = OperatorKind;
    const auto add = [](K kind, std::array<std::uint32_t, 2> inputs, std::uint32_t row,
                        std::uint8_t shift = 0, unsigned bits = 0) {
      return Operator{.kind = kind,
                      .inputs = inputs,
                      .width = row,
                      .shift = shift,
                      .bits = static_cast<std::uint8_t>(bits)};
    };
    const auto with_heads = [heads](Operator op) {
      op.groups = op.kv_groups = heads;
      return op;
    };
    const auto of = [](Operator op, std::uint32_t tensor, std::uint32_t table) {
      op.tensor = tensor;
      op.table = table;
      return op;
    };
    const auto residual = push(of(add(K::kEmbed, {kNone, kNone}, width, 8, 31), 0, kNone));
    const auto narrow = push(add(K::kNarrow, {residual, kNone}, width, 6, model::kNarrowBits));
    const auto squares = push(add(K::kSumSquares, {narrow, kNone}, 1));
    const auto root = push(add(K::kRoot, {squares, kNone}, 1));
    Operator reciprocal = add(K::kReciprocal, {root, kNone}, 1);
    reciprocal.constant = model::kNormReciprocal;
    const auto inverse = push(reciprocal);
    Operator scale = add(K::kScale, {narrow, inverse}, width, 26, model::kActivationBits);
    scale.groups = 1;
    const auto in = push(scale);
    const auto x = push(of(add(K::kMatMul, {in, kNone}, width, 32, 15), 0, kNone));
    Operator turn = of(add(K::kRope, {x, kNone}, width, model::kRopeFraction, 15), kNone, 1);
    turn.groups = heads;
    turn.pairing = static_cast<std::uint8_t>(model::RopePairing::kHalfSplit);
    turn.rotated = kHead;
    const auto q = push(turn);
    Operator scores = with_heads(add(K::kScores, {q, q}, heads, 34, model::kScoreBits));
    scores.multiplier = model::kScoreMultiplierMax;
    const auto z = push(scores);
    const auto max = push(add(K::kRowMax, {z, kNone}, heads));
    const auto e = push(of(add(K::kExp, {z, max}, heads), kNone, 0));
    push(add(K::kRowSum, {e, kNone}, heads));
    push(with_heads(add(K::kMix, {e, x}, width)));
    const auto active = push(of(add(K::kActivation, {x, kNone}, width), kNone, 2));
    push(add(K::kMultiply, {active, x}, width, 15, model::kActivationBits));
    push(add(K::kAdd, {residual, residual}, width));
  }

  std::shared_ptr<const Storage> storage_;
};

/// A trace of made-up values. Leaves that were read so far have their place in the tree; what
/// stands beside them there is made up as well.
class SparseTrace final : public opml::Trace {
 public:
  SparseTrace(const model::Program& program, std::uint32_t positions, engine::TokenId choice)
      : program_(program),
        shape_(TraceShape::of(program, positions)),
        choice_(shape_.leaf_index(shape_.operators - 1, 0)),
        token_(choice) {
    touched_.insert(choice_);
  }

  [[nodiscard]] const TraceShape& shape() const override { return shape_; }

  [[nodiscard]] Leaf leaf(std::uint64_t leaf_index) const override {
    if (touched_.insert(leaf_index).second) nodes_.clear();
    Leaf made{};
    const auto op = static_cast<std::uint32_t>(shape_.operator_of(leaf_index));
    const std::uint64_t number = shape_.leaf_of(leaf_index);
    const auto layout = TensorLayout::of(program_.operators[op], op, shape_);
    const unsigned size = layout.element_bytes(number);
    for (std::uint32_t i = 0; i < layout.elements_in(number); ++i) {
      const bool is_choice = leaf_index == choice_;
      const std::int64_t value =
          is_choice ? token_ : some_value(program_.operators[op].kind, size, leaf_index << 7 | i);
      opml::write_element(std::span(made).subspan(std::size_t{i} * size, size), value);
    }
    return made;
  }

  [[nodiscard]] Hash32 node(unsigned height, std::uint64_t index) const override {
    const auto first = touched_.lower_bound(index << height);
    if (first == touched_.end()) return crypto::merkle_padding(height);
    // A round reveals all that its nodes are made of, and nothing below them but on its path.
    const bool ends_round = height == 0 || (shape_.height() - height) % opml::kRoundBits == 0;
    if (height == 0 && !has_leaf(index)) return {};
    if (*first >> height != index && ends_round) return made_up(height, index);
    if (height == 0) return crypto::merkle_leaf(leaf(index));
    const auto [known, is_new] = nodes_.try_emplace({height, index});
    if (is_new) {
      const Hash32 left = node(height - 1, 2 * index);
      known->second = crypto::merkle_node(left, node(height - 1, 2 * index + 1));
    }
    return known->second;
  }

  /// Reads the leaves that are opened with this one, so that they have their places in the tree.
  void touch_group(std::uint64_t leaf_index) const {
    const std::uint64_t count = std::uint64_t{1} << opml::group_bits(shape_.height());
    const std::uint64_t first = leaf_index / count * count;
    for (std::uint64_t index = first; index < first + count; ++index) {
      if (has_leaf(index)) static_cast<void>(leaf(index));
    }
  }

 private:
  [[nodiscard]] bool has_leaf(std::uint64_t leaf_index) const {
    const std::uint64_t op = shape_.operator_of(leaf_index);
    if (op >= shape_.operators) return false;
    const auto index = static_cast<std::uint32_t>(op);
    return shape_.leaf_of(leaf_index) <
           TensorLayout::of(program_.operators[index], index, shape_).leaves();
  }

  /// As far from zero as the operator's bounds let it be, and different from place to place.
  static std::int64_t some_value(OperatorKind kind, unsigned size, std::uint64_t place) {
    const auto any = static_cast<std::int64_t>(scatter(place) % 0x3FF);
    switch (kind) {
      case OperatorKind::kReciprocal:
        return 0x0101'0101'0101 >> 8;  // times 19 bits: under 2^60
      case OperatorKind::kRoot:
      case OperatorKind::kSumSquares:
      case OperatorKind::kRowSum:
        return 0x0101'0101 + any;
      case OperatorKind::kExp:
        return 0x0F0101 + any;
      case OperatorKind::kScores:
        return -0x7FFFFF + any;
      case OperatorKind::kBlockMax:
        return place % 2 == 0 ? -0x7FFFFF + any : 0x030101 + any;
      default:
        return size == 2 ? -0x7F7F + any : -0x070707 + any;
    }
  }

  static Hash32 made_up(unsigned height, std::uint64_t index) {
    Hash32 hash;
    for (std::size_t i = 0; i < hash.bytes.size(); ++i) {
      hash.bytes[i] = static_cast<std::uint8_t>(1 + scatter(index << 16 | height << 8 | i) % 255);
    }
    return hash;
  }

  const model::Program& program_;
  TraceShape shape_;
  std::uint64_t choice_;
  engine::TokenId token_;
  mutable std::set<std::uint64_t> touched_;
  mutable std::map<std::pair<unsigned, std::uint64_t>, Hash32> nodes_;  ///< on paths to touched_
};

/// The trace of a challenger who says that one element of another's is wrong: all that he needs to
/// prove it is the same in both.
class OtherTrace final : public opml::Trace {
 public:
  /// `byte` of the leaf is in the element that is wrong.
  OtherTrace(const SparseTrace& theirs, std::uint64_t leaf_index, std::size_t byte)
      : theirs_(theirs), leaf_index_(leaf_index), byte_(byte) {}

  [[nodiscard]] const TraceShape& shape() const override { return theirs_.shape(); }
  [[nodiscard]] Leaf leaf(std::uint64_t leaf_index) const override {
    Leaf leaf = theirs_.leaf(leaf_index);
    if (leaf_index == leaf_index_) leaf.at(byte_) ^= 1;
    return leaf;
  }
  [[nodiscard]] Hash32 node(unsigned height, std::uint64_t index) const override {
    return theirs_.node(height, index);
  }

 private:
  const SparseTrace& theirs_;
  std::uint64_t leaf_index_;
  std::size_t byte_;
};

/// One dispute, as it was paid for.
struct Cost {
  std::string name;
  std::size_t witness = 0;  ///< bytes
  std::uint64_t step = 0;   ///< gas
  std::uint64_t whole = 0;  ///< gas of both sides, from the opening to the verdict
  unsigned transactions = 0;
  std::string moves;  ///< "open 160000, commit 100000,"
};

class GasMeter {
 public:
  explicit GasMeter(const Size& size) : size_(size), large_(size) {
    models::Registration registration;
    registration.model_root = prover_.opening().root();
    registration.licence = "MIT";
    registration.context_length = kContext;
    registration.vocabulary_size = size.vocabulary;
    registration.end_token = kNone;
    const auto receipt = must(
        world_.author.transact(world_.deployment.model_registry, models::register_(registration)));
    model_id_ = must(eth::find_event<models::events::ModelRegistered>(
                         receipt, world_.deployment.model_registry))
                    .model_id;
    must(world_.operator_wallet.transact(world_.deployment.operator_registry,
                                         operators::register_(""), U256(1'000) * eth::kEther));
    bond_ = must(world_.client.call(world_.deployment.dispute_game, game::challenger_bond()));
    for (std::uint32_t i = 0; i < size.prompt + size.output; ++i) {
      auto& part = i < size.prompt ? tokens_.prompt : tokens_.output;
      // The greatest tokens, but for those whose weights are there to be read.
      part.push_back(i + 1 < size.prompt ? size.vocabulary - 1 - i % 128 : kRows - 1);
    }
    tokens_.output_position = size.output - 1;
  }

  [[nodiscard]] const LargeProgram& large() const { return large_; }

  /// Plays a dispute down to the dearest of some elements of `op`, which is false, and to its end.
  /// Rows of more than `long_row` columns are asked for their sums.
  Cost measure(std::string_view name, std::uint32_t op, bool of_values = false,
               std::uint32_t long_row = ~std::uint32_t{0}) {
    const Place place = dearest(op, of_values);
    const SparseTrace trace = trace_of(place);
    Cost cost;
    cost.name = name;
    const auto request = answer();
    pay(cost, challenger_, open_call(request, prover_.opening().root(), tokens_.output_position),
        bond_);
    const std::uint64_t id = request.id;  // one dispute a request
    while (opml::is_live(must(dispute_state(world_.client, world_.deployment, id)).phase)) {
      const auto dispute = must(read_dispute(world_.client, world_.deployment, id));
      if (!opml::is_challengers_move(dispute.view.dispute.phase)) {
        auto move = must(opml::operator_move(prover_, trace, dispute.view)).value();
        if (auto* sums = std::get_if<opml::GiveSums>(&move)) falsify(sums->sums);
        pay(cost, world_.operator_wallet, call_of(id, move));
        continue;
      }
      const opml::Move move = towards(place, trace, dispute.view, long_row);
      cost.step = pay(cost, challenger_, call_of(id, move));
      if (const auto* step = std::get_if<opml::ComputeStep>(&move)) {
        cost.witness = step->witness.size();
      } else if (const auto* sum = std::get_if<opml::ComputeSum>(&move)) {
        cost.witness = sum->witness.size();
      }
    }
    EXPECT_EQ(must(dispute_state(world_.client, world_.deployment, id)).phase,
              Phase::kChallengerWon)
        << name;
    withdraw();
    return cost;
  }

 private:
  /// From the middle on, so that a sum is to be computed: that takes a larger witness than the
  /// element from true ones.
  static void falsify(Bytes& sums) {
    const std::size_t count = sums.size() / opml::kSumBytes;
    for (std::size_t i = count / 2; i < count; ++i) {
      const auto sum = std::span(sums).subspan(i * opml::kSumBytes, opml::kSumBytes);
      opml::write_element(sum, opml::read_element(sum) + 1);
    }
  }

  /// After everything that the step reads has been read, the tree is settled.
  SparseTrace trace_of(const Place& place) const {
    SparseTrace trace(large_.program, tokens_.positions(), tokens_.output.back());
    trace.touch_group(place.leaf_index);
    must(witness(trace, place));
    return trace;
  }

  Result<Bytes> witness(const SparseTrace& trace, const Place& place) const {
    static_cast<void>(trace.leaf(place.leaf_index));
    const auto made = opml::make_witness(prover_, trace, tokens_, place);
    if (!made) return invalid(std::string(opml::fault_name(made.error())));
    return *made;
  }

  template <typename R>
  std::uint64_t pay(Cost& cost, eth::Wallet& sender, const eth::Call<R>& call,
                    const U256& value = {}) {
    const auto receipt = must(sender.transact(world_.deployment.dispute_game, call, value));
    const std::uint64_t gas = std::max(receipt.gas_used, eth::calldata_floor(*call.data));
    cost.whole += gas;
    cost.moves += fmt::format(" {} {},", call.name, gas);
    ++cost.transactions;
    return gas;
  }

  /// Credits to accounts that are owed nothing yet are the dearest.
  void withdraw() {
    const auto& contracts = world_.deployment;
    for (const Address& account : {challenger_.address(), world_.asker.address()}) {
      must(world_.author.transact(contracts.oracle, oracle::withdraw_for(account)));
    }
  }

  /// Of elements at the last position: its heads, or as many others.
  Place dearest(std::uint32_t op, bool of_values) const {
    const TraceShape shape = TraceShape::of(large_.program, tokens_.positions());
    const auto layout = TensorLayout::of(large_.program.operators[op], op, shape);
    const std::uint32_t last = shape.positions - 1;
    const std::uint64_t size = of_values ? layout.value_width : layout.row_size(last);
    const std::uint64_t candidates = std::min<std::uint64_t>(size, 2 * size_.heads);
    Place best;
    std::uint64_t most = 0;
    for (std::uint64_t i = 0; i < candidates; ++i) {
      const std::uint64_t index = i * size / candidates;
      const std::uint64_t at =
          of_values ? layout.value_offset(index, last) : layout.offset(last, index);
      const std::uint64_t leaf = at / opml::kLeafBytes;
      const Place place{
          shape.leaf_index(op, leaf),
          static_cast<std::uint32_t>(at % opml::kLeafBytes / layout.element_bytes(leaf))};
      const auto cost = eth::calldata_floor(
          must(witness(SparseTrace(large_.program, shape.positions, 0), place)));
      if (cost > most) {
        most = cost;
        best = place;
      }
    }
    return best;
  }

  /// An answer of the operator to a request of its own.
  ChainRequest answer() {
    ChainRequest request;
    request.id = world_.ask(model_id_, {tokens_.prompt, size_.output, eth::kEther, {}, 3600});
    request.model_id = model_id_;
    request.input = market::pack_tokens(tokens_.prompt);
    request.output = market::pack_tokens(tokens_.output);
    request.max_tokens = size_.output;
    oracle::Answer posted;
    posted.question_hash = must(
        world_.client.call(world_.deployment.oracle, oracle::question_hash_of(U256(request.id))));
    posted.output_tokens = request.output;
    must(world_.operator_wallet.transact(world_.deployment.oracle,
                                         oracle::answer(U256(request.id), posted)));
    return request;
  }

  /// The challenger's move to a false element at `place`: the operator's trace is made up, so every
  /// element is false.
  opml::Move towards(const Place& place, const SparseTrace& trace, const opml::GameView& view,
                     std::uint32_t long_row) const {
    const opml::Dispute& dispute = view.dispute;
    const unsigned group = opml::group_bits(dispute.height);
    if (dispute.phase == Phase::kPick) {
      const unsigned left = dispute.height - dispute.depth - group;
      const unsigned levels = std::min(opml::kRoundBits, left);
      const std::uint64_t digits = place.leaf_index >> group >> (left - levels);
      const opml::Standing standing = view.standing();
      return opml::Pick{standing.rest(), standing.node, digits & ((1U << levels) - 1)};
    }
    const auto op = static_cast<std::uint32_t>(trace.shape().operator_of(place.leaf_index));
    const auto layout = TensorLayout::of(large_.program.operators[op], op, trace.shape());
    const unsigned size = layout.element_bytes(trace.shape().leaf_of(place.leaf_index));
    const OtherTrace other(trace, place.leaf_index, std::size_t{place.element} * size);
    return must(opml::challenger_move(prover_, other, view, long_row)).value();
  }

  Size size_;
  LargeProgram large_;
  opml::ModelProver prover_{large_.program};
  ClaimTokens tokens_;
  test::TestWorld world_;
  eth::Wallet challenger_{world_.client, eth::anvil_key(3)};
  U256 model_id_;
  U256 bond_;
};

// 2048 operators, as no model of 80 layers has more; Gemma's vocabulary; a row of the token's that
// is as long as the prompt.
constexpr Size kLargest{11, 2048, 1U << 18, kContext - 1, 1};

TEST(StepGas, TheLargestStepOfEveryKindIsAffordable) {
  GasMeter meter(kLargest);
  std::vector<Cost> costs;
  for (const auto& [name, op] : meter.large().at) costs.push_back(meter.measure(name, op));
  costs.push_back(meter.measure("MixValues", meter.large().at.at("Mix"), true));
  costs.push_back(meter.measure("a sum", meter.large().at.at("MatMul"), false, opml::kLongRow));
  EXPECT_EQ(costs.size(), static_cast<std::size_t>(OperatorKind::kArgmax) + 2);
  for (const Cost& cost : costs) {
    EXPECT_LT(cost.step, 2'000'000U) << cost.name;
    fmt::print("{:<12} {:>6} bytes of witness {:>9} gas\n", cost.name, cost.witness, cost.step);
    RecordProperty(cost.name, std::to_string(cost.step));
  }
}

// The shape of a model of 1B with 256 tokens of prompt and answer each, by the length of the row
// that is contested. The bounds are what was measured, and a twentieth; of 5,632 what it may
// cost at most. See docs/dispute.md.
TEST(StepGas, AWholeDisputeByTheLengthOfTheRow) {
  const std::map<std::uint32_t, std::uint64_t> bounds{
      {4, 1'322'000}, {11, 1'300'000}, {16, 1'465'000}};
  for (const auto& [heads, bound] : bounds) {
    GasMeter meter({heads, 600, 32'000, 256, 256});
    const Cost cost = meter.measure("MatMul", meter.large().at.at("MatMul"), false, opml::kLongRow);
    EXPECT_LE(cost.transactions, 16U);
    EXPECT_LT(cost.whole, bound);
    fmt::print("a row of {:>5}: {} transactions {:>9} gas, of that the step {:>9}\n", heads * kHead,
               cost.transactions, cost.whole, cost.step);
    fmt::print("  {}\n", cost.moves);
    RecordProperty(fmt::format("row{}", heads * kHead), std::to_string(cost.whole));
  }
}

}  // namespace
}  // namespace imo::node
