// Every rule of check_structure by a program that breaks it alone.

#include "imo/model/program_check.hpp"

#include "imo/model/program_test_support.hpp"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::model {
namespace {

using ::testing::HasSubstr;
using testing::own_tensor;
using testing::tiny_program;

Program& sound() {
  static Compiled compiled = tiny_program();
  return compiled.program;
}

Operator& first(Program& program, OperatorKind kind) {
  const auto found = std::find_if(program.operators.begin(), program.operators.end(),
                                  [&](const Operator& op) { return op.kind == kind; });
  EXPECT_NE(found, program.operators.end());
  return *found;
}

// The n-th operator of a kind.
Operator& nth(Program& program, OperatorKind kind, int n) {
  for (Operator& op : program.operators) {
    if (op.kind == kind && n-- == 0) return op;
  }
  ADD_FAILURE() << "not so many";
  return program.operators.front();
}

void expect_refused(const std::function<void(Program&)>& change, const std::string& what) {
  Program program = sound();
  change(program);
  const auto checked = check_structure(program);
  ASSERT_FALSE(checked) << "accepted: " << what;
  EXPECT_THAT(checked.error().message, HasSubstr(what));
}

TEST(ProgramCheck, AcceptsWhatTheCompilerMakes) {
  EXPECT_TRUE(check_program(sound()));
  for (const bool tied : {false, true}) {
    testing::TinyShape shape;
    shape.architecture = "qwen2";
    shape.biases = true;
    shape.tied = tied;
    const Compiled compiled = tiny_program(shape);
    const auto checked = check_program(compiled.program);
    EXPECT_TRUE(checked) << checked.error().message;
  }
}

// A program whose every operator can be disputed, but not its table, would cost who serves it a
// bond.
TEST(ProgramCheck, GeluComesWithPositions) {
  expect_refused([](Program& p) { p.tables[2].kind = TableKind::kGelu; },
                 "a table of GELU, but no operator Position");
}

TEST(ProgramCheck, PositionsHaveARowEach) {
  const Compiled compiled =
      tiny_program({.architecture = "gpt2", .heads = 4, .kv_heads = 4, .tied = false});
  const auto checked = check_program(compiled.program);
  EXPECT_TRUE(checked) << checked.error().message;
  const auto refused = [&](const std::function<void(Program&)>& change) {
    Program program = compiled.program;
    change(program);
    const auto outcome = check_structure(program);
    return outcome ? std::string("none") : outcome.error().message;
  };
  const auto position = [](Program& p) -> Operator& { return first(p, OperatorKind::kPosition); };
  EXPECT_THAT(refused([](Program& p) { --p.context_length; }), HasSubstr("one row a position"));
  EXPECT_THAT(refused([&](Program& p) { position(p).tensor = 0; }),
              HasSubstr("one row a position"));
  EXPECT_THAT(refused([&](Program& p) { position(p).tensor = kNone; }), HasSubstr("not there"));
  EXPECT_THAT(refused([&](Program& p) { position(p).width = 1; }), HasSubstr("is 1 wide"));
  EXPECT_THAT(refused([&](Program& p) { position(p).bits = kActivationBits; }),
              HasSubstr("clamps to 15 bits"));
  EXPECT_THAT(refused([&](Program& p) { position(p).shift = 0; }), HasSubstr("shifts by 0"));
  EXPECT_THAT(refused([&](Program& p) { position(p).inputs[0] = 0; }), HasSubstr("does not use"));
  EXPECT_THAT(refused([](Program& p) { first(p, OperatorKind::kActivation).table = 0; }),
              HasSubstr("another kind"));
  EXPECT_THAT(refused([](Program& p) { first(p, OperatorKind::kActivation).table = 7; }),
              HasSubstr("not there"));
  EXPECT_THAT(refused([](Program& p) {
                const auto owned = own_tensor(p, 1);
                owned->biases.assign(p.tensors[1].rows, 1);
                p.tensors[1].biases = owned->biases;
              }),
              HasSubstr("cannot use a tensor with biases"));
}

Program& grouped() {
  static Compiled compiled = tiny_program(testing::grouped_shape(), 4);
  return compiled.program;
}

std::size_t grouped_tensor(const Program& program) {
  const auto found = std::find_if(program.tensors.begin(), program.tensors.end(),
                                  [](const WeightTensor& tensor) { return tensor.is_grouped(); });
  return static_cast<std::size_t>(found - program.tensors.begin());
}

void expect_grouped_refused(const std::function<void(Program&)>& change, const std::string& what) {
  Program program = grouped();
  change(program);
  const auto checked = check_program(program);
  ASSERT_FALSE(checked) << "accepted: " << what;
  EXPECT_THAT(checked.error().message, HasSubstr(what));
}

TEST(ProgramCheck, AcceptsGroupedWeights) {
  Program program = grouped();
  const auto checked = check_program(program);
  EXPECT_TRUE(checked) << checked.error().message;
  testing::own_offsets(program, grouped_tensor(program), 1);
  const auto moved = check_program(program);
  EXPECT_TRUE(moved) << moved.error().message;
}

TEST(ProgramCheck, GroupedProducts) {
  const auto refused = [](const std::function<void(Operator&)>& change, const std::string& what) {
    expect_grouped_refused([&](Program& p) { change(first(p, OperatorKind::kGroupedMatMul)); },
                           what);
  };
  refused([](Operator& op) { op.tensor = 0; }, "needs grouped weights");
  refused([](Operator& op) { op.kind = OperatorKind::kMatMul; }, "cannot use grouped weights");
  refused([](Operator& op) { op.tensor = 900; }, "tensor that is not there");
  refused([](Operator& op) { op.constant = 1; }, "otherwise of its groups' offsets");
  refused([](Operator& op) { --op.width; }, "wide");
  refused([](Operator& op) { op.bits = 16; }, "clamps to 16");
  refused([](Operator& op) { op.shift = 0; }, "shifts by 0");
  refused([](Operator& op) { op.table = 0; }, "does not use");
  refused([](Operator& op) { op.inputs[1] = 0; }, "does not use");
  refused([](Operator& op) { op.inputs[0] = 0; }, "cannot read");
  refused([](Operator& op) { op.inputs[0] = 5000; }, "not before it");
  expect_grouped_refused(
      [](Program& p) { first(p, OperatorKind::kEmbed).tensor = std::uint32_t(grouped_tensor(p)); },
      "cannot use grouped weights");
  expect_grouped_refused(
      [](Program& p) {
        testing::own_offsets(p, grouped_tensor(p), 1);
        first(p, OperatorKind::kGroupedMatMul).constant = 0;
      },
      "otherwise of its groups' offsets");
  expect_grouped_refused(
      [](Program& p) {
        // The gate's matrix, whose rows are as long, reads what is as wide as the hidden layer.
        const Operator hidden = first(p, OperatorKind::kMultiply);
        Operator& down = *(&first(p, OperatorKind::kMultiply) + 1);
        ASSERT_EQ(down.kind, OperatorKind::kGroupedMatMul);
        ASSERT_EQ(hidden.width, 96U);
        down.tensor = std::uint32_t(grouped_tensor(p));
      },
      "columns for a row of 96");
}

TEST(ProgramCheck, Gains) {
  const auto refused = [](const std::function<void(Operator&)>& change, const std::string& what) {
    expect_grouped_refused([&](Program& p) { change(first(p, OperatorKind::kGain)); }, what);
  };
  refused([](Operator& op) { op.table = 900; }, "table that is not there");
  refused([](Operator& op) { op.table = 0; }, "another kind");
  refused([](Operator& op) { op.table = 2; }, "another kind");
  refused([](Operator& op) { --op.width; }, "wide");
  refused([](Operator& op) { op.bits = 31; }, "clamps to 31");
  refused([](Operator& op) { op.shift = 0; }, "shifts by 0");
  refused([](Operator& op) { op.shift = 63; }, "shifts by 63");
  refused([](Operator& op) { op.tensor = 0; }, "does not use");
  refused([](Operator& op) { op.inputs[0] = 0; }, "cannot read");
  expect_grouped_refused(
      [](Program& p) {
        Table& table = p.tables[first(p, OperatorKind::kGain).table];
        table.narrow = table.narrow.first(63);
      },
      "table of another length");
  expect_grouped_refused(
      [](Program& p) {
        Table& table = p.tables[first(p, OperatorKind::kGain).table];
        table.wide = p.tables[0].wide;
      },
      "kind's length");
  Program program = grouped();
  Table& table = program.tables[first(program, OperatorKind::kGain).table];
  std::vector<std::int16_t> values(table.narrow.begin(), table.narrow.end());
  values[9] = -32768;
  table.narrow = values;
  const auto checked = check_tables(program);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message, HasSubstr("entry 9 is -32768"));
}

// A wide product belongs to the stream, a narrow one does not.
TEST(ProgramCheck, GroupedProductsHaveTheirTypes) {
  expect_grouped_refused(
      [](Program& p) {
        Operator& add = first(p, OperatorKind::kAdd);
        p.operators[add.inputs[1]].bits = kActivationBits;
      },
      "int16 where int32 is due");
  expect_grouped_refused(
      [](Program& p) { first(p, OperatorKind::kGroupedMatMul).bits = kResidualBits; },
      "int32 where int16 is due");
}

TEST(ProgramCheck, GroupsHaveTheLengthsOfTheirShape) {
  const auto refused = [](const std::function<void(WeightTensor&)>& change) {
    expect_grouped_refused([&](Program& p) { change(p.tensors[grouped_tensor(p)]); },
                           "other lengths");
  };
  refused(
      [](WeightTensor& t) { t.grouped.bits = t.grouped.bits.first(t.grouped.bits.size() - 1); });
  refused([](WeightTensor& t) {
    t.grouped.scales = t.grouped.scales.first(t.grouped.scales.size() - 1);
  });
  static const std::vector<std::int16_t> offsets(1);
  static const std::vector<std::int8_t> weights(64 * 64);
  refused([](WeightTensor& t) { t.grouped.offsets = offsets; });
  refused([](WeightTensor& t) { t.weights = weights; });
  // As many groups and bits, but not in every row.
  refused([](WeightTensor& t) {
    ASSERT_EQ(t.columns, 64U);
    t.rows *= 4;
    t.columns = 16;
    t.multipliers = {};
  });
  Program program = sound();
  program.tensors[1].grouped.bits = grouped().tensors[grouped_tensor(grouped())].grouped.bits;
  EXPECT_FALSE(check_structure(program)) << "bits beside int8 weights";
}

TEST(ProgramCheck, EveryWeightThatAGroupCanHaveIsInRange) {
  const auto message = [](std::int8_t scale, std::int16_t offset) {
    Program program = grouped();
    const std::size_t index = grouped_tensor(program);
    const auto owned = testing::own_offsets(program, index, 0);
    owned->scales[3] = scale;
    owned->offsets[3] = offset;
    const auto checked = check_accumulators(program.tensors[index]);
    return checked ? std::string() : checked.error().message;
  };
  EXPECT_EQ(message(127, 0), "");
  EXPECT_EQ(message(127, 127), "");
  EXPECT_EQ(message(-127, -127), "");
  EXPECT_EQ(message(0, -1016), "");
  EXPECT_THAT(message(-128, 0), HasSubstr("row 1 group 1: scale -128 and offset 0"));
  EXPECT_THAT(message(-128, -8), HasSubstr("scale -128"));
  EXPECT_THAT(message(127, -1), HasSubstr("beyond 1016"));
  EXPECT_THAT(message(127, 128), HasSubstr("beyond 1016"));
  EXPECT_THAT(message(0, -32768), HasSubstr("beyond 1016"));
  EXPECT_THAT(message(0, 1017), HasSubstr("beyond 1016"));
}

TEST(ProgramCheck, AccumulatorsOfGroupsAreProvenByRowNorms) {
  Program program = grouped();
  const std::size_t index = grouped_tensor(program);
  const auto owned = own_tensor(program, index);
  std::fill(owned->scales.begin(), owned->scales.end(), std::int8_t{-127});
  std::fill(owned->bits.begin(), owned->bits.end(), std::uint8_t{0xF0});
  const auto bound = check_accumulators(program.tensors[index]);
  ASSERT_TRUE(bound);
  EXPECT_EQ(*bound, std::int64_t{64} / 2 * (1016 + 889) * 32767);

  constexpr std::uint32_t kColumns = 2080;  // 1016 times 2065 is the first that is too much
  const std::vector<std::int8_t> scales(kColumns / 32, 127);
  const std::vector<std::uint8_t> bits(kColumns / 2, 0);
  const std::vector<std::uint32_t> multipliers(1, 1);
  const WeightTensor tensor{"long", 1, kColumns, {}, multipliers, {}, {bits, scales, {}}};
  const auto refused = check_accumulators(tensor);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("'long' row 0: a sum can reach"));
}

TEST(ProgramCheck, Header) {
  expect_refused([](Program& p) { p.context_length = 0; }, "context of 0");
  expect_refused([](Program& p) { p.context_length = kMaxContext + 1; }, "context of");
  expect_refused([](Program& p) { ++p.vocabulary_size; }, "vocabulary of");
  expect_refused([](Program& p) { p.end_token = p.vocabulary_size; }, "end token");
  expect_refused([](Program& p) { p.layers = 1 << 20; }, "layers");
  expect_refused([](Program& p) { p.operators.clear(); }, "0 operators");
  expect_refused([](Program& p) { p.tail = 100000; }, "tail begins");
  expect_refused([](Program& p) { p.operators.pop_back(); }, "last operator is not Argmax");
}

TEST(ProgramCheck, Tensors) {
  expect_refused([](Program& p) { p.tensors[0].rows = 0; }, "tensor 'token_embd'");
  expect_refused([](Program& p) { p.tensors[1].columns = kMaxColumns + 1; }, "rows have 1 to");
  expect_refused([](Program& p) { ++p.tensors[1].rows; }, "other lengths");
  expect_refused([](Program& p) { own_tensor(p, 2)->multipliers[3] = 1 << 24; },
                 "row 3 has multiplier");
  Program program = sound();
  const std::vector<std::int64_t> biases(program.tensors[2].rows, kAccumulatorMax + 1);
  program.tensors[2].biases = biases;
  const auto checked = check_structure(program);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message, HasSubstr("row 0 has bias"));
}

TEST(ProgramCheck, Tables) {
  expect_refused([](Program& p) { p.tables[0].wide = p.tables[0].wide.first(65535); }, "table 0");
  expect_refused([](Program& p) { p.tables[2].narrow = p.tables[2].narrow.first(1); }, "table 2");
  expect_refused([](Program& p) { p.tables[1].narrow = p.tables[1].narrow.first(8); },
                 "does not fit context and head");
}

TEST(ProgramCheck, OperatorFields) {
  using Kind = OperatorKind;
  expect_refused([](Program& p) { p.operators[3].kind = static_cast<Kind>(77); }, "kind 77");
  expect_refused([](Program& p) { first(p, Kind::kAdd).layer = 9; }, "is in layer 9");
  expect_refused([](Program& p) { first(p, Kind::kAdd).fraction = 65; }, "fraction");
  expect_refused([](Program& p) { first(p, Kind::kAdd).shift = 1; }, "does not use");
  expect_refused([](Program& p) { first(p, Kind::kRoot).constant = 1; }, "does not use");
  expect_refused([](Program& p) { first(p, Kind::kMatMul).table = 0; }, "does not use");
  expect_refused([](Program& p) { first(p, Kind::kEmbed).inputs[0] = 0; }, "does not use");
  expect_refused([](Program& p) { first(p, Kind::kNarrow).shift = 0; }, "shifts by 0");
  expect_refused([](Program& p) { first(p, Kind::kMultiply).shift = 63; }, "shifts by 63");
  expect_refused([](Program& p) { first(p, Kind::kNarrow).bits = 20; }, "clamps to 20");
  expect_refused([](Program& p) { first(p, Kind::kMatMul).bits = 16; }, "clamps to 16");
  expect_refused([](Program& p) { first(p, Kind::kNarrow).inputs[0] = 5; }, "not before it");
  expect_refused([](Program& p) { first(p, Kind::kMatMul).tensor = 900; }, "tensor that is not");
  expect_refused([](Program& p) { first(p, Kind::kExp).table = 900; }, "table that is not");
  expect_refused([](Program& p) { first(p, Kind::kExp).table = 1; }, "another kind");
  expect_refused([](Program& p) { --first(p, Kind::kAdd).width; }, "wide");
  expect_refused([](Program& p) { first(p, Kind::kSumSquares).constant = 0; }, "epsilon");
  expect_refused([](Program& p) { first(p, Kind::kSumSquares).constant = 1ULL << 60; }, "epsilon");
  expect_refused([](Program& p) { first(p, Kind::kReciprocal).constant = 44; }, "exponent");
  expect_refused([](Program& p) { first(p, Kind::kRope).shift = 13; }, "shift by 14");
  expect_refused([](Program& p) { first(p, Kind::kRope).groups = 3; }, "whole heads");
  expect_refused([](Program& p) { first(p, Kind::kRope).rotated = 3; }, "odd number");
  expect_refused([](Program& p) { first(p, Kind::kRope).rotated = 6; }, "more than a head has");
  expect_refused([](Program& p) { first(p, Kind::kRope).pairing = 2; }, "pairing");
  expect_refused([](Program& p) { first(p, Kind::kScores).kv_groups = 3; }, "key-value heads");
  expect_refused([](Program& p) { first(p, Kind::kScores).kv_groups = 4; }, "different head size");
  expect_refused([](Program& p) { first(p, Kind::kScores).multiplier = 1 << 20; }, "multiplier");
  expect_refused([](Program& p) { first(p, Kind::kScores).multiplier = 0; }, "multiplier");
  expect_refused([](Program& p) { first(p, Kind::kMix).groups = 2; }, "number of heads");
  expect_refused([](Program& p) { first(p, Kind::kScale).groups = 2; }, "number of groups");
  expect_refused([](Program& p) { p.tail = 3; }, "attends in the tail");
}

TEST(ProgramCheck, HeadsAreBounded) {
  const auto widen = [](Program& p, OperatorKind reader) {
    // One head over rows that are wider than a head may be.
    static const std::vector<std::int8_t> weights(std::size_t{600} * 16);
    static const std::vector<std::uint32_t> multipliers(600);
    Operator& attends = first(p, reader);
    Operator* from = &p.operators[attends.inputs[1]];
    if (from->kind == OperatorKind::kRope) from = &p.operators[from->inputs[0]];
    WeightTensor& tensor = p.tensors[from->tensor];
    ASSERT_EQ(tensor.columns, 16U);
    tensor.rows = from->width = 600;
    tensor.weights = weights;
    tensor.multipliers = multipliers;
    attends.groups = attends.kv_groups = 1;
  };
  expect_refused(
      [&](Program& p) {
        widen(p, OperatorKind::kMix);
        for (const OperatorKind kind : {OperatorKind::kScores, OperatorKind::kRowMax,
                                        OperatorKind::kExp, OperatorKind::kRowSum}) {
          first(p, kind).width = 1;
        }
        Operator& scores = first(p, OperatorKind::kScores);
        scores.groups = scores.kv_groups = 1;
        // Queries as wide as keys, so that only the values are wrong.
        scores.inputs[0] = scores.inputs[1];
      },
      "has a head too wide");
}

// What the bounds rest on: a row is scaled by its own statistics, never another's.
TEST(ProgramCheck, StatisticsBelongToTheirRow) {
  using Kind = OperatorKind;
  expect_refused(
      [](Program& p) {
        Operator& second = nth(p, Kind::kScale, 2);
        second.inputs[1] = first(p, Kind::kScale).inputs[1];
      },
      "root of another");
  expect_refused(
      [](Program& p) {
        Operator& second = nth(p, Kind::kExp, 1);
        second.inputs[1] = first(p, Kind::kExp).inputs[1];
      },
      "maximum of another row");
  expect_refused(
      [](Program& p) {
        // Layer 1's softmax ends with the reciprocal of layer 0's sum.
        Operator& end = nth(p, Kind::kScale, 4);
        end.inputs[1] = nth(p, Kind::kScale, 1).inputs[1];
      },
      "sum of another");
  expect_refused(
      [](Program& p) { first(p, Kind::kMatMul).inputs[0] = first(p, Kind::kMatMul).inputs[0] - 4; },
      "cannot read");
}

TEST(ProgramCheck, AccumulatorsAreProvenByRowNorms) {
  Program program = sound();
  const auto owned = own_tensor(program, 1);
  const WeightTensor& tensor = program.tensors[1];
  std::fill(owned->weights.begin(), owned->weights.end(), std::int8_t{-127});
  const auto bound = check_accumulators(tensor);
  ASSERT_TRUE(bound);
  EXPECT_EQ(*bound, std::int64_t{tensor.columns} * 127 * 32767);
  owned->weights[tensor.columns + 2] = -128;
  const auto refused = check_accumulators(tensor);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("row 1 has a weight of -128"));
}

TEST(ProgramCheck, ABiasCountsTowardsTheBound) {
  Program program = sound();
  const auto owned = own_tensor(program, 1);
  owned->biases.assign(program.tensors[1].rows, 0);
  owned->biases[2] = -kAccumulatorMax;
  program.tensors[1].biases = owned->biases;
  const auto refused = check_accumulators(program.tensors[1]);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("row 2: a sum can reach"));
}

TEST(ProgramCheck, TableValues) {
  Program program = sound();
  std::vector<std::int32_t> exps(program.tables[0].wide.begin(), program.tables[0].wide.end());
  program.tables[0].wide = exps;
  exps[0] -= 1;
  EXPECT_FALSE(check_tables(program)) << "the row's maximum must count 2^20";
  exps[0] += 1;
  exps[9] = -1;
  EXPECT_FALSE(check_tables(program));
  exps[9] = (1 << 20) + 1;
  EXPECT_FALSE(check_tables(program));
  exps[9] = 7;
  EXPECT_TRUE(check_tables(program));
  std::vector<std::int16_t> turns(program.tables[1].narrow.begin(), program.tables[1].narrow.end());
  turns[5] = -16385;
  program.tables[1].narrow = turns;
  EXPECT_FALSE(check_tables(program));
}

}  // namespace
}  // namespace imo::model
