// Traces: the plain one against the slow twin of the executor, the computed one against the plain
// one, and the tree against one that is hashed from a list of all its places.

#include "imo/base/thread_pool.hpp"
#include "imo/crypto/merkle.hpp"
#include "imo/engine/plain_run.hpp"
#include "imo/model/program_test_support.hpp"
#include "imo/opml/element.hpp"
#include "imo/opml/stored_trace.hpp"
#include "imo/opml/toy_program.hpp"

#include <random>

#include <gtest/gtest.h>

namespace imo::opml {
namespace {

using engine::TokenId;
using engine::testing::plain_run;
using model::OperatorKind;
using model::Program;
using model::testing::tiny_program;

std::vector<TokenId> some_tokens(const Program& program, std::size_t count) {
  std::mt19937 random(static_cast<unsigned>(count));
  std::vector<TokenId> tokens(count);
  for (TokenId& token : tokens) {
    token = model::testing::below(random, program.vocabulary_size);
  }
  return tokens;
}

std::vector<Program> programs() {
  std::vector<Program> all{testing::toy_program(1), testing::toy_program(2)};
  all.push_back(tiny_program().program);
  all.push_back(tiny_program({.architecture = "qwen2",
                              .width = 24,
                              .hidden = 150,
                              .layers = 1,
                              .heads = 3,
                              .kv_heads = 3,
                              .context = 70,
                              .biases = true})
                    .program);
  return all;
}

/// The same from the page, not from TensorLayout: every element in the order of docs/dispute.md.
Bytes tensor_by_hand(const Program& program, const engine::testing::PlainRows& rows,
                     std::uint32_t op) {
  const model::Operator& self = program.operators[op];
  const bool is_tail = op >= program.tail;
  const std::size_t last = rows[op].size() - 1;
  Bytes bytes;
  const auto put = [&](std::int64_t value, std::size_t size) {
    for (std::size_t i = size; i-- > 0;) {
      bytes.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8 * i)));
    }
  };
  if (self.kind == OperatorKind::kMix) {
    for (std::size_t j = 0; j < rows[self.inputs[1]][0].size(); ++j) {
      for (const auto& row : rows[self.inputs[1]]) put(row[j], 2);
    }
    bytes.resize((bytes.size() + 255) / 256 * 256);
  }
  const std::size_t size = std::size_t{1} << static_cast<unsigned>(output_type(self));
  for (std::size_t p = is_tail ? last : 0; p <= last; ++p) {
    for (const std::int64_t value : rows[op][p]) put(value, size);
  }
  bytes.resize((bytes.size() + 255) / 256 * 256);
  return bytes;
}

TEST(PlainTrace, LaysOutWhatTheSlowTwinComputes) {
  for (const Program& program : programs()) {
    for (const std::size_t count : {1U, 2U, 5U, 8U}) {
      const auto tokens = some_tokens(program, count);
      const auto rows = plain_run(program, tokens);
      const auto trace = plain_trace(program, tokens);
      for (std::uint32_t op = 0; op < program.operators.size(); ++op) {
        const BytesView tensor = trace->tensor(op);
        ASSERT_EQ(Bytes(tensor.begin(), tensor.end()), tensor_by_hand(program, rows, op))
            << operator_name(program, op);
      }
      EXPECT_EQ(trace->choice(), static_cast<TokenId>(rows.back().back()[0]));
    }
  }
}

// Every element of every leaf, there and back.
TEST(TensorLayout, ElementsAndOffsetsAreInverse) {
  for (const Program& program : programs()) {
    for (const std::uint32_t positions : {1U, 3U, 8U, std::min(program.context_length, 70U)}) {
      const TraceShape shape = TraceShape::of(program, positions);
      for (std::uint32_t op = 0; op < shape.operators; ++op) {
        const TensorLayout layout = TensorLayout::of(program.operators[op], op, shape);
        for (std::uint64_t leaf = 0; leaf < layout.leaves(); ++leaf) {
          ASSERT_GT(layout.elements_in(leaf), 0U);
          for (std::uint32_t i = 0; i < layout.elements_in(leaf); ++i) {
            const Element at = layout.element_at(leaf, i);
            const std::uint64_t offset = at.is_value ? layout.value_offset(at.index, at.position)
                                                     : layout.offset(at.position, at.index);
            ASSERT_EQ(offset, leaf * kLeafBytes + std::uint64_t{i} * layout.element_bytes(leaf));
          }
        }
      }
    }
  }
}

TEST(ComputedTrace, IsThePlainOne) {
  ThreadPool pool(2);
  for (const Program& program : programs()) {
    const auto model = engine::Model::from_program(program, {});
    ASSERT_TRUE(model) << model.error().message;
    for (const std::size_t count : {1U, 3U, std::min(program.context_length, 70U)}) {
      const auto tokens = some_tokens(program, count);
      const auto plain = plain_trace(program, tokens);
      const auto computed = compute_trace(*model, tokens, count == 3 ? nullptr : &pool);
      ASSERT_TRUE(computed) << computed.error().message;
      ASSERT_EQ((*computed)->root(), plain->root());
      EXPECT_EQ((*computed)->choice(), plain->choice());
      EXPECT_EQ((*computed)->choice_proof(), plain->choice_proof());
      const TraceShape& shape = plain->shape();
      for (std::uint32_t op = 0; op < shape.operators; ++op) {
        const std::uint64_t leaves = plain->layout(op).leaves();
        for (std::uint64_t leaf = 0; leaf <= leaves; ++leaf) {
          const std::uint64_t index = shape.leaf_index(op, leaf);
          ASSERT_EQ((*computed)->leaf(index), plain->leaf(index));
          for (unsigned height = 0; height <= shape.height(); ++height) {
            ASSERT_EQ((*computed)->node(height, index >> height),
                      plain->node(height, index >> height))
                << operator_name(program, op) << " leaf " << leaf << " height " << height;
          }
        }
      }
    }
  }
}

TEST(ComputedTrace, RefusesWhatCannotBeRun) {
  const Program program = testing::toy_program();
  const auto model = engine::Model::from_program(program, {});
  ASSERT_TRUE(model);
  EXPECT_FALSE(compute_trace(*model, {}));
  EXPECT_FALSE(compute_trace(*model, std::vector<TokenId>(program.context_length + 1)));
  EXPECT_FALSE(compute_trace(*model, std::vector<TokenId>{0, program.vocabulary_size}));
}

// Every node of the tree over the toy, hashed from all its places.
TEST(StoredTrace, NodesAreThoseOfOneTreeOverAllPlaces) {
  const Program program = testing::toy_program();
  const auto trace = plain_trace(program, some_tokens(program, 2));
  const TraceShape& shape = trace->shape();
  std::vector<Hash32> level(std::size_t{1} << shape.height());
  for (std::uint32_t op = 0; op < shape.operators; ++op) {
    for (std::uint64_t leaf = 0; leaf < trace->layout(op).leaves(); ++leaf) {
      const std::uint64_t index = shape.leaf_index(op, leaf);
      level[index] = crypto::merkle_leaf(trace->leaf(index));
    }
  }
  for (unsigned height = 0;; ++height) {
    for (std::size_t i = 0; i < level.size(); ++i) ASSERT_EQ(trace->node(height, i), level[i]);
    if (height == shape.height()) break;
    std::vector<Hash32> above;
    for (std::size_t i = 0; i < level.size(); i += 2) {
      above.push_back(crypto::merkle_node(level[i], level[i + 1]));
    }
    level = std::move(above);
  }
}

// docs/dispute.md, Binding: the root from the token and the left siblings alone.
TEST(Trace, ChoiceProofGivesTheRoot) {
  for (const Program& program : programs()) {
    const auto trace = plain_trace(program, some_tokens(program, 3));
    const TraceShape& shape = trace->shape();
    std::array<std::uint8_t, kLeafBytes> leaf{};
    write_element(std::span(leaf).first(4), trace->choice());
    Hash32 node = crypto::merkle_leaf(leaf);
    const auto siblings = trace->choice_proof();
    std::size_t used = 0;
    const std::uint64_t index = shape.leaf_index(shape.operators - 1, 0);
    for (unsigned height = 0; height < shape.height(); ++height) {
      node = (index >> height & 1) != 0 ? crypto::merkle_node(siblings.at(used++), node)
                                        : crypto::merkle_node(node, crypto::merkle_padding(height));
    }
    EXPECT_EQ(used, siblings.size());
    EXPECT_EQ(node, trace->root());
  }
}

TEST(Trace, ChildrenHashToTheirNode) {
  const Program program = testing::toy_program();
  const auto trace = plain_trace(program, some_tokens(program, 4));
  const unsigned group = group_bits(trace->shape().height());
  for (unsigned height = trace->shape().height(); height > group;) {
    const auto children = trace->children(height, 0);
    EXPECT_EQ(crypto::merkle_root(children), trace->node(height, 0));
    height -= std::min(height - group, kRoundBits);
  }
}

// The rounds end with a round of as many levels as the others, or with one of four.
TEST(Trace, GroupsAreWhatRoundsLeaveOver) {
  for (unsigned height = 9; height <= kMaxTreeHeight; ++height) {
    const unsigned group = group_bits(height);
    EXPECT_LE(group, kGroupBits);
    EXPECT_TRUE((height - group) % kRoundBits == 0 || (group == 0 && height % kRoundBits == 4));
  }
}

TEST(StoredTrace, ASetNodeChangesWhatIsAboveItAndNothingElse) {
  const Program program = testing::toy_program();
  const auto tokens = some_tokens(program, 2);
  const auto truth = plain_trace(program, tokens);
  const auto lie = plain_trace(program, tokens);
  lie->set_node(3, 5, Hash32{{1}});
  for (unsigned height = 0; height <= truth->shape().height(); ++height) {
    for (std::uint64_t i = 0; i < 40 && i < 1U << (truth->shape().height() - height); ++i) {
      const bool is_above = height >= 3 && i == 5U >> (height - 3);
      EXPECT_EQ(lie->node(height, i) != truth->node(height, i), is_above) << height << " " << i;
    }
  }
}

// A lie changes its own element; a consistent one what depends on it too, and nothing before.
TEST(PlainTrace, LiesAtOneElement) {
  const Program program = testing::toy_program();
  const auto tokens = some_tokens(program, 3);
  const auto truth = plain_trace(program, tokens);
  const std::uint32_t op = 5;  // the first norm's Scale
  const Lie lie{op, 0, 4, truth->element(op, 0, 4) > 0 ? -30000 : 30000};
  const auto alone = plain_trace(program, tokens, lie, false);
  const auto consistent = plain_trace(program, tokens, lie, true);
  EXPECT_EQ(alone->element(op, 0, 4), lie.value);
  EXPECT_EQ(consistent->element(op, 0, 4), lie.value);
  std::size_t changed = 0;
  for (std::uint32_t i = 0; i < truth->shape().operators; ++i) {
    const auto bytes = [i](const StoredTrace& trace) {
      const BytesView view = trace.tensor(i);
      return Bytes(view.begin(), view.end());
    };
    EXPECT_EQ(bytes(*alone) != bytes(*truth), i == op);
    EXPECT_TRUE(i >= op || bytes(*consistent) == bytes(*truth));
    if (i > op && bytes(*consistent) != bytes(*truth)) ++changed;
  }
  EXPECT_GT(changed, 5U);
}

TEST(Playable, NamesTheOperatorThatIsTooLarge) {
  Program program = testing::toy_program();
  EXPECT_TRUE(check_playable(program, 8));
  EXPECT_FALSE(check_playable(program, 0));
  EXPECT_FALSE(check_playable(program, 9));
  program.operators[6].width = 1U << 20;
  const auto refused = check_playable(program, 2);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("6 layer 0 MatMul"), std::string::npos)
      << refused.error().message;
  program = testing::toy_program();
  program.operators[3].kind = static_cast<OperatorKind>(19);
  const auto unknown = check_playable(program, 2);
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("does not know its kind"), std::string::npos);
}

TEST(Playable, RefusesGpt2) {
  const auto compiled =
      model::testing::tiny_program({.architecture = "gpt2", .heads = 4, .kv_heads = 4});
  const auto refused = check_playable(compiled.program, 2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(
      refused.error().message,
      "operator 1 Position position_embd cannot be disputed: the step does not know its kind");
}

TEST(Playable, RefusesGroupedWeights) {
  Program program = model::testing::tiny_program(model::testing::grouped_shape(), 4).program;
  const auto gain = check_playable(program, 2);
  ASSERT_FALSE(gain);
  EXPECT_EQ(gain.error().message,
            "operator 6 layer 0 Gain cannot be disputed: the step does not know its kind");
  for (model::Operator& op : program.operators) {
    if (op.kind == OperatorKind::kGain) op.kind = OperatorKind::kMultiply;
  }
  const auto product = check_playable(program, 2);
  ASSERT_FALSE(product);
  EXPECT_EQ(product.error().message,
            "operator 7 layer 0 GroupedMatMul blk.0.attn_q cannot be disputed: the step does not "
            "know its kind");
}

TEST(Playable, RefusesTreesThatTheContractRefuses) {
  // 28 levels below each operator at 2^14 positions, which leaves 20 above.
  Program program = testing::toy_program();
  program.context_length = kMaxPositions;
  program.operators.resize(1U << 20, program.operators.back());
  EXPECT_EQ(TraceShape::of(program, kMaxPositions).height(), kMaxTreeHeight);
  EXPECT_TRUE(check_playable(program, kMaxPositions));
  program.operators.push_back(program.operators.back());
  const auto refused = check_playable(program, kMaxPositions);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("49 levels, and 48 is the most"), std::string::npos)
      << refused.error().message;
  EXPECT_TRUE(check_playable(program, kMaxPositions / 2)) << "a shorter dispute is lower";
}

TEST(Playable, AnAnswerIsDefendableWhenEveryTokenIs) {
  Program program = testing::toy_program();
  program.context_length = 2 * kMaxPositions;
  EXPECT_TRUE(check_defendable(program, 1, 1));
  EXPECT_TRUE(check_defendable(program, 3, kMaxPositions - 2));
  EXPECT_FALSE(check_defendable(program, 3, kMaxPositions - 1));
  // 129 heads fit the tree over 2^n - 1 positions and not over 2^n.
  for (model::Operator& op : program.operators) {
    if (op.kind == OperatorKind::kScores) op.width = 128;
  }
  EXPECT_TRUE(check_playable(program, 511));
  EXPECT_FALSE(check_playable(program, 512));
  EXPECT_TRUE(check_playable(program, 513));
  EXPECT_TRUE(check_defendable(program, 500, 12)) << "511 positions are before the last token";
  EXPECT_FALSE(check_defendable(program, 500, 20)) << "the 13th has 512 before it";
  EXPECT_FALSE(check_defendable(program, 512, 1));
}

}  // namespace
}  // namespace imo::opml
