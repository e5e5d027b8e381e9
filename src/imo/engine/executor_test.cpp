// The executor against its slow twin: every row of every operator, on made-up models of many
// shapes, and on programs whose shifts are wrong on purpose so that everything saturates.

#include "imo/engine/executor.hpp"

#include "imo/engine/plain_run.hpp"
#include "imo/engine/session.hpp"
#include "imo/model/program_check.hpp"
#include "imo/model/program_test_support.hpp"

#include <map>
#include <random>

#include <gtest/gtest.h>

namespace imo::engine {
namespace {

using model::ElementType;
using model::Operator;
using model::OperatorKind;
using model::Program;
using model::testing::own_offsets;
using model::testing::own_tensor;
using model::testing::tiny_program;
using model::testing::TinyShape;
using testing::plain_run;
using testing::PlainRows;

std::vector<TokenId> random_tokens(std::size_t count, std::uint32_t vocabulary, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<TokenId> tokens(count);
  for (TokenId& token : tokens) token = static_cast<TokenId>(random() % vocabulary);
  return tokens;
}

std::vector<std::int64_t> widened(const Output& output) {
  std::vector<std::int64_t> row(output.narrow.begin(), output.narrow.end());
  row.insert(row.end(), output.wide.begin(), output.wide.end());
  row.insert(row.end(), output.large.begin(), output.large.end());
  return row;
}

// Runs `tokens` in pieces of `piece` and compares every row with the slow twin's.
void expect_plain(const Program& program, std::span<const TokenId> tokens, const PlainRows& rows,
                  std::size_t piece, const Execution& execution = {}) {
  auto model = Model::from_program(program, {});
  ASSERT_TRUE(model) << model.error().message;
  Session session(*model, execution);
  std::size_t seen = 0;
  session.observe([&](const Output& output) {
    ++seen;
    ASSERT_EQ(widened(output), rows[output.operator_index][output.position])
        << operator_name(program, output.operator_index) << " at position " << output.position;
  });
  for (std::size_t start = 0; start < tokens.size(); start += piece) {
    const std::size_t count = std::min(piece, tokens.size() - start);
    ASSERT_TRUE(session.extend_choosing(tokens.subspan(start, count), 0, [&](const Choice& choice) {
      EXPECT_EQ(choice.greedy, static_cast<TokenId>(rows.back()[choice.position][0]));
      return true;
    }));
  }
  EXPECT_EQ(seen, tokens.size() * program.operators.size());
}

std::vector<TinyShape> shapes() {
  std::vector<TinyShape> all(8);
  all[1].architecture = "qwen2";
  all[1].biases = true;
  all[2] = {.width = 24, .hidden = 50, .layers = 1, .heads = 3, .kv_heads = 3, .tied = false};
  all[3] = {.width = 48, .hidden = 30, .layers = 3, .heads = 2, .kv_heads = 1, .context = 40};
  all[4] = {.architecture = "qwen2", .width = 40, .hidden = 7, .heads = 20, .kv_heads = 5};
  all[5] = {.width = 6, .hidden = 300, .heads = 1, .kv_heads = 1};
  all[6] = {.architecture = "gpt2", .heads = 4, .kv_heads = 4};
  all[7] = {
      .architecture = "gpt2", .width = 40, .hidden = 33, .heads = 5, .kv_heads = 5, .tied = false};
  for (std::size_t i = 0; i < all.size(); ++i) all[i].seed = static_cast<std::uint32_t>(i + 1);
  return all;
}

// With grouped weights: rounded here, or as a file has them; some beside int8, because their rows
// are no whole groups.
std::vector<model::Compiled> grouped_programs() {
  using model::TensorType;
  using model::testing::compile_tiny;
  using model::testing::tiny_model_of_blocks;
  std::vector<model::Compiled> all;
  all.push_back(tiny_program({.width = 64, .hidden = 40}, 4));
  all.push_back(tiny_program({.architecture = "qwen2",
                              .width = 96,
                              .hidden = 160,
                              .heads = 3,
                              .kv_heads = 1,
                              .biases = true},
                             4));
  all.push_back(tiny_program(
      {.architecture = "gpt2", .width = 32, .hidden = 64, .heads = 4, .kv_heads = 4}, 4));
  all.push_back(compile_tiny(
      tiny_model_of_blocks({.width = 64, .hidden = 96, .tied = false}, TensorType::kQ4_0), 4));
  all.push_back(compile_tiny(
      tiny_model_of_blocks({.width = 256, .hidden = 512, .layers = 1}, TensorType::kQ4_K), 4));
  return all;
}

std::vector<model::Compiled> programs() {
  std::vector<model::Compiled> all = grouped_programs();
  for (const TinyShape& shape : shapes()) all.push_back(tiny_program(shape));
  return all;
}

TEST(Executor, IsItsSlowTwinOnEveryShapeAndSplit) {
  for (const model::Compiled& compiled : programs()) {
    const std::uint32_t context = compiled.program.context_length;
    const auto tokens = random_tokens(context, compiled.program.vocabulary_size, context);
    const PlainRows rows = plain_run(compiled.program, tokens);
    for (const std::size_t piece : {1U, 3U, 7U, 32U, 40U}) {
      SCOPED_TRACE(piece);
      expect_plain(compiled.program, tokens, rows, piece);
      if (HasFatalFailure()) return;
    }
  }
}

// Tiny passes are split, too, so that every loop meets every way to share it.
TEST(Executor, EveryKernelOnAnyNumberOfThreadsGivesTheSameBits) {
  for (const model::Compiled& compiled : programs()) {
    const std::uint32_t context = compiled.program.context_length;
    const auto tokens = random_tokens(context, compiled.program.vocabulary_size, context + 1);
    const PlainRows rows = plain_run(compiled.program, tokens);
    for (const Kernels* kernels : available_kernels()) {
      for (const std::size_t threads : {1U, 2U, 3U, 4U}) {
        SCOPED_TRACE(std::string(kernels->name) + " on " + std::to_string(threads));
        ThreadPool pool(threads);
        expect_plain(compiled.program, tokens, rows, 9, {kernels, &pool, 0});
        if (HasFatalFailure()) return;
      }
    }
  }
}

// The scores of a pass take no more memory behind a long context than in a short one, but for the
// least number of rows that still shares the weights.
TEST(Executor, APassIsShorterBehindALongContext) {
  EXPECT_EQ(Executor::room(0), 128U);
  for (std::uint32_t position = 0; position < 5000; ++position) {
    const std::uint32_t rows = Executor::room(position);
    ASSERT_LE(rows, Executor::room(0));
    ASSERT_TRUE(rows == 32 || rows * (position + rows) <= 4096 * 32) << position;
  }
  EXPECT_EQ(Executor::room(1U << 17), 32U);
}

// Smaller shifts make every value larger: clamps everywhere, and still the same bits.
TEST(Executor, IsItsSlowTwinWhenEverythingSaturates) {
  for (const unsigned less : {2U, 5U}) {
    for (model::Compiled& compiled : programs()) {
      for (Operator& op : compiled.program.operators) {
        if (op.kind != OperatorKind::kRope && op.shift > less) {
          op.shift = static_cast<std::uint8_t>(op.shift - less);
        }
      }
      const auto tokens = random_tokens(20, compiled.program.vocabulary_size, less);
      const PlainRows rows = plain_run(compiled.program, tokens);
      std::size_t saturated = 0;
      for (std::size_t i = 0; i < rows.size(); ++i) {
        if (output_type(compiled.program.operators[i]) != ElementType::kInt16) continue;
        for (const auto& row : rows[i]) {
          for (const std::int64_t q : row) saturated += std::abs(q) == 32767 ? 1U : 0U;
        }
      }
      ASSERT_GT(saturated, 100U);
      for (const Kernels* kernels : available_kernels()) {
        expect_plain(compiled.program, tokens, rows, 7, {kernels});
      }
      if (HasFatalFailure()) return;
    }
  }
}

// The greatest weights, multipliers and biases that a program may have.
TEST(Executor, IsItsSlowTwinAtTheEdgeOfItsBounds) {
  TinyShape shape;
  shape.architecture = "qwen2";
  shape.biases = true;
  model::Compiled compiled = tiny_program(shape);
  std::mt19937 random(6);
  for (std::size_t i = 0; i < compiled.program.tensors.size(); ++i) {
    const auto owned = own_tensor(compiled.program, i);
    for (std::int8_t& w : owned->weights) w = random() % 2 == 0 ? 127 : -127;
    for (std::uint32_t& m : owned->multipliers) m = (1U << 24) - 1;
    const std::int64_t room =
        model::kAccumulatorMax - std::int64_t{127} * 32767 * compiled.program.tensors[i].columns;
    for (std::int64_t& b : owned->biases) b = random() % 2 == 0 ? room : -room;
  }
  const auto tokens = random_tokens(24, compiled.program.vocabulary_size, 7);
  const PlainRows rows = plain_run(compiled.program, tokens);
  for (const Kernels* kernels : available_kernels()) {
    expect_plain(compiled.program, tokens, rows, 5, {kernels});
  }
}

// The same of grouped weights, with and without offsets.
TEST(Executor, IsItsSlowTwinAtTheEdgeOfTheBoundsOfGroups) {
  for (const bool has_offsets : {false, true}) {
    model::Compiled compiled = tiny_program(model::testing::grouped_shape(), 4);
    std::mt19937 random(8);
    for (std::size_t i = 0; i < compiled.program.tensors.size(); ++i) {
      if (!compiled.program.tensors[i].is_grouped()) continue;
      const auto owned =
          has_offsets ? own_offsets(compiled.program, i, 0) : own_tensor(compiled.program, i);
      for (std::uint8_t& pair : owned->bits) pair = static_cast<std::uint8_t>(random() % 2 * 0xF0);
      for (std::size_t k = 0; k < owned->scales.size(); ++k) {
        owned->scales[k] = random() % 2 == 0 ? 127 : -127;
        if (has_offsets) owned->offsets[k] = owned->scales[k];
      }
      for (std::uint32_t& m : owned->multipliers) m = (1U << 24) - 1;
    }
    ASSERT_TRUE(check_program(compiled.program));
    const auto tokens = random_tokens(24, compiled.program.vocabulary_size, 7);
    const PlainRows rows = plain_run(compiled.program, tokens);
    for (const Kernels* kernels : available_kernels()) {
      expect_plain(compiled.program, tokens, rows, 5, {kernels});
    }
  }
}

// The bounds that operators.hpp states, on programs that saturate and programs that do not.
TEST(Executor, NoOutputLeavesItsBound) {
  std::map<OperatorKind, std::int64_t> bounds{
      {OperatorKind::kSumSquares, (std::int64_t{1} << 53) - 1},
      {OperatorKind::kRoot, (std::int64_t{1} << 27) - 1},
      {OperatorKind::kReciprocal, std::int64_t{1} << 44},
      {OperatorKind::kExp, std::int64_t{1} << 20},
      {OperatorKind::kRowSum, std::int64_t{1} << 37},
      {OperatorKind::kMix, (std::int64_t{1} << 52) - 1},
      {OperatorKind::kScores, (std::int64_t{1} << 23) - 1},
      {OperatorKind::kRowMax, (std::int64_t{1} << 23) - 1},
      {OperatorKind::kNarrow, (std::int64_t{1} << 19) - 1},
  };
  for (const unsigned less : {0U, 4U, 1U}) {
    model::Compiled compiled =
        less == 1 ? tiny_program(model::testing::grouped_shape(), 4) : tiny_program();
    for (Operator& op : compiled.program.operators) {
      if (op.kind != OperatorKind::kRope && op.shift > less) {
        op.shift = static_cast<std::uint8_t>(op.shift - less);
      }
    }
    const auto tokens = random_tokens(32, compiled.program.vocabulary_size, 9);
    const PlainRows rows = plain_run(compiled.program, tokens);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Operator& op = compiled.program.operators[i];
      const auto stated = bounds.find(op.kind);
      std::int64_t bound = output_type(op) == ElementType::kInt16 ? 32767 : 0x7FFFFFFF;
      if (stated != bounds.end()) bound = stated->second;
      for (const auto& row : rows[i]) {
        for (const std::int64_t q : row)
          ASSERT_LE(std::abs(q), bound) << operator_name(compiled.program, i);
      }
    }
  }
}

}  // namespace
}  // namespace imo::engine
