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
  const TraceShape& shape = referee.trace->shape();
  const StepCase given = honest(referee, {shape.leaf_index(1, 0), 0});
  const auto fault_of = [&](auto change) {
    StepCase changed = given;
    change(changed);
    return verdict_name(referee.judge(changed));
  };
  EXPECT_EQ(
      fault_of([&](StepCase& c) { c.place.leaf_index = shape.leaf_index(shape.operators, 0); }),
      "OperatorOutOfRange");
  EXPECT_EQ(fault_of([](StepCase& c) { c.hash.bytes[0] ^= 1; }), "LeafMismatch");
  EXPECT_EQ(fault_of([](StepCase& c) { c.leaf.pop_back(); }), "BadLeafLength");
  EXPECT_EQ(fault_of([&](StepCase& c) { c.place.leaf_index += referee.trace->layout(1).leaves(); }),
            "LeafOutOfRange");
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

TEST(Step, LeavesAndPaddingAreWhatTheShapeSays) {
  const model::Program program = toy_program();
  const Referee referee(program, some_claim(program, 2, 2, 7));
  const StoredTrace& trace = *referee.trace;
  for (std::uint32_t op = 0; op < trace.shape().operators; ++op) {
    const Bytes opening = referee.prover.operator_opening(op);
    const std::uint64_t leaves = trace.layout(op).leaves();
    const std::uint64_t last = trace.shape().leaf_index(op, leaves - 1);
    Leaf leaf = trace.leaf(last);
    const auto elements = check_leaf(referee.claim, last, trace.node(0, last), leaf, opening);
    ASSERT_TRUE(elements) << fault_name(elements.error());
    EXPECT_EQ(*elements, trace.layout(op).elements_in(leaves - 1));
    EXPECT_EQ(check_leaf(referee.claim, last, trace.node(0, last), leaf, Bytes(64)).error(),
              StepFault::kWitnessTooShort);
    if (*elements * trace.layout(op).element_bytes(leaves - 1) < kLeafBytes) {
      leaf.back() = 1;
      EXPECT_EQ(check_leaf(referee.claim, last, crypto::merkle_leaf(leaf), leaf, opening).error(),
                StepFault::kNonZeroPadding);
    }
    EXPECT_FALSE(*check_padding(referee.claim, last, {}, opening));
    EXPECT_TRUE(*check_padding(referee.claim, last + 1, trace.node(0, last + 1), opening));
    EXPECT_FALSE(*check_padding(referee.claim, last + 1, crypto::merkle_leaf(leaf), opening));
  }
  const std::uint64_t beyond = trace.shape().leaf_index(trace.shape().operators, 3);
  EXPECT_TRUE(*check_padding(referee.claim, beyond, {}, {}));
  EXPECT_FALSE(*check_padding(referee.claim, beyond, Hash32{{1}}, {}));
  EXPECT_EQ(check_padding(referee.claim, beyond, {}, Bytes(1)).error(), StepFault::kWitnessTooLong);
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
    ASSERT_FALSE(referee.judge(given).has_value());
  }
}

}  // namespace
}  // namespace imo::opml
