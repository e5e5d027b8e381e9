#include "imo/opml/toy_program.hpp"

#include "imo/base/check.hpp"
#include "imo/model/architecture.hpp"
#include "imo/model/program_check.hpp"

#include <deque>
#include <memory>
#include <random>
#include <string>

namespace imo::opml::testing {
namespace {

using model::kNone;
using model::Operator;
using model::OperatorKind;
using model::TableKind;

constexpr std::uint32_t kWidth = 6;
constexpr std::uint32_t kHeads = 2;
constexpr std::uint32_t kKvHeads = 1;
constexpr std::uint32_t kHead = kWidth / kHeads;
constexpr std::uint32_t kRotated = 2;  ///< of 3: a head has elements that do not turn
constexpr std::uint32_t kContext = 8;
constexpr std::uint32_t kVocabulary = 5;

struct Storage {
  std::deque<std::vector<std::int8_t>> weights;
  std::deque<std::vector<std::uint32_t>> multipliers;
  std::deque<std::vector<std::int64_t>> biases;
  std::vector<std::int32_t> exp;
  std::vector<std::int16_t> rope;
  std::vector<std::int16_t> silu;
};

class ToyBuilder {
 public:
  ToyBuilder(std::uint32_t seed, std::uint32_t hidden)
      : random_(seed), hidden_(hidden), storage_(std::make_shared<Storage>()) {}

  model::Program build() {
    program_.context_length = kContext;
    program_.vocabulary_size = kVocabulary;
    program_.layers = 1;
    program_.name = "toy";
    program_.vocabulary.kind = model::TokenizerKind::kSentencePiece;
    for (std::uint32_t i = 0; i < kVocabulary; ++i) {
      program_.vocabulary.entries.push_back({std::string(1, static_cast<char>('a' + i))});
    }
    add_tables();

    Operator embed{.kind = OperatorKind::kEmbed, .width = kWidth, .shift = 8, .bits = 31};
    embed.tensor = add_tensor(kVocabulary, kWidth, false);
    residual_ = push(embed);
    layer_ = 0;
    attention();
    feed_forward();
    layer_ = model::kNoLayer;
    program_.tail = static_cast<std::uint32_t>(program_.operators.size());
    const std::uint32_t logits = matmul(norm(), kWidth, kVocabulary, model::kResidualBits);
    const std::uint32_t blocks =
        push({.kind = OperatorKind::kBlockMax, .inputs = {logits, kNone}, .width = 2});
    push({.kind = OperatorKind::kArgmax, .inputs = {blocks, kNone}, .width = 1});
    program_.storage = storage_;
    const auto checked = model::check_program(program_);
    IMO_CHECK(checked, "the toy is a program");
    return std::move(program_);
  }

 private:
  std::int32_t between(std::int32_t low, std::int32_t high) {
    const auto span = static_cast<std::uint32_t>(high - low) + 1;
    return low + static_cast<std::int32_t>(random_() % span);
  }

  std::uint32_t push(Operator op) {
    op.layer = layer_;
    program_.operators.push_back(op);
    return static_cast<std::uint32_t>(program_.operators.size() - 1);
  }

  void add_tables() {
    // Not the true functions, whose tables are mostly flat: every entry differs from those near it.
    for (std::uint32_t i = 0; i < model::kExpEntries; ++i) {
      storage_->exp.push_back((1 << model::kExpFraction) - static_cast<std::int32_t>(15 * i));
    }
    for (std::uint32_t i = 0; i < kContext * kRotated; ++i) {
      storage_->rope.push_back(static_cast<std::int16_t>(between(-16384, 16384)));
    }
    for (std::uint32_t i = 0; i < model::kActivationEntries; ++i) {
      storage_->silu.push_back(static_cast<std::int16_t>(between(-32767, 32767)));
    }
    program_.tables.push_back({TableKind::kExp, model::kExpFraction, {}, storage_->exp});
    program_.tables.push_back({TableKind::kRope, model::kRopeFraction, storage_->rope, {}});
    program_.tables.push_back({TableKind::kSilu, 12, storage_->silu, {}});
  }

  std::uint32_t add_tensor(std::uint32_t rows, std::uint32_t columns, bool has_biases) {
    std::vector<std::int8_t> weights(std::size_t{rows} * columns);
    std::vector<std::uint32_t> multipliers(rows);
    std::vector<std::int64_t> biases(has_biases ? rows : 0);
    for (auto& w : weights) w = static_cast<std::int8_t>(between(-127, 127));
    for (auto& m : multipliers) m = static_cast<std::uint32_t>(between(1 << 20, 1 << 23));
    for (auto& b : biases) b = between(-100000, 100000);
    const auto& kept = storage_->weights.emplace_back(std::move(weights));
    const auto& scales = storage_->multipliers.emplace_back(std::move(multipliers));
    const auto& offsets = storage_->biases.emplace_back(std::move(biases));
    const auto index = static_cast<std::uint32_t>(program_.tensors.size());
    program_.tensors.push_back(
        {"toy." + std::to_string(index), rows, columns, kept, scales, offsets});
    return index;
  }

  std::uint32_t matmul(std::uint32_t from, std::uint32_t columns, std::uint32_t rows,
                       unsigned bits) {
    Operator op{.kind = OperatorKind::kMatMul, .inputs = {from, kNone}, .width = rows};
    op.tensor = add_tensor(rows, columns, true);
    // Sums are around 127 32767 columns, multipliers 2^22: a shift that keeps most under the clamp.
    op.shift = bits == model::kResidualBits ? 20 : 32;
    op.bits = static_cast<std::uint8_t>(bits);
    return push(op);
  }

  std::uint32_t narrowed() {
    return push({.kind = OperatorKind::kNarrow,
                 .inputs = {residual_, kNone},
                 .width = kWidth,
                 .shift = 6,
                 .bits = model::kNarrowBits});
  }

  std::uint32_t norm() {
    const std::uint32_t u = narrowed();
    const std::uint32_t squares = push(
        {.kind = OperatorKind::kSumSquares, .inputs = {u, kNone}, .width = 1, .constant = 12345});
    const std::uint32_t root =
        push({.kind = OperatorKind::kRoot, .inputs = {squares, kNone}, .width = 1});
    const std::uint32_t reciprocal = push({.kind = OperatorKind::kReciprocal,
                                           .inputs = {root, kNone},
                                           .width = 1,
                                           .constant = model::kNormReciprocal});
    return push({.kind = OperatorKind::kScale,
                 .inputs = {u, reciprocal},
                 .width = kWidth,
                 .groups = 1,
                 .shift = 26,
                 .bits = model::kActivationBits});
  }

  std::uint32_t rope(std::uint32_t from, std::uint32_t heads, model::RopePairing pairing) {
    return push({.kind = OperatorKind::kRope,
                 .inputs = {from, kNone},
                 .table = 1,
                 .width = heads * kHead,
                 .groups = heads,
                 .shift = model::kRopeFraction,
                 .bits = model::kActivationBits,
                 .pairing = static_cast<std::uint8_t>(pairing),
                 .rotated = kRotated});
  }

  void add(std::uint32_t update) {
    residual_ = push({.kind = OperatorKind::kAdd, .inputs = {residual_, update}, .width = kWidth});
  }

  void attention() {
    const std::uint32_t in = norm();
    const std::uint32_t q = rope(matmul(in, kWidth, kWidth, model::kActivationBits), kHeads,
                                 model::RopePairing::kInterleaved);
    const std::uint32_t k = rope(matmul(in, kWidth, kKvHeads * kHead, model::kActivationBits),
                                 kKvHeads, model::RopePairing::kHalfSplit);
    const std::uint32_t v = matmul(in, kWidth, kKvHeads * kHead, model::kActivationBits);
    Operator scores{.kind = OperatorKind::kScores, .inputs = {q, k}, .width = kHeads};
    scores.groups = kHeads;
    scores.kv_groups = kKvHeads;
    scores.multiplier = 700000;
    scores.shift = 34;
    scores.bits = model::kScoreBits;
    const std::uint32_t z = push(scores);
    const std::uint32_t max =
        push({.kind = OperatorKind::kRowMax, .inputs = {z, kNone}, .width = kHeads});
    const std::uint32_t e =
        push({.kind = OperatorKind::kExp, .inputs = {z, max}, .table = 0, .width = kHeads});
    const std::uint32_t sum =
        push({.kind = OperatorKind::kRowSum, .inputs = {e, kNone}, .width = kHeads});
    const std::uint32_t reciprocal = push({.kind = OperatorKind::kReciprocal,
                                           .inputs = {sum, kNone},
                                           .width = kHeads,
                                           .constant = model::kSoftmaxReciprocal});
    const std::uint32_t mix = push({.kind = OperatorKind::kMix,
                                    .inputs = {e, v},
                                    .width = kWidth,
                                    .groups = kHeads,
                                    .kv_groups = kKvHeads});
    const std::uint32_t mixed = push({.kind = OperatorKind::kScale,
                                      .inputs = {mix, reciprocal},
                                      .width = kWidth,
                                      .groups = kHeads,
                                      .shift = model::kSoftmaxReciprocal,
                                      .bits = model::kActivationBits});
    add(matmul(mixed, kWidth, kWidth, model::kResidualBits));
  }

  void feed_forward() {
    const std::uint32_t in = norm();
    const std::uint32_t gate = matmul(in, kWidth, hidden_, model::kActivationBits);
    const std::uint32_t up = matmul(in, kWidth, hidden_, model::kActivationBits);
    const std::uint32_t active = push(
        {.kind = OperatorKind::kActivation, .inputs = {gate, kNone}, .table = 2, .width = hidden_});
    const std::uint32_t product = push({.kind = OperatorKind::kMultiply,
                                        .inputs = {active, up},
                                        .width = hidden_,
                                        .shift = 15,
                                        .bits = model::kActivationBits});
    add(matmul(product, hidden_, kWidth, model::kResidualBits));
  }

  std::mt19937 random_;
  std::uint32_t hidden_;
  std::shared_ptr<Storage> storage_;
  model::Program program_;
  std::uint16_t layer_ = model::kNoLayer;
  std::uint32_t residual_ = 0;
};

}  // namespace

model::Program toy_program(std::uint32_t seed, std::uint32_t hidden) {
  return ToyBuilder(seed, hidden).build();
}

}  // namespace imo::opml::testing
