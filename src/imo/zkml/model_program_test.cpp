#include "imo/zkml/model_program.hpp"

#include "imo/model/program_test_support.hpp"
#include "imo/zkml/model_party_test_support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::zkml {
namespace {

using model::Operator;
using testing::HasSubstr;

TEST(ModelProgram, IsWhatTheCompilerMakes) {
  for (const auto& tiny_shape : test::provable_shapes()) {
    const engine::Model model = test::tiny(tiny_shape);
    const model::Program& program = model.program();
    const auto shape = ModelShape::of(program);
    ASSERT_TRUE(shape) << shape.error().message;
    EXPECT_EQ(operator_count(*shape), program.operators.size());
    EXPECT_EQ(tensor_count(*shape), program.tensors.size());
  }
}

// A shape leaves nothing open: whatever is changed in an operator is not the shape's program.
TEST(ModelProgram, NoOperatorCanBeAnother) {
  const engine::Model model = test::tiny({});
  const model::Program& program = model.program();
  const ModelShape shape = *ModelShape::of(program);
  const std::vector<std::function<void(Operator&)>> changes = {
      [](Operator& op) { op.kind = static_cast<model::OperatorKind>(1 + int(op.kind) % 18); },
      [](Operator& op) { ++op.inputs[0]; },
      [](Operator& op) { ++op.inputs[1]; },
      [](Operator& op) { ++op.tensor; },
      [](Operator& op) { ++op.table; },
      [](Operator& op) { ++op.width; },
      [](Operator& op) { ++op.groups; },
      [](Operator& op) { ++op.kv_groups; },
      [](Operator& op) { ++op.multiplier; },
      [](Operator& op) { ++op.bits; },
      [](Operator& op) { op.pairing ^= 1U; },
      [](Operator& op) { ++op.rotated; },
      [](Operator& op) { ++op.constant; },
      [](Operator& op) { ++op.shift; },
  };
  for (std::uint32_t i = 0; i < program.operators.size(); ++i) {
    for (std::size_t c = 0; c < changes.size(); ++c) {
      if (i == 0 && c + 1 == changes.size()) continue;  // Embed's shift is in the registered rows
      Operator op = program.operators[i];
      changes[c](op);
      EXPECT_FALSE(is_expected(shape, i, op)) << i << " " << c;
    }
  }
}

TEST(ModelProgram, WithBiasesWhereTheCircuitHasNoneIsRefused) {
  const engine::Model model = test::tiny({});
  for (const Matrix matrix : {Matrix::kQuery, Matrix::kOutput, Matrix::kDown}) {
    model::Program program = model.program();
    model::WeightTensor& tensor = program.tensors[tensor_of(1, matrix)];
    std::vector<std::int64_t> biases(tensor.rows);
    tensor.biases = biases;
    if (matrix != Matrix::kQuery) {
      EXPECT_TRUE(ModelShape::of(program));  // zeros change nothing
    }
    biases.back() = 1;
    const auto shape = ModelShape::of(program);
    ASSERT_FALSE(shape);
    EXPECT_THAT(shape.error().message, HasSubstr("biases"));
  }
}

TEST(ModelProgram, OfAnotherFamilyIsRefused) {
  const engine::Model model = test::tiny({.architecture = "gpt2", .kv_heads = 4});
  const auto shape = ModelShape::of(model.program());
  ASSERT_FALSE(shape);
  EXPECT_THAT(shape.error().message, HasSubstr("Llama family"));
}

TEST(ModelProgram, OfGroupedWeightsIsRefused) {
  model::Program program = model::testing::tiny_program(model::testing::grouped_shape(), 4).program;
  const auto gain = ModelShape::of(program);
  ASSERT_FALSE(gain);
  EXPECT_THAT(gain.error().message, HasSubstr("operator 6 layer 0 Gain is not the MatMul"));
  // Without gains, as if they had been folded in.
  const model::Program llama =
      model::testing::tiny_program(model::testing::grouped_shape()).program;
  program.operators = llama.operators;
  program.operators[6].kind = model::OperatorKind::kGroupedMatMul;
  const auto product = ModelShape::of(program);
  ASSERT_FALSE(product);
  EXPECT_THAT(product.error().message, HasSubstr("layer 0 GroupedMatMul"));
}

TEST(ModelProgram, WithOtherTensorsIsRefused) {
  const engine::Model model = test::tiny({});
  model::Program program = model.program();
  --program.tensors[0].rows;
  const auto shape = ModelShape::of(program);
  ASSERT_FALSE(shape);
  EXPECT_THAT(shape.error().message, HasSubstr("other sizes"));
  program = model.program();
  program.tensors.push_back(program.tensors[0]);
  EXPECT_FALSE(ModelShape::of(program));
}

}  // namespace
}  // namespace imo::zkml
