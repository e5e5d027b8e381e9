// What registering a key says of its model, in C++ against the contract RegistrationVerifier on a
// chain: the same elements, the same faults, and nothing of a shape left open.

#include "imo/base/thread_pool.hpp"
#include "imo/market/abi/RegistrationVerifier.hpp"
#include "imo/node/key_prover.hpp"
#include "imo/node/key_words.hpp"
#include "imo/node/proof_chain.hpp"
#include "imo/zkml/model_party_test_support.hpp"
#include "imo/zkml/model_program.hpp"

#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace imo::node {
namespace {

namespace referee = market::abi::registration_verifier;
using model::Program;
using test::must;
using test::ProofChain;
using zkml::Fp;
using zkml::Fp3;
using zkml::ModelShape;
using zkml::ProgramFault;
using zkml::VerifyingKey;
using zkml::test::tiny;
using Part = ProgramFault::Part;

/// A key whose commitment nobody made: for what does not look at it.
VerifyingKey key_of(const opml::ModelProver& model, ModelShape shape) {
  VerifyingKey key{model.opening().root(), {}, Fp3(5), std::move(shape)};
  key.registered_root.bytes[3] = 7;
  return key;
}

/// A chain with the contract.
class Referee {
 public:
  Referee() : chain_(referee::deploy_data(), referee::error_signatures()) {}

  std::uint64_t variables(const VerifyingKey& key, const opml::ModelProver& model) {
    return chain_.ask(check_key(key, model)).to_u64().value();
  }
  /// Empty when the key may be registered.
  Bytes refusal(const VerifyingKey& key, const opml::ModelProver& model) {
    return chain_.revert_data(check_key(key, model).data);
  }
  /// The same with any value in the key.
  Bytes refusal_of_value(const VerifyingKey& key, const opml::ModelProver& model,
                         const FixedBytes<24>& value) {
    referee::VerifyingKey changed = words(key);
    changed.binding_value = value;
    return chain_.revert_data(referee::check_key(changed, words(model)).data);
  }
  bool is_right(const VerifyingKey& key, const opml::ModelProver& model, const ProgramFault& part) {
    return chain_.ask(right(key, model, part, part_witness(model, part)));
  }
  Bytes refusal(const VerifyingKey& key, const opml::ModelProver& model, const ProgramFault& part,
                const Bytes& witness) {
    return chain_.revert_data(right(key, model, part, witness).data);
  }
  FixedBytes<24> term(const VerifyingKey& key, const opml::ModelProver& model, std::uint64_t cell,
                      const Bytes& witness) {
    return chain_.ask(term_call(key, model, cell, witness));
  }
  Bytes term_refusal(const VerifyingKey& key, const opml::ModelProver& model, std::uint64_t cell,
                     const Bytes& witness) {
    return chain_.revert_data(term_call(key, model, cell, witness).data);
  }
  std::uint64_t term_gas(const VerifyingKey& key, const opml::ModelProver& model,
                         std::uint64_t cell, const Bytes& witness) {
    return chain_.gas_of(term_call(key, model, cell, witness).data);
  }
  std::uint64_t right_gas(const VerifyingKey& key, const opml::ModelProver& model,
                          const ProgramFault& part) {
    return chain_.gas_of(right(key, model, part, part_witness(model, part)).data);
  }
  std::uint64_t key_gas(const VerifyingKey& key, const opml::ModelProver& model) {
    return chain_.gas_of(check_key(key, model).data);
  }
  const Bytes& selector(std::string_view error) const { return chain_.selector(error); }

 private:
  static referee::VerifyingKey words(const VerifyingKey& key) {
    return key_words<referee::VerifyingKey>(key);
  }
  static referee::ModelOpening words(const opml::ModelProver& model) {
    return opening_words<referee::ModelOpening>(model.opening());
  }
  static eth::Call<U256> check_key(const VerifyingKey& key, const opml::ModelProver& model) {
    return referee::check_key(words(key), words(model));
  }
  static eth::Call<bool> right(const VerifyingKey& key, const opml::ModelProver& model,
                               const ProgramFault& part, const Bytes& witness) {
    return referee::is_right(words(key), words(model), static_cast<std::uint8_t>(part.part),
                             U256(part.index), U256(part.row), witness);
  }
  static eth::Call<FixedBytes<24>> term_call(const VerifyingKey& key,
                                             const opml::ModelProver& model, std::uint64_t cell,
                                             const Bytes& witness) {
    return referee::term_of(words(key), words(model), U256(cell), witness);
  }

  ProofChain chain_;
};

/// First, last and some other cells of every column, and some between columns.
std::set<std::uint64_t> cells_of(const ModelShape& shape, std::mt19937_64& random) {
  const auto circuit = zkml::ModelCircuit::make(shape, {{0}, {0}});
  const std::uint64_t count = std::uint64_t{1} << circuit->circuit().registered_variables;
  std::set<std::uint64_t> cells{0, count - 1, random() % count};
  for (const zkml::Column& column : circuit->circuit().columns) {
    if (column.source != zkml::Source::kRegistered) continue;
    cells.insert(column.offset);
    cells.insert(column.offset + column.size() - 1);
    for (int i = 0; i < 5; ++i) cells.insert(column.offset + random() % column.size());
  }
  return cells;
}

TEST(RegistrationEquivalence, EveryKindOfCellIsComputedAlike) {
  Referee referee;
  ThreadPool pool(2);
  std::mt19937_64 random(4);
  for (const auto& tiny_shape : zkml::test::provable_shapes()) {
    const engine::Model model = tiny(tiny_shape);
    const opml::ModelProver prover(model.program(), &pool);
    const VerifyingKey key = key_of(prover, *ModelShape::of(model.program()));
    const KeyProver parts = must(KeyProver::make(prover, key.shape, pool));
    ASSERT_EQ(referee.variables(key, prover), parts.variables());
    const Fp3 x = key.binding_point();
    std::size_t zeros = 0;
    for (const std::uint64_t cell : cells_of(key.shape, random)) {
      const Fp3 term = parts.sum(x, cell, 0);
      zeros += term == Fp3() ? 1U : 0U;
      EXPECT_EQ(referee.term(key, prover, cell, parts.cell_witness(cell)), zkml::field_bytes(term))
          << cell;
    }
    EXPECT_GT(zeros, 0U);
  }
}

TEST(RegistrationEquivalence, SumsSplitDownToTheCells) {
  ThreadPool pool(2);
  const engine::Model model = tiny({});
  const opml::ModelProver prover(model.program(), &pool);
  const VerifyingKey key = key_of(prover, *ModelShape::of(model.program()));
  const KeyProver parts = must(KeyProver::make(prover, key.shape, pool));
  const Fp3 x = key.binding_point();
  std::uint64_t cell = 0;
  unsigned left = parts.variables();
  Fp3 node = parts.value_at(x);
  std::mt19937_64 random(9);
  while (left > 0) {
    const std::vector<Fp3> sums = parts.split(x, cell, left);
    Fp3 sum;
    for (const Fp3& each : sums) sum += each;
    ASSERT_EQ(sum, node);
    left -= std::min(left, kRevealBits);
    const std::uint64_t chosen = random() % sums.size();
    cell += chosen << left;
    node = sums[chosen];
  }
  EXPECT_EQ(node, parts.sum(x, cell, 0));
}

TEST(RegistrationEquivalence, EveryPartOfAModelIsRightForItsShape) {
  Referee referee;
  for (const auto& tiny_shape : zkml::test::provable_shapes()) {
    const engine::Model model = tiny(tiny_shape);
    const Program& program = model.program();
    const opml::ModelProver prover(program);
    const VerifyingKey key = key_of(prover, *ModelShape::of(program));
    const auto expect_right = [&](Part part, std::uint32_t index, std::uint32_t row = 0) {
      EXPECT_TRUE(referee.is_right(key, prover, {part, index, row, ""}))
          << int(part) << " " << index << " " << row;
    };
    for (std::uint32_t i = 0; i < program.operators.size(); ++i) expect_right(Part::kOperator, i);
    for (std::uint32_t i = 0; i < program.tables.size(); ++i) expect_right(Part::kTable, i);
    for (std::uint32_t i = 0; i < program.tensors.size(); ++i) {
      expect_right(Part::kTensor, i);
      expect_right(Part::kRow, i, program.tensors[i].rows - 1);
    }
  }
}

// Whoever registers another shape than the model's is refused, or can be shown a part that is not
// its. Only biases may be said to be there that are all zero: that is a circuit of the model too.
TEST(RegistrationEquivalence, NoOtherShapeStands) {
  Referee referee;
  const engine::Model model = tiny({.layers = 2});
  const opml::ModelProver prover(model.program());
  const VerifyingKey key = key_of(prover, *ModelShape::of(model.program()));
  const Bytes encoded = key.shape.encode();
  std::size_t refused = 0;
  std::size_t struck = 0;
  std::size_t harmless = 0;
  for (std::size_t at = 0; at < encoded.size(); ++at) {
    for (const int change : {0x01, 0x03, 0x40}) {
      Bytes changed = encoded;
      changed[at] ^= static_cast<std::uint8_t>(change);
      const auto shape = ModelShape::decode(changed);
      if (!shape) continue;
      const VerifyingKey other = key_of(prover, *shape);
      const auto fault = find_fault(*shape, model.program());
      if (!fault) {
        ModelShape with_biases = key.shape;
        with_biases.has_biases = true;
        EXPECT_EQ(*shape, with_biases) << at;
        ++harmless;
      } else if (fault->part == Part::kNumbers) {
        EXPECT_EQ(referee.refusal(other, prover), referee.selector("WrongProgram")) << at;
        ++refused;
      } else {
        EXPECT_EQ(referee.refusal(other, prover), Bytes()) << at;
        EXPECT_FALSE(referee.is_right(other, prover, *fault)) << at << fault->message;
        ++struck;
      }
    }
  }
  EXPECT_GT(refused, 10U);
  EXPECT_GT(struck, 100U);
  EXPECT_EQ(harmless, 1U);
}

// What is counted is compared at once.
TEST(RegistrationEquivalence, ProgramsOfOtherNumbersAreRefused) {
  Referee referee;
  const engine::Model model = tiny({});
  const ModelShape shape = *ModelShape::of(model.program());
  const auto expect_refused = [&](const char* what, const Program& program) {
    const auto fault = find_fault(shape, program);
    ASSERT_TRUE(fault) << what;
    EXPECT_EQ(int(fault->part), int(Part::kNumbers)) << what;
    const opml::ModelProver prover(program);
    EXPECT_EQ(referee.refusal(key_of(prover, shape), prover), referee.selector("WrongProgram"))
        << what;
  };
  Program program = model.program();
  program.operators.push_back(program.operators.back());
  expect_refused("operators", program);
  program = model.program();
  program.tensors.push_back(program.tensors.back());
  expect_refused("tensors", program);
  program = model.program();
  program.tables.push_back(program.tables.back());
  expect_refused("tables", program);
  program = model.program();
  ++program.layers;
  expect_refused("layers", program);
  program = model.program();
  ++program.tail;
  expect_refused("tail", program);
}

// Programs that a compiler does not make, under roots of their own.
TEST(RegistrationEquivalence, ProgramsThatNoCircuitBoundsAreStruck) {
  Referee referee;
  const engine::Model model = tiny({});
  const ModelShape shape = *ModelShape::of(model.program());
  const auto expect_struck = [&](const Program& program, Part part, std::uint32_t index,
                                 std::uint32_t row = 0) {
    const auto fault = find_fault(shape, program);
    ASSERT_TRUE(fault);
    EXPECT_EQ(int(fault->part), int(part)) << fault->message;
    EXPECT_EQ(fault->index, index);
    EXPECT_EQ(fault->row, row);
    const opml::ModelProver prover(program);
    EXPECT_FALSE(referee.is_right(key_of(prover, shape), prover, *fault)) << fault->message;
  };
  const std::uint32_t gate = zkml::tensor_of(1, zkml::Matrix::kGate);
  Program program = model.program();
  std::vector<std::int64_t> biases(program.tensors[gate].rows);
  biases[3] = -1;
  program.tensors[gate].biases = biases;
  expect_struck(program, Part::kRow, gate, 3);

  program = model.program();
  --program.tensors[gate].rows;
  expect_struck(program, Part::kTensor, gate);

  program = model.program();
  program.tensors[gate].columns /= 2;
  expect_struck(program, Part::kTensor, gate);

  program = model.program();
  program.tables[1].kind = model::TableKind::kSilu;
  expect_struck(program, Part::kTable, zkml::program_tables::kRope);

  program = model.program();
  std::vector<std::int32_t> exp(program.tables[0].wide.begin(), program.tables[0].wide.end());
  exp.back() = 1;
  program.tables[0].wide = exp;
  expect_struck(program, Part::kTable, zkml::program_tables::kExp);

  program = model.program();
  std::vector<std::int16_t> angles(program.tables[1].narrow.begin(),
                                   program.tables[1].narrow.end());
  angles.pop_back();
  program.tables[1].narrow = angles;
  expect_struck(program, Part::kTable, zkml::program_tables::kRope);

  program = model.program();
  program.operators[0].shift = 63;
  expect_struck(program, Part::kOperator, 0);
}

// The largest bias, of either sign, and rows on both sides of the bound.
TEST(RegistrationEquivalence, TheBoundOfARowIsTheSame) {
  Referee referee;
  const engine::Model model = tiny({.architecture = "qwen2", .kv_heads = 1, .biases = true});
  const ModelShape shape = *ModelShape::of(model.program());
  const std::uint32_t query = zkml::tensor_of(0, zkml::Matrix::kQuery);
  std::mt19937_64 random(2);
  std::size_t right = 0;
  std::vector<std::int64_t> biases(model.program().tensors[query].rows);
  for (int i = 0; i < 40; ++i) {
    Program program = model.program();
    program.tensors[query].biases = biases;
    biases[0] = static_cast<std::int64_t>(std::uint64_t{1} << (20 + random() % 44));
    if (i % 2 == 1) biases[0] = -biases[0];
    const auto fault = find_fault(shape, program);
    const opml::ModelProver prover(program);
    const ProgramFault row{Part::kRow, query, 0, ""};
    EXPECT_EQ(referee.is_right(key_of(prover, shape), prover, row), !fault) << biases[0];
    right += fault ? 0U : 1U;
  }
  EXPECT_GT(right, 5U);
  EXPECT_LT(right, 35U);

  // To the very last: 2^61 is too much, and one less is not.
  Program program = model.program();
  std::vector<std::uint32_t> multipliers(program.tensors[query].multipliers.begin(),
                                         program.tensors[query].multipliers.end());
  multipliers[0] = 1;
  program.tensors[query].multipliers = multipliers;
  program.tensors[query].biases = biases;
  unsigned most = 0;
  for (const auto& layer : shape.layers) most = std::max<unsigned>(most, layer.matrix_shifts[0]);
  const unsigned factor_bits = most - shape.layers[0].matrix_shifts[0];
  std::int64_t weights = 0;
  for (const std::int8_t weight : program.tensors[query].row(0)) weights += std::abs(int{weight});
  for (const std::int64_t less : {0, 1}) {
    biases[0] = (std::int64_t{1} << (61 - factor_bits)) - less - weights * model::kActivationMax;
    const opml::ModelProver prover(program);
    const ProgramFault row{Part::kRow, query, 0, ""};
    EXPECT_EQ(find_fault(shape, program).has_value(), less == 0);
    EXPECT_EQ(referee.is_right(key_of(prover, shape), prover, row), less == 1);
  }
}

TEST(RegistrationEquivalence, WitnessesMustOpenTheModel) {
  Referee referee;
  ThreadPool pool(2);
  const engine::Model model = tiny({});
  const opml::ModelProver prover(model.program(), &pool);
  const VerifyingKey key = key_of(prover, *ModelShape::of(model.program()));
  const KeyProver parts = must(KeyProver::make(prover, key.shape, pool));
  const auto refused = [&](std::uint64_t cell, const Bytes& witness) {
    EXPECT_FALSE(referee.term_refusal(key, prover, cell, witness).empty()) << cell;
  };
  for (const std::uint64_t cell : {std::uint64_t{0}, std::uint64_t{65536 + 4}}) {
    const Bytes honest = parts.cell_witness(cell);
    ASSERT_TRUE(referee.term_refusal(key, prover, cell, honest).empty());
    for (std::size_t at = 0; at < honest.size(); at += 1 + honest.size() / 60) {
      Bytes changed = honest;
      changed[at] ^= 1;
      refused(cell, changed);
    }
    Bytes changed = honest;
    changed.push_back(0);
    refused(cell, changed);
    changed = honest;
    changed.pop_back();
    refused(cell, changed);
  }
  refused(std::uint64_t{1} << parts.variables(), {});
  Bytes operator_three = prover.operator_opening(3);
  EXPECT_FALSE(referee.refusal(key, prover, {Part::kOperator, 4, 0, ""}, operator_three).empty());
  EXPECT_FALSE(
      referee.refusal(key, prover, {Part::kOperator, 4000, 0, ""}, operator_three).empty());
  operator_three.push_back(0);
  EXPECT_FALSE(referee.refusal(key, prover, {Part::kOperator, 3, 0, ""}, operator_three).empty());
  VerifyingKey other = key;
  other.model_root.bytes[0] ^= 1;
  EXPECT_FALSE(referee.refusal(other, prover).empty());
  const FixedBytes<24> no_element{{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}};
  EXPECT_EQ(referee.refusal_of_value(key, prover, no_element), referee.selector("WrongProgram"));
}

// Trees are as high as they must be, so an index beyond the last one leads to the same leaf: who
// could say it would strike down every key.
TEST(RegistrationEquivalence, PartsThatTheProgramDoesNotHaveAreNoFault) {
  Referee referee;
  const engine::Model model = tiny({});
  const opml::ModelProver prover(model.program());
  const VerifyingKey key = key_of(prover, *ModelShape::of(model.program()));
  for (const Part part : {Part::kOperator, Part::kTensor, Part::kRow, Part::kTable}) {
    const ProgramFault honest{part, 1, 1, ""};
    const Bytes witness = part_witness(prover, honest);
    ASSERT_EQ(referee.refusal(key, prover, honest, witness), Bytes());
    // Multiples of every height that a tree here has.
    for (const std::uint32_t times : {1U, 2U, 3U}) {
      ProgramFault beyond = honest;
      beyond.index += times << 12;
      EXPECT_FALSE(referee.refusal(key, prover, beyond, witness).empty()) << int(part);
      if (part != Part::kRow) continue;
      beyond = honest;
      beyond.row += times << 12;
      EXPECT_FALSE(referee.refusal(key, prover, beyond, witness).empty());
    }
  }
}

// A tensor of another size has no cells: who registered it loses what is left to a step.
TEST(RegistrationEquivalence, CellsOfAnotherProgramAreNotComputed) {
  Referee referee;
  const engine::Model model = tiny({});
  const ModelShape shape = *ModelShape::of(model.program());
  const auto circuit = zkml::ModelCircuit::make(shape, {{0}, {0}});
  const std::uint64_t cell = circuit->circuit().columns[circuit->registered.embedding].offset;
  for (const std::uint8_t shift : {std::uint8_t{0}, std::uint8_t{63}}) {
    Program program = model.program();
    program.operators[0].shift = shift;
    const opml::ModelProver unshifted(program);
    Bytes witness = unshifted.operator_opening(0);
    append(witness, unshifted.tensor_opening(0));
    append(witness, unshifted.row_opening(0, 0));
    const Bytes refusal = referee.term_refusal(key_of(unshifted, shape), unshifted, cell, witness);
    ASSERT_GE(refusal.size(), 4U);
    EXPECT_EQ(Bytes(refusal.begin(), refusal.begin() + 4), referee.selector("WrongTensor"));
  }
  Program program = model.program();
  const std::uint32_t gate = zkml::tensor_of(0, zkml::Matrix::kGate);
  program.tensors[gate].columns /= 2;
  program.tensors[gate].rows *= 2;
  std::vector<std::uint32_t> multipliers(program.tensors[gate].rows, 1);
  program.tensors[gate].multipliers = multipliers;
  program.tensors[gate].biases = {};
  const opml::ModelProver narrow(program);
  Bytes witness = narrow.tensor_opening(gate);
  append(witness, narrow.row_opening(gate, 0));
  const std::uint64_t first = circuit->circuit().columns[circuit->registered.matrices[4]].offset;
  const Bytes refusal = referee.term_refusal(key_of(narrow, shape), narrow, first, witness);
  ASSERT_GE(refusal.size(), 4U);
  EXPECT_EQ(Bytes(refusal.begin(), refusal.begin() + 4), referee.selector("WrongTensor"));
}

/// Prints what docs/proof.md has a table of.
TEST(RegistrationEquivalence, GasOfTheDemoModel) {
  Referee referee;
  ThreadPool pool(2);
  const engine::Model model =
      zkml::test::compiled(std::filesystem::path(IMO_SOURCE_DIR) / "models/demo/imo-demo.gguf");
  const opml::ModelProver prover(model.program(), &pool);
  const VerifyingKey key = key_of(prover, *ModelShape::of(model.program()));
  const KeyProver parts = must(KeyProver::make(prover, key.shape, pool));
  std::mt19937_64 random(1);
  std::uint64_t most = 0;
  for (const std::uint64_t cell : cells_of(key.shape, random)) {
    most = std::max(most, referee.term_gas(key, prover, cell, parts.cell_witness(cell)));
  }
  std::uint64_t strike = 0;
  const auto measure = [&](Part part, std::uint32_t index, std::uint32_t row = 0) {
    strike = std::max(strike, referee.right_gas(key, prover, {part, index, row, ""}));
  };
  measure(Part::kOperator, 5);
  measure(Part::kTable, 2);
  for (std::uint32_t i = 0; i < model.program().tensors.size(); ++i) measure(Part::kRow, i);
  fmt::print("key {} gas, cell at most {}, strike at most {}\n", referee.key_gas(key, prover), most,
             strike);
  EXPECT_LT(most, 2'000'000U);
  EXPECT_LT(strike, 3'000'000U);
}

}  // namespace
}  // namespace imo::node
