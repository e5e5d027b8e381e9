// The step in C++ against the contract on a chain: the same cases, right and wrong, and the same
// fate for each. In `node`, because `opml` knows no chain and `market` no models.

#include "imo/crypto/keccak.hpp"
#include "imo/eth/anvil.hpp"
#include "imo/eth/client.hpp"
#include "imo/eth/wallet.hpp"
#include "imo/market/abi/StepVerifier.hpp"
#include "imo/model/program_test_support.hpp"
#include "imo/node/key_words.hpp"
#include "imo/node/test_world.hpp"
#include "imo/opml/element.hpp"
#include "imo/opml/record_access.hpp"
#include "imo/opml/step.hpp"
#include "imo/opml/step_test_support.hpp"
#include "imo/opml/toy_program.hpp"
#include "imo/test/StepBatch.hpp"

#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace imo::node {
namespace {

namespace batch = ::imo::test::step_batch;
namespace verifier = market::abi::step_verifier;
using model::Operator;
using model::OperatorKind;
using model::Program;
using model::testing::below;
using model::testing::tiny_program;
using opml::Checked;
using opml::ClaimTokens;
using opml::ModelProver;
using opml::Place;
using opml::plain_trace;
using opml::StepClaim;
using opml::StepFault;
using opml::StoredTrace;
using opml::testing::some_claim;
using opml::testing::toy_program;
using test::must;

using Answer = FixedBytes<4>;

Answer answer_of(std::uint32_t value) {
  Answer answer;
  opml::write_element(answer.bytes, value);
  return answer;
}

/// Collects cases about one claim at a time, and lets both judge them.
class Comparison {
 public:
  Comparison()
      : anvil_(must(eth::Anvil::start(test::anvil_options()))),
        client_(must(eth::Client::connect(anvil_.url()))),
        wallet_(client_, eth::anvil_key(0)),
        verifier_(must(wallet_.deploy(verifier::deploy_data())).address),
        batch_(must(wallet_.deploy(batch::deploy_data())).address) {
    for (const eth::ErrorSignature& error : verifier::error_signatures()) {
      Answer selector;
      std::copy(error.selector.begin(), error.selector.end(), selector.bytes.begin());
      selectors_[error.name] = selector;
      names_[selector] = error.name;
    }
  }

  /// Cases that follow are about this claim.
  void about(const StepClaim& claim) {
    flush();
    claim_ = claim;
  }

  void begin(const Bytes& leaf, const Bytes& witness, const Bytes& sums = {}) {
    cases_.push_back({leaf, sums, witness, {}});
    size_ += leaf.size() + witness.size();
    if (size_ > kBatchBytes) {
      const batch::Case last = std::move(cases_.back());
      cases_.pop_back();
      flush();
      cases_.push_back(last);
      size_ = last.leaf.size() + last.witness.size();
    }
  }

  /// A question about the case begun last; the leaf's hash is that of the changed leaf unless
  /// `wrong_hash`.
  void ask(batch::Variation change, bool wrong_hash = false) {
    const batch::Case& given = cases_.back();
    Bytes leaf = given.leaf;
    Bytes witness = given.witness;
    leaf.resize(static_cast<std::size_t>(change.leaf_length.to_u64().value()));
    witness.resize(static_cast<std::size_t>(change.witness_length.to_u64().value()));
    const auto at = static_cast<std::size_t>(change.at.to_u64().value());
    if (at < leaf.size()) {
      leaf[at] ^= change.mask;
    } else if (at >= given.leaf.size() && at - given.leaf.size() < witness.size()) {
      witness[at - given.leaf.size()] ^= change.mask;
    }
    change.leaf_hash = leaf.empty() ? Hash32{} : crypto::merkle_leaf(leaf);
    if (wrong_hash) change.leaf_hash.bytes[7] ^= 1;
    const Place place{change.leaf_index.to_u64().value(),
                      static_cast<std::uint32_t>(change.element.to_u64().value())};
    const opml::SumQuestion sum{change.number.to_u64().value(), given.sums, leaf};
    expected_.push_back(judge(change, place, sum, witness));
    cases_.back().variations.push_back(change);
  }

  void flush() {
    if (expected_.empty()) return;
    const batch::Batch all{verifier_, opening_words<batch::ModelOpening>(claim_.model),
                           claim_words(), std::exchange(cases_, {})};
    const auto call = batch::ask(all);
    eth::CallRequest request{.to = batch_, .data = must(Result<Bytes>(call.data))};
    request.gas_limit = 1'000'000'000'000ULL;
    const auto outcome = must(client_.try_call(request));
    ASSERT_FALSE(outcome.reverted) << client_.errors().describe(outcome.data);
    const auto answers = must(call.decode(outcome.data));
    ASSERT_EQ(answers.size(), expected_.size());
    std::size_t next = 0;
    for (const batch::Case& each : all.cases) {
      for (const batch::Variation& change : each.variations) {
        ++seen_[name_of(expected_[next])];
        if (answers[next] != expected_[next] && ++differences_ <= 20) {
          ADD_FAILURE() << "question " << int(change.question) << " leaf "
                        << change.leaf_index.to_dec() << " element " << change.element.to_dec()
                        << " witness " << change.witness_length.to_dec() << " of "
                        << each.witness.size() << " changed at " << change.at.to_dec() << ": C++ "
                        << name_of(expected_[next]) << ", contract " << name_of(answers[next]);
        }
        ++next;
      }
    }
    total_ += next;
    expected_.clear();
    size_ = 0;
  }

  [[nodiscard]] std::size_t total() const { return total_; }
  [[nodiscard]] std::size_t differences() const { return differences_; }
  [[nodiscard]] const std::map<std::string, std::size_t>& seen() const { return seen_; }

  static constexpr std::uint8_t kStep = 0;
  static constexpr std::uint8_t kSum = 1;

 private:
  static constexpr std::size_t kBatchBytes = 200'000;

  /// The question's leaf is that of the case, and its number that of the change.
  Answer judge(const batch::Variation& change, const Place& place,
               const opml::SumQuestion& question, BytesView witness) const {
    const auto answer = [this](const auto& checked) {
      if (checked) return answer_of(static_cast<std::uint32_t>(*checked));
      return selectors_.at(opml::fault_name(checked.error()));
    };
    switch (change.question) {
      case kSum: {
        const auto checked = check_question(question, change.leaf_hash);
        if (!checked) return selectors_.at(opml::fault_name(checked.error()));
        return answer(check_step_sum(claim_, place, question, witness));
      }
      default:
        return answer(check_step(claim_, place, change.leaf_hash, question.leaf, witness));
    }
  }

  std::string name_of(const Answer& answer) const {
    const auto found = names_.find(answer);
    if (found != names_.end()) return std::string(found->second);
    const auto value = static_cast<std::uint32_t>(opml::read_element(answer.bytes));
    return value <= opml::kLeafBytes ? fmt::format("{}", value) : fmt::format("{:#x}", value);
  }

  batch::Claim claim_words() const {
    return {claim_.model.root(),
            claim_.trace_root,
            claim_.prompt_hash,
            claim_.output_hash,
            std::uint64_t{claim_.prompt_count},
            std::uint64_t{claim_.output_count},
            std::uint64_t{claim_.output_position}};
  }

  eth::Anvil anvil_;
  eth::Client client_;
  eth::Wallet wallet_;
  Address verifier_;
  Address batch_;
  std::map<std::string_view, Answer> selectors_;
  std::map<Answer, std::string_view> names_;
  StepClaim claim_;
  std::vector<batch::Case> cases_;
  std::vector<Answer> expected_;
  std::size_t size_ = 0;
  std::size_t total_ = 0;
  std::size_t differences_ = 0;
  std::map<std::string, std::size_t> seen_;
};

/// A trace and how its steps are recorded, whatever they come to.
class Recorder {
 public:
  Recorder(const Program& program, ClaimTokens tokens, std::unique_ptr<StoredTrace> trace)
      : tokens_(std::move(tokens)),
        prefix_(tokens_.prefix()),
        prover_(program),
        trace_(std::move(trace)) {}

  [[nodiscard]] const StoredTrace& trace() const { return *trace_; }
  [[nodiscard]] bool is_product(std::uint32_t op) const {
    return prover_.program().operators[op].kind == OperatorKind::kMatMul;
  }
  [[nodiscard]] const ModelProver& prover() const { return prover_; }
  [[nodiscard]] StepClaim claim() const { return StepClaim::of(prover_, trace_->root(), tokens_); }

  /// The witness of an element, as far as its step goes; its leaf says what the step does.
  opml::testing::StepCase record(const Place& place) const {
    const opml::TraceShape& shape = trace_->shape();
    const opml::Leaf leaf = trace_->leaf(place.leaf_index);
    opml::testing::StepCase made{place, {}, {leaf.begin(), leaf.end()}, {}};
    opml::RecordAccess access(prover_, *trace_, tokens_, prefix_);
    const auto self = access.open(static_cast<std::uint32_t>(shape.operator_of(place.leaf_index)));
    const std::uint64_t number = shape.leaf_of(place.leaf_index);
    if (self && number < self->layout.leaves() &&
        place.element < self->layout.elements_in(number)) {
      const auto value =
          opml::Step(access, *self, self->layout.element_at(number, place.element)).run();
      const unsigned size = self->layout.element_bytes(number);
      if (value) {
        opml::write_element(std::span(made.leaf).subspan(place.element * size, size),
                            static_cast<std::int64_t>(*value));
      }
    }
    made.witness = access.witness();
    return made;
  }

  /// The claimed sums of an element, which has none where it is no product, and its leaf.
  opml::SumQuestion question(const Place& place, bool is_wrong_count) const {
    const opml::Leaf leaf = trace_->leaf(place.leaf_index);
    opml::SumQuestion made{
        0,
        opml::make_sums(prover_, *trace_, tokens_, place).value_or(Bytes(opml::kSumBytes)),
        {leaf.begin(), leaf.end()}};
    if (is_wrong_count) made.sums.resize(made.sums.size() + opml::kSumBytes);
    return made;
  }
  Bytes record_sum(const Place& place, const opml::SumQuestion& question) const {
    const opml::TraceShape& shape = trace_->shape();
    opml::RecordAccess access(prover_, *trace_, tokens_, prefix_);
    const auto self = access.open(static_cast<std::uint32_t>(shape.operator_of(place.leaf_index)));
    const std::uint64_t number = shape.leaf_of(place.leaf_index);
    if (self && number < self->layout.leaves() &&
        place.element < self->layout.elements_in(number)) {
      static_cast<void>(opml::Step(access, *self, self->layout.element_at(number, place.element))
                            .run_sum(opml::unpack_sums(question.sums), question.number));
    }
    return access.witness();
  }

 private:
  ClaimTokens tokens_;
  std::vector<engine::TokenId> prefix_;
  ModelProver prover_;
  std::unique_ptr<StoredTrace> trace_;
};

batch::Variation plain(const opml::testing::StepCase& given) {
  return {Comparison::kStep,
          given.place.leaf_index,
          {},
          std::uint64_t{given.place.element},
          0,
          std::uint64_t{given.leaf.size()},
          std::uint64_t{given.witness.size()},
          0,
          0};
}

/// The right case, and others close to it.
void ask_around(Comparison& comparison, std::mt19937& random, const Recorder& recorder,
                const opml::testing::StepCase& given, unsigned changes) {
  const auto any = [&](std::size_t bound) {
    return std::uint64_t{below(random, static_cast<std::uint32_t>(bound))};
  };
  const batch::Variation right = plain(given);
  const auto with = [&](auto change, bool wrong_hash = false) {
    batch::Variation other = right;
    change(other);
    comparison.ask(other, wrong_hash);
  };
  comparison.begin(given.leaf, given.witness);
  comparison.ask(right);
  for (unsigned i = 0; i < changes; ++i) {  // a byte of the leaf, then of the witness
    with([&](batch::Variation& v) {
      v.at = i % 4 == 0 ? any(given.leaf.size()) : given.leaf.size() + any(given.witness.size());
      v.mask = static_cast<std::uint8_t>(1 + any(255));
    });
  }
  with([&](batch::Variation& v) { v.witness_length = any(given.witness.size()); });
  with([&](batch::Variation& v) { v.witness_length = given.witness.size() + 1 + any(40); });
  with([&](batch::Variation& v) { v.element = any(130); });
  with([&](batch::Variation& v) {
    v.leaf_index =
        v.leaf_index.to_u64().value() ^ (1U << any(recorder.trace().shape().height() + 1));
  });
  if (any(4) == 0) with([](batch::Variation&) {}, true);
  if (any(4) == 0) with([](batch::Variation& v) { v.leaf_length = 255; });
}

/// A question about the sums of an element of MatMul, and others close to it. In edge traces the
/// sums are nobody's, so that most of them are false.
void ask_about_sums(Comparison& comparison, std::mt19937& random, const Recorder& recorder,
                    const Place& place) {
  const auto any = [&](std::size_t bound) {
    return std::uint64_t{below(random, static_cast<std::uint32_t>(bound))};
  };
  opml::SumQuestion question = recorder.question(place, any(4) == 0);
  question.number = any(question.count() + 1);
  if (!question.is_element()) question.leaf.clear();
  const Bytes witness = recorder.record_sum(place, question);
  const batch::Variation right{Comparison::kSum,
                               place.leaf_index,
                               {},
                               std::uint64_t{place.element},
                               question.number,
                               std::uint64_t{question.leaf.size()},
                               std::uint64_t{witness.size()},
                               0,
                               0};
  comparison.begin(question.leaf, witness, question.sums);
  comparison.ask(right);
  for (unsigned i = 0; i < 6; ++i) {
    batch::Variation other = right;
    other.at = any(question.leaf.size() + witness.size());
    other.mask = static_cast<std::uint8_t>(1 + any(255));
    comparison.ask(other);
  }
  const auto with = [&](auto change, bool wrong_hash = false) {
    batch::Variation other = right;
    change(other);
    comparison.ask(other, wrong_hash);
  };
  with([&](batch::Variation& v) { v.witness_length = any(witness.size()); });
  with([&](batch::Variation& v) { v.witness_length = witness.size() + 1 + any(40); });
  with([&](batch::Variation& v) { v.number = any(question.count() + 3); });
  with([&](batch::Variation& v) { v.leaf_length = 256 - right.leaf_length.to_u64().value(); });
  with([&](batch::Variation& v) { v.element = any(130); });
  with([&](batch::Variation& v) {
    v.leaf_index =
        v.leaf_index.to_u64().value() ^ (1U << any(recorder.trace().shape().height() + 1));
  });
  with([](batch::Variation&) {}, true);
}

/// Leaves that are there, left out, or where none may be, at and behind the end of one operator.
void ask_about_leaves(Comparison& comparison, std::mt19937& random, const Recorder& recorder,
                      std::uint32_t op) {
  const opml::TraceShape& shape = recorder.trace().shape();
  const std::uint64_t last = shape.leaf_index(op, recorder.trace().layout(op).leaves() - 1);
  const opml::Leaf leaf = recorder.trace().leaf(last);
  const Bytes opening = recorder.prover().operator_opening(op);
  comparison.begin({leaf.begin(), leaf.end()}, opening);
  const std::uint64_t beyond = shape.leaf_index(shape.operators, op);
  for (const std::uint64_t index : {last, last + 1, beyond}) {
    for (const std::uint64_t length : {0U, 256U}) {
      for (const std::uint64_t opened :
           {std::size_t{0}, opening.size() - 1, opening.size(), opening.size() + 1}) {
        batch::Variation change{Comparison::kStep,
                                index,
                                {},
                                std::uint64_t{below(random, 130)},
                                0,
                                length,
                                opened,
                                0,
                                0};
        comparison.ask(change);
        comparison.ask(change, true);
        change.at = below(random, static_cast<std::uint32_t>(256 + opening.size()));
        change.mask = 1;
        comparison.ask(change);
      }
    }
  }
}

/// Values at the edges of their types, which no true trace has.
std::int64_t edge_value(std::mt19937& random, unsigned bits) {
  const auto any = static_cast<std::int64_t>(std::uint64_t{random()} << 32 | random());
  switch (below(random, 6)) {
    case 0:
      return 0;
    case 1:
      return std::int64_t{1} << below(random, bits - 1);
    case 2:
      return -(std::int64_t{1} << below(random, bits - 1));
    case 3:
      return static_cast<std::int64_t>((~std::uint64_t{0} >> 1) >> (64 - bits));
    case 4:
      return -static_cast<std::int64_t>((~std::uint64_t{0} >> 1) >> (64 - bits)) - 1;
    default:
      return any >> (64 - bits);
  }
}

std::unique_ptr<StoredTrace> edge_trace(const Program& program, std::uint32_t positions,
                                        std::mt19937& random) {
  auto trace = std::make_unique<StoredTrace>(program, positions);
  for (std::uint32_t op = 0; op < trace->shape().operators; ++op) {
    const opml::TensorLayout& layout = trace->layout(op);
    for (std::uint64_t leaf = 0; leaf < layout.leaves(); ++leaf) {
      for (std::uint32_t i = 0; i < layout.elements_in(leaf); ++i) {
        trace->set_element(op, leaf, i, edge_value(random, 8 * layout.element_bytes(leaf)));
      }
    }
  }
  return trace;
}

Place random_place(const StoredTrace& trace, std::mt19937& random, std::uint32_t op) {
  const opml::TensorLayout& layout = trace.layout(op);
  const std::uint64_t leaf = below(random, static_cast<std::uint32_t>(layout.leaves()));
  return {trace.shape().leaf_index(op, leaf), below(random, layout.elements_in(leaf))};
}

void compare_trace(Comparison& comparison, std::mt19937& random, const Recorder& recorder,
                   unsigned places) {
  comparison.about(recorder.claim());
  for (std::uint32_t op = 0; op < recorder.trace().shape().operators; ++op) {
    for (unsigned i = 0; i < places; ++i) {
      ask_around(comparison, random, recorder,
                 recorder.record(random_place(recorder.trace(), random, op)), 8);
      if (i % 4 == 0 || recorder.is_product(op)) {
        ask_about_sums(comparison, random, recorder, random_place(recorder.trace(), random, op));
      }
    }
    ask_about_leaves(comparison, random, recorder, op);
  }
}

/// One field of one operator gets another value.
void disturb(Operator& op, std::mt19937& random) {
  constexpr std::array<std::uint32_t, 10> kWords{0,  1,  2,   3,          5,
                                                 62, 63, 256, 0x80000000, 0xFFFFFFFF};
  const std::uint32_t word = kWords[below(random, kWords.size())];
  const auto byte = static_cast<std::uint8_t>(word);
  switch (below(random, 13)) {
    case 0:
      // Those that no step knows, and one that there is not, are among them.
      op.kind = static_cast<OperatorKind>(below(random, 23));
      break;
    case 1:
      op.bits = below(random, 2) == 0 ? 31 : byte;
      break;
    case 2:
      op.shift = byte;
      break;
    case 3:
      op.pairing = byte;
      break;
    case 4:
    case 5:
      op.inputs[below(random, 2)] = below(random, 2) == 0 ? word : below(random, 39);
      break;
    case 6:
      op.tensor = word;
      break;
    case 7:
      op.table = word;
      break;
    case 8:
      op.width = word;
      break;
    case 9:
      op.groups = word;
      break;
    case 10:
      op.kv_groups = word;
      break;
    case 11:
      op.rotated = word;
      break;
    default:
      op.constant = word;
      op.multiplier = word;
      break;
  }
}

// Programs that nobody compiles: every step ends in the same value or the same fault.
void compare_hostile_programs(Comparison& comparison, std::mt19937& random, unsigned programs) {
  const Program toy = toy_program();
  const ClaimTokens tokens = some_claim(toy, 2, 2, 21);
  for (unsigned i = 0; i < programs; ++i) {
    Program program = toy;
    const auto count = static_cast<std::uint32_t>(program.operators.size());
    const std::uint32_t at = below(random, count);
    disturb(program.operators[at], random);
    const Recorder recorder(program, tokens, edge_trace(toy, tokens.positions(), random));
    comparison.about(recorder.claim());
    for (std::uint32_t op = 0; op < count; ++op) {
      const Operator& self = program.operators[op];
      if (op != at && self.inputs[0] != at && self.inputs[1] != at) continue;
      for (int place = 0; place < 4; ++place) {
        ask_around(comparison, random, recorder,
                   recorder.record(random_place(recorder.trace(), random, op)), 2);
        ask_about_sums(comparison, random, recorder, random_place(recorder.trace(), random, op));
      }
    }
  }
}

// Tables that are not there, and one that is too short.
void compare_missing_tables(Comparison& comparison, std::mt19937& random) {
  Program absent = toy_program(4);
  for (Operator& op : absent.operators) {
    if (op.table != model::kNone) op.table = static_cast<std::uint32_t>(absent.tables.size());
  }
  Program cut = toy_program(4);
  for (model::Table& table : cut.tables) table.narrow = table.narrow.first(table.narrow.size() / 4);
  for (const Program* program : {&absent, &cut}) {
    const ClaimTokens tokens = some_claim(*program, 2, 4, 6);
    compare_trace(comparison, random,
                  Recorder(*program, tokens, edge_trace(*program, tokens.positions(), random)), 4);
  }
}

// Weights of -128, multipliers and biases that check_program refuses.
Program with_hostile_weights(Program program, std::mt19937& random) {
  for (std::size_t i = 0; i < program.tensors.size(); ++i) {
    const auto owned = model::testing::own_tensor(program, i);
    for (std::int8_t& w : owned->weights) w = random() % 2 == 0 ? -128 : 127;
    for (std::uint32_t& m : owned->multipliers) {
      m = random() % 3 == 0 ? 0xFFFFFFFF : (1U << 24) - random() % 2;
    }
    for (std::int64_t& b : owned->biases) b = edge_value(random, random() % 2 == 0 ? 37 : 64);
  }
  return program;
}

TEST(StepEquivalence, ContractAndCppJudgeAlike) {
  Comparison comparison;
  std::mt19937 random(1);
  for (const auto& [seed, hidden] : {std::pair{1U, 3U}, {2U, 3U}, {5U, 600U}}) {
    const Program program = toy_program(seed, hidden);
    const ClaimTokens tokens = some_claim(program, 2, 3, seed);
    compare_trace(comparison, random,
                  Recorder(program, tokens, plain_trace(program, tokens.prefix())), 10);
    compare_trace(comparison, random,
                  Recorder(program, tokens, edge_trace(program, tokens.positions(), random)), 16);
  }
  const model::testing::TinyShape qwen{.architecture = "qwen2",
                                       .width = 24,
                                       .hidden = 150,
                                       .layers = 1,
                                       .heads = 3,
                                       .kv_heads = 3,
                                       .context = 40,
                                       .biases = true};
  for (const auto& shape : {model::testing::TinyShape{}, qwen}) {
    const Program program = tiny_program(shape).program;
    const ClaimTokens tokens = some_claim(program, 15, 12, 4);
    compare_trace(comparison, random,
                  Recorder(program, tokens, plain_trace(program, tokens.prefix())), 6);
    compare_trace(comparison, random,
                  Recorder(program, tokens, edge_trace(program, tokens.positions(), random)), 8);
  }
  for (const Program& hostile : {with_hostile_weights(toy_program(3), random),
                                 with_hostile_weights(tiny_program(qwen).program, random)}) {
    const ClaimTokens tokens = some_claim(hostile, 1, 2, 5);
    compare_trace(comparison, random,
                  Recorder(hostile, tokens, edge_trace(hostile, tokens.positions(), random)), 12);
  }
  compare_missing_tables(comparison, random);
  compare_hostile_programs(comparison, random, 400);
  comparison.flush();

  EXPECT_GE(comparison.total(), 50'000U);
  EXPECT_EQ(comparison.differences(), 0U);
  // Nothing that can come out is left out; the rest of IStepVerifier's errors is about claims.
  for (int fault = 0; fault <= static_cast<int>(StepFault::kWitnessTooLong); ++fault) {
    const std::string name(opml::fault_name(static_cast<StepFault>(fault)));
    EXPECT_TRUE(comparison.seen().contains(name)) << "no case ended in " << name;
  }
  EXPECT_TRUE(comparison.seen().contains("0"));
  EXPECT_TRUE(comparison.seen().contains("1"));
  std::string counts;
  for (const auto& [name, count] : comparison.seen()) counts += fmt::format(" {} {},", name, count);
  RecordProperty("cases", std::to_string(comparison.total()));
  RecordProperty("outcomes", counts);
}

}  // namespace
}  // namespace imo::node
