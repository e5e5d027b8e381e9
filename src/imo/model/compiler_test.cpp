#include "imo/model/compiler.hpp"

#include "imo/base/file.hpp"
#include "imo/base/hex.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/model/model_root.hpp"
#include "imo/model/program_file.hpp"
#include "imo/model/program_test_support.hpp"
#include "imo/model/quantise_groups.hpp"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::model {
namespace {

using ::testing::HasSubstr;
using testing::shared_file;
using testing::tiny_program;
using testing::TinyShape;

TEST(Compiler, LaysOutEveryLayerAlike) {
  const Compiled compiled = tiny_program();
  const Program& program = compiled.program;
  EXPECT_EQ(program.layers, 2U);
  std::vector<OperatorKind> layers[2];
  for (const Operator& op : program.operators) {
    if (op.layer < 2) layers[op.layer].push_back(op.kind);
  }
  EXPECT_EQ(layers[0], layers[1]);
  EXPECT_EQ(layers[0].size(), 30U);
  EXPECT_EQ(program.operators.size(), 1 + 2 * 30U + 8);
  EXPECT_EQ(program.operators[program.tail].kind, OperatorKind::kNarrow);
  EXPECT_EQ(program.operators[program.logits_operator()].width, program.vocabulary_size);
}

TEST(Compiler, ReportsEveryMatrixAndRange) {
  const Compiled compiled = tiny_program();
  ASSERT_EQ(compiled.report.tensors.size(), compiled.program.tensors.size());
  for (const TensorReport& tensor : compiled.report.tensors) {
    EXPECT_GT(tensor.relative_error, 0) << tensor.name;
    EXPECT_LT(tensor.relative_error, 0.02) << tensor.name;
    EXPECT_GT(tensor.largest_accumulator, 0) << tensor.name;
    EXPECT_LE(tensor.largest_accumulator, kAccumulatorMax) << tensor.name;
  }
  for (const RangeReport& range : compiled.report.ranges) {
    EXPECT_GE(range.headroom_bits, 1.0) << range.name;
  }
  EXPECT_EQ(compiled.report.calibration_tokens, 40U);
}

TEST(Compiler, TellsItsProgress) {
  const Bytes bytes = testing::tiny_model();
  auto source = ModelSource::from_gguf(*GgufFile::parse(bytes));
  ASSERT_TRUE(source);
  std::vector<std::string> stages;
  CompileOptions options;
  options.calibration_tokens = 8;
  options.on_progress = [&](std::string_view stage, double done) {
    EXPECT_GE(done, 0.0);
    EXPECT_LE(done, 1.0);
    if (stages.empty() || stages.back() != stage) stages.emplace_back(stage);
  };
  ASSERT_TRUE(compile(*source, options));
  EXPECT_THAT(stages, ::testing::ElementsAre("calibrating", "quantising", "hashing"));
}

TEST(Compiler, LaysOutGpt2) {
  const Compiled compiled =
      tiny_program({.architecture = "gpt2", .heads = 4, .kv_heads = 4, .tied = false});
  const Program& program = compiled.program;
  using enum OperatorKind;
  EXPECT_EQ(program.operators[0].kind, kEmbed);
  EXPECT_EQ(program.operators[1].kind, kPosition);
  EXPECT_EQ(program.operators[2].kind, kAdd);
  std::vector<OperatorKind> layer;
  for (const Operator& op : program.operators) {
    if (op.layer == 0) layer.push_back(op.kind);
  }
  const std::vector<OperatorKind> expected{
      kNarrow, kSumSquares, kRoot,       kReciprocal, kScale,      kMatMul, kMatMul,
      kMatMul, kScores,     kRowMax,     kExp,        kRowSum,     kMix,    kReciprocal,
      kScale,  kMatMul,     kAdd,        kNarrow,     kSumSquares, kRoot,   kReciprocal,
      kScale,  kMatMul,     kActivation, kMatMul,     kAdd};
  EXPECT_EQ(layer, expected);
  ASSERT_EQ(program.tables.size(), 2U);
  EXPECT_EQ(program.tables[1].kind, TableKind::kGelu);
  for (const WeightTensor& tensor : program.tensors) {
    EXPECT_EQ(tensor.biases.empty(), tensor.name.ends_with("_embd")) << tensor.name;
  }
  EXPECT_EQ(compiled.root, model_root(program));
  const auto parsed = parse_program(serialize_program(program, compiled.root));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->program.operators, program.operators);
}

TEST(Compiler, LaysOutGroupedWeights) {
  const Compiled compiled = tiny_program(testing::grouped_shape(), 4);
  const Program& program = compiled.program;
  using enum OperatorKind;
  std::vector<OperatorKind> layer;
  for (const Operator& op : program.operators) {
    if (op.layer == 0) layer.push_back(op.kind);
  }
  const std::vector<OperatorKind> expected{
      kNarrow,        kSumSquares, kRoot,          kReciprocal,
      kScale,         kGain,       kGroupedMatMul, kGroupedMatMul,
      kGroupedMatMul, kRope,       kRope,          kScores,
      kRowMax,        kExp,        kRowSum,        kMix,
      kReciprocal,    kScale,      kGroupedMatMul, kAdd,
      kNarrow,        kSumSquares, kRoot,          kReciprocal,
      kScale,         kGain,       kGroupedMatMul, kActivation,
      kGroupedMatMul, kMultiply,   kGroupedMatMul, kAdd};
  EXPECT_EQ(layer, expected);
  EXPECT_EQ(program.operators[program.logits_operator()].kind, kMatMul);
  for (const Operator& op : program.operators) {
    if (op.kind != kActivation && op.kind != kGain) continue;
    EXPECT_EQ(program.tables[op.table].kind,
              op.kind == kGain ? TableKind::kGain : TableKind::kSilu);
  }
  EXPECT_EQ(compiled.root, model_root(program));
  EXPECT_EQ(program.parameter_count(),
            tiny_program(testing::grouped_shape()).program.parameter_count());
  for (const TensorReport& tensor : compiled.report.tensors) {
    EXPECT_GT(tensor.relative_error, 0) << tensor.name;
    EXPECT_LT(tensor.relative_error, 0.1) << tensor.name;
  }
}

// Every matrix but the embedding and the output has the bits that the file has.
TEST(Compiler, TakesGroupsAsTheFileHasThem) {
  for (const TensorType type : {TensorType::kQ4_0, TensorType::kQ4_K}) {
    TinyShape shape = testing::grouped_shape();
    if (type == TensorType::kQ4_K) shape.width = shape.hidden = 256;
    const Bytes bytes = testing::tiny_model_of_blocks(shape, type);
    const Compiled compiled = testing::compile_tiny(bytes, 4);
    const auto file = GgufFile::parse(bytes);
    ASSERT_TRUE(file);
    const auto source = ModelSource::from_gguf(*file);
    ASSERT_TRUE(source);
    const auto& down = source->tensors().layers[1].down;
    const auto tensor = std::find_if(
        compiled.program.tensors.begin(), compiled.program.tensors.end(),
        [](const WeightTensor& each) { return each.name.find("1.ffn_down") != std::string::npos; });
    ASSERT_NE(tensor, compiled.program.tensors.end());
    const GroupedMatrix expected = import_groups(*down);
    EXPECT_TRUE(std::ranges::equal(tensor->grouped.bits, expected.bits));
    EXPECT_TRUE(std::ranges::equal(tensor->grouped.scales, expected.scales));
    EXPECT_TRUE(std::ranges::equal(tensor->grouped.offsets, expected.offsets));
    for (const Operator& op : compiled.program.operators) {
      if (op.kind != OperatorKind::kGroupedMatMul) continue;
      EXPECT_EQ(op.constant, type == TensorType::kQ4_K ? 1U : 0U);
    }
    // In 8 bits it is a program as any other.
    const Compiled eight = testing::compile_tiny(bytes, 8);
    for (const WeightTensor& each : eight.program.tensors) EXPECT_FALSE(each.is_grouped());
  }
}

// GPT-2's matrices in front of the stream lose its mean, and so are rounded anew; the others are
// not.
TEST(Compiler, WhatIsChangedIsNotImported) {
  const TinyShape shape{
      .architecture = "gpt2", .width = 32, .hidden = 64, .heads = 4, .kv_heads = 4};
  const Bytes bytes = testing::tiny_model_of_blocks(shape, TensorType::kQ4_0);
  const Compiled compiled = testing::compile_tiny(bytes, 4);
  const auto file = GgufFile::parse(bytes);
  const auto source = ModelSource::from_gguf(*file);
  ASSERT_TRUE(source);
  const auto same_bits = [&](const std::string& name, const SourceTensor& tensor) {
    for (const WeightTensor& each : compiled.program.tensors) {
      if (each.name.find(name) == std::string::npos) continue;
      return std::ranges::equal(each.grouped.bits, import_groups(tensor).bits);
    }
    ADD_FAILURE() << name;
    return false;
  };
  EXPECT_TRUE(same_bits("0.ffn_up", *source->tensors().layers[0].up));
  EXPECT_FALSE(same_bits("0.ffn_down", *source->tensors().layers[0].down));
}

TEST(Compiler, RowsOfNoWholeGroupsKeepEightBits) {
  const Compiled compiled = tiny_program({.width = 64, .hidden = 40}, 4);
  for (const WeightTensor& tensor : compiled.program.tensors) {
    const bool is_grouped = tensor.name.find("blk") != std::string::npos && tensor.columns == 64;
    EXPECT_EQ(tensor.is_grouped(), is_grouped) << tensor.name;
  }
}

TEST(Compiler, RefusesOtherNumbersOfBits) {
  const auto source = ModelSource::from_gguf(*GgufFile::parse(testing::tiny_model()));
  CompileOptions options;
  options.weight_bits = 5;
  const auto refused = compile(*source, options);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("weights of 5 bits; 8 and 4 are possible"));
}

// A block whose scale is infinite or no number: named, with its place in the file.
TEST(Compiler, RefusesBlocksWithoutAFiniteScale) {
  Bytes bytes = testing::tiny_model_of_blocks(testing::grouped_shape(), TensorType::kQ4_0);
  const auto offset = [&] {
    const auto source = ModelSource::from_gguf(*GgufFile::parse(bytes));
    return source->tensors().layers[0].gate->bytes.data() - bytes.data();
  }();
  for (const int high : {0x7C, 0xFC, 0x7E}) {
    Bytes bad = bytes;
    bad[static_cast<std::size_t>(offset) + 18] = 0;
    bad[static_cast<std::size_t>(offset) + 19] = static_cast<std::uint8_t>(high);
    const auto source = ModelSource::from_gguf(*GgufFile::parse(bad));
    ASSERT_TRUE(source);
    CompileOptions options;
    options.weight_bits = 4;
    const auto refused = compile(*source, options);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("ffn_gate"));
  }
}

TEST(Compiler, ThreadsChangeNoBit) {
  TinyShape shape;
  shape.width = 256;  // matrices large enough to be split
  shape.hidden = 360;
  const Bytes bytes = testing::tiny_model(shape);
  const auto source = ModelSource::from_gguf(*GgufFile::parse(bytes));
  ASSERT_TRUE(source);
  std::vector<Hash32> roots;
  for (const unsigned bits : {8U, 4U}) {
    roots.clear();
    for (const std::size_t threads : {1U, 2U, 3U}) {
      ThreadPool pool(threads);
      CompileOptions options;
      options.calibration_tokens = 12;
      options.weight_bits = bits;
      options.pool = &pool;
      const auto compiled = compile(*source, options);
      ASSERT_TRUE(compiled) << compiled.error().message;
      EXPECT_EQ(compiled->root, model_root(compiled->program));
      roots.push_back(compiled->root);
    }
    EXPECT_EQ(roots[1], roots[0]);
    EXPECT_EQ(roots[2], roots[0]);
  }
}

TEST(Compiler, SavesWhatTheProgramSerialisesTo) {
  const Compiled compiled = tiny_program();
  const auto folder = TemporaryDirectory::create().value();
  ASSERT_TRUE(compiled.save(folder.path() / "m.imo"));
  const auto bytes = read_file(folder.path() / "m.imo", std::size_t{1} << 24);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(*bytes, serialize_program(compiled.program, compiled.root));
  EXPECT_EQ(model_root(compiled.program), compiled.root) << "what was let go can be read again";
}

TEST(Compiler, SaysWhatItWasCalibratedOn) {
  const Compiled compiled = tiny_program();
  std::size_t tokens = 0;
  for (const auto& sequence : compiled.report.calibration) {
    ASSERT_FALSE(sequence.empty());
    EXPECT_LE(sequence.size(), compiled.program.context_length);
    EXPECT_EQ(sequence.front(), compiled.program.vocabulary.begin);
    tokens += sequence.size();
  }
  EXPECT_EQ(tokens, compiled.report.calibration_tokens);
  EXPECT_GE(compiled.report.calibration.size(), 2U) << "40 tokens, a context of 32";
}

TEST(Compiler, CalibratesOnAGivenText) {
  const Bytes bytes = testing::tiny_model();
  auto source = ModelSource::from_gguf(*GgufFile::parse(bytes));
  ASSERT_TRUE(source);
  CompileOptions options;
  options.calibration_text = "ab aba ab";
  const auto one = compile(*source, options);
  const auto two = compile(*source, options);
  ASSERT_TRUE(one) << one.error().message;
  ASSERT_TRUE(two);
  EXPECT_EQ(one->root, two->root);
  EXPECT_LT(one->report.calibration_tokens, 20U);
  options.calibration_tokens = 0;
  EXPECT_FALSE(compile(*source, options));
  options.calibration_tokens = 9;
  options.calibration_text = "\xFF";
  EXPECT_FALSE(compile(*source, options)) << "not UTF-8";
}

TEST(Compiler, NamesTheFileThatIsWrong) {
  const auto missing = compile_file("/nowhere/model.gguf");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("/nowhere/model.gguf"));
  const auto directory = TemporaryDirectory::create();
  ASSERT_TRUE(directory);
  const auto path = directory->path() / "bad.gguf";
  ASSERT_TRUE(write_file_atomic(path, as_bytes("not a model")));
  const auto bad = compile_file(path);
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message, HasSubstr("bad.gguf"));
}

TEST(Compiler, RemembersItsSource) {
  const auto directory = TemporaryDirectory::create();
  ASSERT_TRUE(directory);
  const auto path = directory->path() / "tiny.gguf";
  const Bytes bytes = testing::tiny_model();
  ASSERT_TRUE(write_file_atomic(path, bytes));
  CompileOptions options;
  options.calibration_tokens = 16;
  const auto compiled = compile_file(path, options);
  ASSERT_TRUE(compiled) << compiled.error().message;
  EXPECT_EQ(compiled->program.source_hash, crypto::keccak256(bytes));
  EXPECT_EQ(compiled->root, model_root(compiled->program));
}

// Golden roots: the same on every machine, compiler and build type. A change of the compiler or
// of an operator changes them, and must be meant.
TEST(Compiler, GoldenRootOfStories260K) {
  const auto path = shared_file("models/stories260K/stories260K-pad192-f32.gguf");
  IMO_NEED_SHARED(path);
  const auto compiled = compile_file(path);
  ASSERT_TRUE(compiled) << compiled.error().message;
  EXPECT_EQ(to_hex(compiled->root),
            "0xa0a7ad6e1b5b169f260398812004b952d6f7e34019ced626db5010c3f84440ad");
}

}  // namespace
}  // namespace imo::model
