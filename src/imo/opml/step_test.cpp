// The step through a witness and back: every element of whole traces, and what is not a witness.
// The same cases go to the contract in src/imo/market/step_equivalence_test.cpp.

#include "imo/model/model_root.hpp"
#include "imo/model/program_test_support.hpp"
#include "imo/opml/step_test_support.hpp"
#include "imo/opml/toy_program.hpp"

#include <set>

#include <gtest/gtest.h>

namespace imo::opml {
namespace {

using model::Operator;
using model::OperatorKind;
using model::testing::below;
using model::testing::tiny_program;
using testing::Referee;
using testing::some_claim;
using testing::StepCase;
using testing::toy_program;

StepCase honest(const Referee& referee, const Place& place) {
  auto made = referee.honest(place);
  EXPECT_TRUE(made) << fault_name(made.error());
  return made.value_or(StepCase{});
}

std::string_view verdict_name(const Checked<bool>& verdict) {
  if (!verdict) return fault_name(verdict.error());
  return *verdict ? "true" : "false";
}

TEST(Step, EveryElementOfATraceHasAWitnessThatProvesIt) {
  for (const unsigned seed : {1U, 2U, 3U}) {
    const model::Program program = toy_program(seed);
    const Referee referee(program, some_claim(program, 2, seed + 1, seed));
    referee.for_each_element([&](std::uint32_t op, std::uint64_t, const Place& place) {
      ASSERT_EQ(verdict_name(referee.judge(honest(referee, place))), "true")
          << operator_name(program, op);
    });
  }
}

TEST(Step, ElementsOfCompiledProgramsAreProven) {
  const model::testing::TinyShape qwen{.architecture = "qwen2",
                                       .width = 24,
                                       .hidden = 150,
                                       .layers = 1,
                                       .heads = 3,
                                       .kv_heads = 3,
                                       .context = 40,
                                       .biases = true};
  for (const auto& shape : {model::testing::TinyShape{}, qwen}) {
    for (const unsigned less : {0U, 4U}) {  // smaller shifts: everything saturates
      model::Program program = tiny_program(shape).program;
      for (Operator& op : program.operators) {
        if (op.kind != OperatorKind::kRope && op.shift > less) {
          op.shift = static_cast<std::uint8_t>(op.shift - less);
        }
      }
      const Referee referee(program, some_claim(program, 20, 12, less));
      std::mt19937 random(less);
      referee.for_each_element([&](std::uint32_t op, std::uint64_t, const Place& place) {
        if (below(random, 40) != 0) return;
        ASSERT_EQ(verdict_name(referee.judge(honest(referee, place))), "true")
            << operator_name(program, op);
      });
    }
  }
}

TEST(Step, AnyOtherValueIsFalse) {
  const model::Program program = toy_program(2);
  const Referee referee(program, some_claim(program, 1, 3, 2));
  std::mt19937 random(3);
  referee.for_each_element([&](std::uint32_t op, std::uint64_t leaf, const Place& place) {
    StepCase given = honest(referee, place);
    const unsigned size = referee.trace->layout(op).element_bytes(leaf);
    given.leaf[place.element * size + below(random, size)] ^=
        static_cast<std::uint8_t>(1U << below(random, 8));
    given.rehash();
    ASSERT_EQ(verdict_name(referee.judge(given)), "false") << operator_name(program, op);
  });
}

// A consistent lie is false at its own place and true behind it, where inputs are the lie's.
TEST(Step, ALieIsFalseWhereItBegins) {
  const model::Program program = toy_program();
  const ClaimTokens tokens = some_claim(program, 2, 1, 5);
  const Lie lie{5, 0, 3, 30000};
  const auto trace = plain_trace(program, tokens.prefix(), lie);
  const ModelProver prover(program);
  const StepClaim claim = StepClaim::of(prover, trace->root(), tokens);
  for (std::uint32_t op = 0; op < trace->shape().operators; ++op) {
    for (std::uint32_t i = 0; i < trace->layout(op).elements_in(0); ++i) {
      const Place place{trace->shape().leaf_index(op, 0), i};
      const auto witness = make_witness(prover, *trace, tokens, place);
      ASSERT_TRUE(witness) << fault_name(witness.error());
      const auto verdict = check_step(claim, place, trace->node(0, place.leaf_index),
                                      trace->leaf(place.leaf_index), *witness);
      ASSERT_TRUE(verdict) << fault_name(verdict.error());
      ASSERT_EQ(*verdict, op != lie.op || i != lie.element) << operator_name(program, op);
    }
  }
}

TEST(Step, TheOpeningIsTheModelsRoot) {
  for (const unsigned seed : {1U, 2U}) {
    const model::Program program = toy_program(seed);
    EXPECT_EQ(ModelProver(program).opening().root(), model::model_root(program));
  }
}

/// One part of a witness: how long docs/dispute.md says it is, and what a changed byte in it is.
struct Section {
  std::size_t size;
  StepFault fault;
};

/// The table of docs/dispute.md once more, with siblings counted in another way.
class Sections {
 public:
  Sections(const Referee& referee, std::uint32_t self) : referee_(referee), self_(self) {}

  std::vector<Section> of(const Element& at) {
    const Operator& op = operator_at(self_);
    const auto [a, b] = op.inputs;
    const std::uint32_t p = at.position;
    const std::uint64_t i = at.index;
    const std::uint64_t keys = p + 1;
    open();
    switch (op.kind) {
      case OperatorKind::kEmbed:
        token(p);
        weights(op.tensor);
        break;
      case OperatorKind::kNarrow:
      case OperatorKind::kReciprocal:
        open_row(a, p, i, 1);
        break;
      case OperatorKind::kRoot:
        open_row(a, p, 0, 1);
        break;
      case OperatorKind::kSumSquares:
      case OperatorKind::kArgmax:
        open_row(a, p, 0, operator_at(a).width);
        break;
      case OperatorKind::kScale:
        open_row(a, p, i, 1);
        open_row(b, p, i / (op.width / op.groups), 1);
        break;
      case OperatorKind::kMatMul:
        open_row(a, p, 0, operator_at(a).width);
        weights(op.tensor);
        break;
      case OperatorKind::kAdd:
      case OperatorKind::kMultiply:
        open_row(a, p, i, 1);
        open_row(b, p, i, 1);
        break;
      case OperatorKind::kRope: {
        const std::uint64_t within = i % (op.width / op.groups);
        const std::uint64_t pairs = op.rotated / 2;
        if (within >= op.rotated) {
          open_row(a, p, i, 1);
          break;
        }
        const bool is_half_split = op.pairing == 1;
        const std::uint64_t pair = is_half_split ? within % pairs : within / 2;
        const std::uint64_t start = i - within + (is_half_split ? pair : 2 * pair);
        open_row(a, p, start, is_half_split ? pairs + 1 : 2);
        table(op.table);
        break;
      }
      case OperatorKind::kScores: {
        const std::uint64_t head = operator_at(a).width / op.groups;
        const std::uint64_t h = i / keys;
        open_row(a, p, h * head, head);
        open_row(b, static_cast<std::uint32_t>(i % keys), h * op.kv_groups / op.groups * head,
                 head);
        break;
      }
      case OperatorKind::kRowMax:
      case OperatorKind::kRowSum:
        open_row(a, p, i * keys, keys);
        break;
      case OperatorKind::kExp:
        open_row(a, p, i, 1);
        open_row(b, p, i / keys, 1);
        table(op.table);
        break;
      case OperatorKind::kMix: {
        if (at.is_value) {
          open_row(b, p, i, 1);
          break;
        }
        const std::uint64_t head = op.width / op.groups;
        const std::uint64_t h = i / head;
        open_row(a, p, h * keys, keys);
        range(2 * (h * op.kv_groups / op.groups * head + i % head) * positions(), 2 * keys);
        break;
      }
      case OperatorKind::kActivation:
        open_row(a, p, i, 1);
        table(op.table);
        break;
      case OperatorKind::kBlockMax:
        open_row(a, p, 256 * (i / 2),
                 std::min<std::uint64_t>(256, operator_at(a).width - 256 * (i / 2)));
        break;
      case OperatorKind::kPosition:
      case OperatorKind::kGroupedMatMul:
      case OperatorKind::kGain:
        ADD_FAILURE() << "there is no step of it";
        break;
    }
    return sections_;
  }

  /// Of a question about as many sums as the row of MatMul has.
  std::vector<Section> of_sum(const Element& at, const SumQuestion& question) {
    const Operator& op = operator_at(self_);
    open();
    weights(op.tensor);
    if (question.is_element()) return sections_;
    const std::uint64_t first = 256 * question.number;
    const std::uint64_t width = operator_at(op.inputs[0]).width;
    const TensorLayout& layout = referee_.trace->layout(op.inputs[0]);
    range(layout.offset(at.position, first),
          std::min<std::uint64_t>(256, width - first) * layout.row_bytes());
    return sections_;
  }

 private:
  const Operator& operator_at(std::uint32_t op) const { return referee_.program.operators[op]; }
  std::uint64_t positions() const { return referee_.tokens.positions(); }

  static std::size_t proof(std::uint64_t count) {
    return std::size_t{32} * crypto::merkle_height(count);
  }

  void open() {
    sections_.push_back(
        {64 + proof(referee_.program.operators.size()), StepFault::kOperatorMismatch});
  }

  void open_row(std::uint32_t op, std::uint32_t p, std::uint64_t first, std::uint64_t count) {
    open();
    const TensorLayout& layout = referee_.trace->layout(op);
    range(layout.offset(p, first), count * layout.row_bytes());
  }

  /// A sibling is what stands beside a known node without being known.
  void range(std::uint64_t offset, std::uint64_t size) {
    std::set<std::uint64_t> known;
    for (std::uint64_t at = offset; at < offset + size; ++at) known.insert(at / 256);
    const std::size_t leaves = known.size();
    std::size_t siblings = 0;
    for (unsigned h = 0; h < referee_.trace->shape().height(); ++h) {
      std::set<std::uint64_t> above;
      for (const std::uint64_t node : known) {
        siblings += known.contains(node ^ 1U) ? 0U : 1U;
        above.insert(node / 2);
      }
      known = above;
    }
    sections_.push_back({256 * leaves + 32 * siblings, StepFault::kTraceMismatch});
  }

  void weights(std::uint32_t tensor) {
    const auto& of = referee_.program.tensors[tensor];
    sections_.push_back({40 + proof(referee_.program.tensors.size()), StepFault::kTensorMismatch});
    sections_.push_back({12 + of.columns + proof(of.rows), StepFault::kRowMismatch});
  }

  void table(std::uint32_t table) {
    const auto& of = referee_.program.tables[table];
    const std::size_t bytes = 4 * of.wide.size() + 2 * of.narrow.size();
    sections_.push_back({38 + proof(referee_.program.tables.size()), StepFault::kTableMismatch});
    sections_.push_back({256 + proof((bytes + 255) / 256), StepFault::kEntryMismatch});
  }

  void token(std::uint32_t p) {
    const auto& tokens = referee_.tokens;
    const bool is_prompt = p < tokens.prompt.size();
    sections_.push_back(
        {4 * (is_prompt ? tokens.prompt : tokens.output).size(), StepFault::kTokensMismatch});
  }

  const Referee& referee_;
  std::uint32_t self_;
  std::vector<Section> sections_;
};

// Every section has the length that the page says, a changed byte in it is its own fault, and a
// witness that ends in it is too short.
TEST(Step, EverySectionOfAWitnessHasItsFault) {
  const model::Program toy = toy_program();
  const model::Program tiny = tiny_program().program;
  for (const model::Program* program : {&toy, &tiny}) {
    const Referee referee(*program, some_claim(*program, 3, 4, 4));
    std::mt19937 random(5);
    referee.for_each_element([&](std::uint32_t op, std::uint64_t leaf, const Place& place) {
      if (below(random, program == &toy ? 3 : 100) != 0) return;
      SCOPED_TRACE(operator_name(*program, op));
      const StepCase given = honest(referee, place);
      const Element at = referee.trace->layout(op).element_at(leaf, place.element);
      std::uint32_t begin = 0;
      for (const Section& section : Sections(referee, op).of(at)) {
        const auto size = static_cast<std::uint32_t>(section.size);
        ASSERT_LE(begin + size, given.witness.size());
        for (const std::uint32_t within : {0U, below(random, size), size - 1}) {
          StepCase changed = given;
          changed.witness[begin + within] ^= static_cast<std::uint8_t>(1 + below(random, 255));
          ASSERT_EQ(verdict_name(referee.judge(changed)), fault_name(section.fault)) << within;
        }
        StepCase cut = given;
        cut.witness.resize(begin + below(random, size));
        ASSERT_EQ(verdict_name(referee.judge(cut)), "WitnessTooShort");
        begin += size;
      }
      ASSERT_EQ(begin, given.witness.size());
      StepCase longer = given;
      longer.witness.push_back(0);
      ASSERT_EQ(verdict_name(referee.judge(longer)), "WitnessTooLong");
    });
  }
}

TEST(Step, PlaceAndLeafHaveTheirOwnFaults) {
  const model::Program program = toy_program();
  const Referee referee(program, some_claim(program, 2, 2, 6));
  const StepCase given = honest(referee, {referee.trace->shape().leaf_index(1, 0), 0});
  const auto fault_of = [&](auto change) {
    StepCase changed = given;
    change(changed);
    return verdict_name(referee.judge(changed));
  };
  EXPECT_EQ(fault_of([](StepCase& c) { c.hash.bytes[0] ^= 1; }), "LeafMismatch");
  EXPECT_EQ(fault_of([](StepCase& c) { c.leaf.pop_back(); }), "BadLeafLength");
  EXPECT_EQ(fault_of([](StepCase& c) { c.leaf.clear(); }), "LeafMismatch");
  EXPECT_EQ(fault_of([](StepCase& c) { c.place.element = 64; }), "ElementOutOfRange");
}

// Programs that check_program refuses can be registered all the same: the step must end in a
// fault that names the reason. Each changes one field of one operator of the toy.
TEST(Step, HostileDescriptorsHaveTheirFaults) {
  const auto fault_of = [](OperatorKind kind, auto change) {
    const model::Program before = toy_program();
    const Referee truth(before, some_claim(before, 2, 2, 6));
    std::uint32_t at = 0;
    while (before.operators[at].kind != kind) ++at;
    const TensorLayout& layout = truth.trace->layout(at);
    const Place place{truth.trace->shape().leaf_index(at, layout.value_leaves()), 0};
    StepCase given = honest(truth, place);

    model::Program program = before;
    change(program.operators[at]);
    const ModelProver prover(program);
    // The tree of operators is another one now, so every opening of an operator is.
    std::vector<std::uint32_t> opened{at, before.operators[at].inputs[0],
                                      before.operators[at].inputs[1]};
    std::size_t begin = 0;
    std::size_t next = 0;
    for (const Section& section :
         Sections(truth, at).of(layout.element_at(layout.value_leaves(), 0))) {
      if (section.fault == StepFault::kOperatorMismatch) {
        const Bytes opening = prover.operator_opening(opened[next++]);
        std::copy(opening.begin(), opening.end(),
                  given.witness.begin() + static_cast<std::ptrdiff_t>(begin));
      }
      begin += section.size;
    }
    const StepClaim claim = StepClaim::of(prover, truth.trace->root(), truth.tokens);
    return verdict_name(check_step(claim, given.place, given.hash, given.leaf, given.witness));
  };
  using enum OperatorKind;
  const auto none = [](Operator&) {};
  EXPECT_EQ(fault_of(kScale, none), "true");
  EXPECT_EQ(fault_of(kNarrow, [](Operator& op) { op.kind = static_cast<OperatorKind>(0); }),
            "UnknownKind");
  for (const OperatorKind kind : {kPosition, kGroupedMatMul, kGain}) {
    EXPECT_EQ(fault_of(kNarrow, [kind](Operator& op) { op.kind = kind; }), "UnknownKind");
  }
  EXPECT_EQ(fault_of(kNarrow, [](Operator& op) { op.width = 0; }), "BadDescriptor");
  EXPECT_EQ(fault_of(kNarrow, [](Operator& op) { op.width = 1U << 31; }), "TensorTooLarge");
  EXPECT_EQ(fault_of(kNarrow, [](Operator& op) { op.shift = 0; }), "BadDescriptor");
  EXPECT_EQ(fault_of(kNarrow, [](Operator& op) { op.shift = 63; }), "BadDescriptor");
  EXPECT_EQ(fault_of(kNarrow, [](Operator& op) { op.bits = 32; }), "BadDescriptor");
  EXPECT_EQ(fault_of(kNarrow, [](Operator& op) { op.bits = 0; }), "BadDescriptor");
  EXPECT_EQ(fault_of(kNarrow, [](Operator& op) { op.inputs[0] = 1; }), "InputNotEarlier");
  EXPECT_EQ(fault_of(kRoot, [](Operator& op) { op.inputs[0] = 1; }), "OperatorMismatch");
  EXPECT_EQ(fault_of(kMix, [](Operator& op) { op.groups = 0; }), "BadDescriptor");
  EXPECT_EQ(fault_of(kMix, [](Operator& op) { op.kv_groups = 0; }), "BadDescriptor");
  EXPECT_EQ(fault_of(kMix, [](Operator& op) { op.width += 1; }), "BadDescriptor");
  EXPECT_EQ(fault_of(kScale, [](Operator& op) { op.groups = 0; }), "BadDescriptor");
  EXPECT_EQ(fault_of(kScale, [](Operator& op) { op.groups = 4; }), "BadDescriptor");
  EXPECT_EQ(fault_of(kReciprocal, [](Operator& op) { op.constant = 63; }), "BadDescriptor");
  EXPECT_EQ(fault_of(kRope, [](Operator& op) { op.rotated = 4; }), "BadDescriptor");
  EXPECT_EQ(fault_of(kRope, [](Operator& op) { op.rotated = 1; }), "BadDescriptor");
  EXPECT_EQ(fault_of(kRope, [](Operator& op) { op.pairing = 2; }), "BadDescriptor");
  EXPECT_EQ(fault_of(kRope, [](Operator& op) { op.table = 2; }), "TableMismatch");
  EXPECT_EQ(fault_of(kRope, [](Operator& op) { op.table = 3; }), "TableOutOfRange");
  EXPECT_EQ(fault_of(kScores, [](Operator& op) { op.groups = 1; }), "BadDescriptor");
  EXPECT_EQ(fault_of(kMatMul, [](Operator& op) { op.tensor = 100; }), "TensorOutOfRange");
  EXPECT_EQ(fault_of(kMatMul, [](Operator& op) { op.bits = 31; }), "false");
}

// A leaf where there is none, none where there is one, and bytes behind the last element.
TEST(Step, LeavesAndPaddingAreWhatTheShapeSays) {
  const model::Program program = toy_program();
  const Referee referee(program, some_claim(program, 2, 2, 7));
  const TraceShape& shape = referee.trace->shape();
  const Bytes some_leaf(kLeafBytes, 7);
  const auto judge = [&](std::uint64_t at, const Bytes& leaf, std::uint32_t element = 0) {
    const Hash32 hash = leaf.empty() ? Hash32{} : crypto::merkle_leaf(leaf);
    const Bytes witness = make_place_witness(referee.prover, shape, at);
    return verdict_name(check_step(referee.claim, {at, element}, hash, leaf, witness));
  };
  for (std::uint32_t op = 0; op < shape.operators; ++op) {
    const TensorLayout& layout = referee.trace->layout(op);
    const std::uint64_t behind = shape.leaf_index(op, layout.leaves());
    EXPECT_EQ(judge(behind, {}), "true");
    EXPECT_EQ(judge(behind, some_leaf), "false");
    EXPECT_EQ(judge(behind - 1, {}), "false");
    for (const std::uint64_t end : {layout.value_leaves(), layout.leaves()}) {
      if (end == 0) continue;
      const unsigned size = layout.element_bytes(end - 1);
      const std::uint32_t used = layout.elements_in(end - 1);
      if (used * size == kLeafBytes) continue;
      const Leaf truth = referee.trace->leaf(shape.leaf_index(op, end - 1));
      Bytes leaf(truth.begin(), truth.end());
      EXPECT_EQ(judge(shape.leaf_index(op, end - 1), leaf, used), "true");
      leaf[(used + 1) * size - 1] = 1;
      EXPECT_EQ(judge(shape.leaf_index(op, end - 1), leaf, used), "false");
      EXPECT_EQ(judge(shape.leaf_index(op, end - 1), leaf, kLeafBytes / size), "ElementOutOfRange");
    }
  }
  const std::uint64_t beyond = shape.leaf_index(shape.operators, 3);
  EXPECT_EQ(judge(beyond, {}), "true");
  EXPECT_EQ(judge(beyond, some_leaf), "false");
  EXPECT_EQ(verdict_name(check_step(referee.claim, {beyond, 0}, {}, {}, Bytes(1))),
            "WitnessTooLong");
  EXPECT_EQ(verdict_name(check_step(referee.claim, {beyond, 0}, Hash32{{1}}, {}, {})),
            "LeafMismatch");
}

/// Every question about the sums of every element of MatMul in a trace with a row of 600 columns.
class Sums : public ::testing::Test {
 protected:
  template <typename Body>
  void for_each_question(Body&& body) {
    referee_.for_each_element([&](std::uint32_t op, std::uint64_t, const Place& place) {
      if (program_.operators[op].kind != OperatorKind::kMatMul) return;
      const Leaf leaf = referee_.trace->leaf(place.leaf_index);
      const auto sums = make_sums(referee_.prover, *referee_.trace, referee_.tokens, place);
      ASSERT_TRUE(sums) << fault_name(sums.error());
      SumQuestion question{0, *sums, {}};
      for (; question.number <= question.count(); ++question.number) {
        if (question.is_element()) question.leaf.assign(leaf.begin(), leaf.end());
        body(op, place, question);
      }
    });
  }
  Bytes witness(const Place& place, const SumQuestion& question) const {
    const auto made =
        make_sum_witness(referee_.prover, *referee_.trace, referee_.tokens, place, question);
    EXPECT_TRUE(made) << fault_name(made.error());
    return made.value_or(Bytes{});
  }
  std::string_view judge(const Place& place, const SumQuestion& question,
                         const Bytes& given) const {
    const auto checked = check_question(question, crypto::merkle_leaf(question.leaf));
    if (!checked) return fault_name(checked.error());
    return verdict_name(check_step_sum(referee_.claim, place, question, given));
  }

  const model::Program program_ = toy_program(1, 600);
  const Referee referee_{program_, some_claim(program_, 2, 2, 3)};
};

TEST_F(Sums, EveryTrueOneIsProvenAndEveryOtherFalse) {
  std::size_t most = 0;
  for_each_question([&](std::uint32_t op, const Place& place, const SumQuestion& question) {
    most = std::max<std::size_t>(most, question.count());
    const Bytes right = witness(place, question);
    ASSERT_EQ(judge(place, question, right), "true") << operator_name(program_, op);
    SumQuestion other = question;
    if (question.is_element()) {
      const unsigned size = referee_.trace->layout(op).element_bytes(0);
      other.leaf[(place.element + 1) * size - 1] ^= 1;
    } else {
      other.sums[(question.number + 1) * kSumBytes - 1] ^= 1;
    }
    ASSERT_EQ(judge(place, other, right), "false");
    if (question.number > 0 && !question.is_element()) {
      other = question;
      other.sums[question.number * kSumBytes - 1] ^= 1;  // the one that it is added to
      ASSERT_EQ(judge(place, other, right), "false");
    }
  });
  EXPECT_EQ(most, 3U);
}

TEST_F(Sums, WhatIsReadIsProven) {
  std::mt19937 random(5);
  for_each_question([&](std::uint32_t op, const Place& place, const SumQuestion& question) {
    if (below(random, 3) != 0) return;
    const Bytes right = witness(place, question);
    const Element at = referee_.trace->layout(op).element_at(
        referee_.trace->shape().leaf_of(place.leaf_index), place.element);
    std::uint32_t begin = 0;
    for (const Section& section : Sections(referee_, op).of_sum(at, question)) {
      const auto size = static_cast<std::uint32_t>(section.size);
      Bytes changed = right;
      changed[begin + below(random, size)] ^= 1;
      ASSERT_EQ(judge(place, question, changed), fault_name(section.fault));
      Bytes cut = right;
      cut.resize(begin + below(random, size));
      ASSERT_EQ(judge(place, question, cut), "WitnessTooShort");
      begin += size;
    }
    ASSERT_EQ(begin, right.size());
    Bytes longer = right;
    longer.push_back(0);
    ASSERT_EQ(judge(place, question, longer), "WitnessTooLong");
  });
}

TEST_F(Sums, QuestionsHaveTheirOwnFaults) {
  for_each_question([&](std::uint32_t, const Place& place, const SumQuestion& question) {
    const Bytes right = witness(place, question);
    SumQuestion other = question;
    other.number = question.count() + 1;
    ASSERT_EQ(judge(place, other, right), "SumOutOfRange");
    other = question;
    if (question.is_element()) {
      other.leaf.pop_back();
    } else {
      other.leaf.push_back(0);
    }
    ASSERT_EQ(judge(place, other, right), "BadLeafLength");
    // As many as no row has: false, whatever they say, and no activation is read.
    for (const std::size_t count : {std::size_t{0}, question.count() + 1}) {
      other = question;
      other.sums.resize(count * kSumBytes);
      other.number = 0;
      other.leaf.assign(count == 0 ? kLeafBytes : 0, 0);
      ASSERT_EQ(judge(place, other, witness(place, other)), "false");
      if (!question.is_element()) {
        ASSERT_EQ(judge(place, other, right), "WitnessTooLong");
      }
    }
    Place beyond = place;
    beyond.element = 128;
    ASSERT_EQ(judge(beyond, question, right), "ElementOutOfRange");
    beyond = place;
    beyond.leaf_index += 1U << 8;
    ASSERT_EQ(judge(beyond, question, right), "NoLeaf");
  });
  // What is no product has no sums.
  const Place scale{referee_.trace->shape().leaf_index(1, 0), 0};
  const Bytes opening = referee_.prover.operator_opening(1);
  EXPECT_EQ(judge(scale, {0, Bytes(kSumBytes), {}}, opening), "NoSums");
  EXPECT_EQ(make_sums(referee_.prover, *referee_.trace, referee_.tokens, scale).error(),
            StepFault::kNoSums);
}

// Whatever the bytes are, there is a result; and no bytes but the right ones are a proof.
TEST(Step, IsTotal) {
  const model::Program program = toy_program();
  const Referee referee(program, some_claim(program, 2, 2, 8));
  std::mt19937 random(9);
  for (int trial = 0; trial < 20000; ++trial) {
    const Place place{random() & ((1U << (referee.trace->shape().height() + 1)) - 1),
                      below(random, 140)};
    StepCase given{
        place, {}, Bytes(below(random, 10) == 0 ? 255 : 256), Bytes(below(random, 2000))};
    for (std::uint8_t& byte : given.leaf) byte = static_cast<std::uint8_t>(random());
    for (std::uint8_t& byte : given.witness) byte = static_cast<std::uint8_t>(random());
    given.rehash();
    if (below(random, 2) == 0) {
      const Bytes opening = referee.prover.operator_opening(
          below(random, static_cast<std::uint32_t>(program.operators.size())));
      std::copy_n(opening.begin(), std::min(opening.size(), given.witness.size()),
                  given.witness.begin());
    }
    const auto verdict = referee.judge(given);
    ASSERT_FALSE(verdict.has_value() && *verdict);
  }
}

}  // namespace
}  // namespace imo::opml
