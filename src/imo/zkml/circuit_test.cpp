#include "imo/zkml/circuit.hpp"

#include "imo/base/thread_pool.hpp"
#include "imo/zkml/circuit_argument.hpp"
#include "imo/zkml/circuit_builder.hpp"
#include "imo/zkml/perceptron_test_support.hpp"
#include "imo/zkml/test_support.hpp"
#include "imo/zkml/weight.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::zkml {
namespace {

using test::Perceptron;
using testing::HasSubstr;

constexpr std::string_view kProtocol = "imo.test.circuit";

OutOfDomain bind_registered(const CommittedVector& vector, ThreadPool& pool) {
  return binding_at(vector, Transcript(kProtocol, vector.root().bytes).challenge(), pool);
}

/// A perceptron with its model committed to.
struct Registered {
  Perceptron perceptron{7};
  WhirParameters parameters = *opening_parameters(perceptron.circuit());
  ThreadPool pool{2};
  CommittedVector vector{registered_code(perceptron.circuit()), perceptron.registered(), pool};
  OutOfDomain binding = bind_registered(vector, pool);

  Bytes prove(CircuitValues values) {
    ProofWriter proof(kProtocol, vector.root().bytes);
    prove_circuit(perceptron.circuit(), parameters, vector, binding, std::move(values), proof,
                  pool);
    return std::move(proof).take();
  }
  Result<void> check(BytesView bytes) {
    ProofReader proof(kProtocol, vector.root().bytes, bytes);
    return check_circuit(perceptron.circuit(), parameters, {vector.root(), binding}, proof);
  }
};

TEST(Circuit, OfAPerceptronIsProven) {
  Registered registered;
  for (std::uint32_t seed = 0; seed < 5; ++seed) {
    CircuitValues values = registered.perceptron.run(seed);
    ASSERT_TRUE(count_lookups(registered.perceptron.circuit(), values));
    const Bytes proof = registered.prove(std::move(values));
    const auto checked = registered.check(proof);
    EXPECT_TRUE(checked) << checked.error().message;
  }
}

// An honest protocol on a trace that is wrong somewhere: each is refused.
TEST(Circuit, RefusesEveryAlteredColumn) {
  Registered registered;
  const Perceptron& p = registered.perceptron;
  for (const ColumnId id : {p.x, p.sum, p.y, p.z, p.count_range, p.count_table, p.count_input}) {
    for (const std::size_t cell : {0U, 17U}) {
      CircuitValues values = p.run(1);
      ASSERT_TRUE(count_lookups(p.circuit(), values));
      values.witness[p.circuit().columns[id].offset + cell] += Fp(1);
      EXPECT_FALSE(registered.check(registered.prove(std::move(values))))
          << p.circuit().columns[id].name << " " << cell;
    }
  }
}

// A quotient that is one too small with a remainder that is 2^12 too large fits the equation.
TEST(Circuit, RefusesARemainderOutOfItsRange) {
  Registered registered;
  const Perceptron& p = registered.perceptron;
  CircuitValues values = p.run(1);
  ASSERT_TRUE(count_lookups(p.circuit(), values));
  values.witness[p.circuit().columns[p.z].offset] -= Fp(1);
  values.virtuals[1][0] += Fp(1 << 12);
  EXPECT_FALSE(registered.check(registered.prove(std::move(values))));
}

// Leaves of 0 / 1 add up to zero whatever the columns hold; everything else is honest.
TEST(Circuit, RefusesLeavesThatAreNotTheColumns) {
  Registered registered;
  const Perceptron& p = registered.perceptron;
  const Circuit& circuit = p.circuit();
  CircuitValues values = p.run(1);
  values.witness[circuit.columns[p.z].offset] -= Fp(1);
  values.virtuals[1][0] += Fp(1 << 12);
  ThreadPool& pool = registered.pool;
  const CommittedVector witness(witness_code(circuit), values.witness, pool);
  ProofWriter proof(kProtocol, registered.vector.root().bytes);
  proof.write(witness.root());
  const OutOfDomain witness_binding = bind(witness, proof, pool);
  const ColumnValues columns = [&](ColumnId id) { return values.column(circuit.columns[id]); };
  SaidClaims claims(circuit.columns, columns, proof, pool);
  const LookupChallenges challenges = LookupChallenges::draw(proof);
  const FractionClaim leaves =
      prove_zero_sum(Fractions(segment_variables(segments_of(circuit)), {}), proof, pool);
  CircuitAtPoint at_point(circuit, leaves.point, claims);
  const LearnVirtual say = [&](VirtualId id, std::span<const Fp3> point) -> Result<Fp3> {
    const Fp3 value = evaluate_multilinear(values.virtuals[id], point, pool);
    proof.write(value);
    return value;
  };
  ASSERT_TRUE(at_point.learn_fraction(challenges, say));
  ASSERT_TRUE(at_point.learn_direct());
  prove_products(at_point.combine(proof.challenge()).terms, columns, claims, proof, pool);
  const auto on_registered = claims.claims_on(Source::kRegistered);
  const auto on_witness = claims.claims_on(Source::kWitness);
  const std::vector<Opened> opened{{registered.vector, registered.binding, on_registered},
                                   {witness, witness_binding, on_witness}};
  open(registered.parameters, opened, proof, pool);
  const auto checked = registered.check(std::move(proof).take());
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message, HasSubstr("looked-up values are not those of the columns"));
}

TEST(Circuit, SaysWhichLookupDoesNotHold) {
  Registered registered;
  const Perceptron& p = registered.perceptron;
  CircuitValues values = p.run(1);
  values.witness[p.circuit().columns[p.z].offset + 3] = Fp(1000);
  const auto counted = count_lookups(p.circuit(), values);
  ASSERT_FALSE(counted);
  EXPECT_THAT(counted.error().message, HasSubstr("z: cell 3 has a value"));
}

TEST(Circuit, RefusesAnotherModel) {
  Registered registered;
  const Perceptron other(8);
  CircuitValues values = registered.perceptron.run(1);
  ASSERT_TRUE(count_lookups(registered.perceptron.circuit(), values));
  const Bytes bytes = registered.prove(std::move(values));
  const CommittedVector vector(registered_code(other.circuit()), other.registered(),
                               registered.pool);
  ProofReader proof(kProtocol, vector.root().bytes, bytes);
  EXPECT_FALSE(check_circuit(other.circuit(), registered.parameters,
                             {vector.root(), bind_registered(vector, registered.pool)}, proof));
}

// Other weights, committed to and run honestly, beside the value that the registered model has at
// the point: what binds a commitment to the model that was registered.
TEST(Circuit, RefusesWeightsThatAreNotThoseOfTheirValue) {
  Registered registered;
  const Perceptron other(8);
  ThreadPool& pool = registered.pool;
  const CommittedVector vector(registered_code(other.circuit()), other.registered(), pool);
  const OutOfDomain own = bind_registered(vector, pool);
  const OutOfDomain of_model = binding_at(registered.vector, own.point, pool);
  for (const OutOfDomain& binding : {own, of_model}) {
    CircuitValues values = other.run(1);
    ASSERT_TRUE(count_lookups(other.circuit(), values));
    ProofWriter writer(kProtocol, vector.root().bytes);
    prove_circuit(other.circuit(), registered.parameters, vector, binding, std::move(values),
                  writer, pool);
    ProofReader reader(kProtocol, vector.root().bytes, writer.proof());
    const auto checked =
        check_circuit(other.circuit(), registered.parameters, {vector.root(), binding}, reader);
    EXPECT_EQ(checked.has_value(), binding == own);
  }
}

TEST(Circuit, RefusesEveryChangedWord) {
  Registered registered;
  CircuitValues values = registered.perceptron.run(1);
  ASSERT_TRUE(count_lookups(registered.perceptron.circuit(), values));
  const Bytes proof = registered.prove(std::move(values));
  // Every word up to the openings, which have tests of their own, and then some of those.
  for (std::size_t at = 7; at < proof.size(); at += at < 24'000 ? 8 : 331) {
    Bytes changed = proof;
    changed[at] = static_cast<std::uint8_t>(changed[at] ^ 1U);
    ASSERT_FALSE(registered.check(changed)) << at;
  }
  Bytes longer = proof;
  longer.push_back(0);
  EXPECT_FALSE(registered.check(longer));
  EXPECT_FALSE(registered.check(BytesView(proof).first(proof.size() - 1)));
}

TEST(Box, HasAPolynomialAndRuns) {
  std::mt19937_64 random(1);
  const std::vector<Box> boxes = {{{{2, 3}, {1, 1}, {3, 5}}, false},
                                  {{{2, 4}, {3, 8}}, false},
                                  {{{2, 3}, {2, 3}, {2, 2}}, true},
                                  {{{2, 4}, {2, 3}}, true}};
  for (const Box& box : boxes) {
    const std::vector<Fp3> point = test::random_point(random, box.variables());
    std::vector<Fp3> values(std::size_t{1} << box.variables());
    std::vector<Fp3> bounds(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = Fp3(box.contains(i) ? 1 : 0);
    std::size_t last = 0;
    for (const IndexRange& run : box.runs()) {
      EXPECT_TRUE(last == 0 || run.begin > last);
      last = run.end;
      for (std::size_t i = run.begin; i < run.end; ++i) bounds[i] = Fp3(1);
    }
    EXPECT_EQ(box.evaluate(point), evaluate_multilinear(values, point));
    EXPECT_EQ(box.evaluate_bounds(point), evaluate_multilinear(bounds, point));
  }
}

/// A column of 2^bits cells for each of some layers.
Box layered(unsigned bits, std::uint64_t layers, unsigned layer_bits) {
  return {{{bits, std::uint64_t{1} << bits}, {layer_bits, layers}}, false, true};
}

/// The same as in ProofParts.t.sol.
TEST(CircuitColumns, AreWholeWhereThereIsRoom) {
  CircuitBuilder builder;
  const ColumnId plain = builder.witness("plain", {{{13, 1 << 13}}});
  const ColumnId large = builder.witness("large", layered(10, 5, 3));
  std::vector<ColumnId> small;
  for (int i = 0; i < 3; ++i) small.push_back(builder.witness("small", layered(5, 5, 3)));
  const Circuit circuit = std::move(builder).finish();
  const auto expect = [&](ColumnId id, std::uint64_t offset, unsigned block, unsigned blocks) {
    const Column& column = circuit.columns[id];
    EXPECT_EQ(column.offset, offset) << column.name;
    EXPECT_EQ(column.block_variables(), block) << column.name;
    EXPECT_EQ(column.blocks, blocks) << column.name;
  };
  // 13,792 elements as they are: 2,592 more fit in 2^14, which takes the small ones' 288, and not
  // the large one's 3,072.
  expect(plain, 0, 13, 1);
  expect(large, 8192, 10, 5);
  for (std::uint64_t i = 0; i < 3; ++i) expect(small[i], 13312 + 256 * i, 8, 1);
  EXPECT_EQ(circuit.witness_stored, 14080U);
  EXPECT_EQ(circuit.witness_variables, 14U);
}

/// The same as in ProofParts.t.sol.
TEST(CircuitColumns, HaveAsFewBlocksAsTheirLayersAllow) {
  CircuitBuilder builder;
  const ColumnId six = builder.witness("six layers", layered(9, 6, 3));
  const ColumnId eight = builder.witness("eight layers", layered(4, 8, 3));
  const ColumnId plain = builder.witness("plain", {{{9, 1 << 9}}});
  const Circuit circuit = std::move(builder).finish();
  EXPECT_EQ(circuit.columns[six].block_variables(), 10U);
  EXPECT_EQ(circuit.columns[six].blocks, 3U);
  EXPECT_EQ(circuit.columns[plain].offset, 3072U);
  EXPECT_EQ(circuit.columns[eight].offset, 3584U);
  EXPECT_EQ(circuit.columns[eight].block_variables(), 7U);
  EXPECT_EQ(circuit.columns[eight].blocks, 1U);
}

/// The same as in ProofParts.t.sol.
TEST(CircuitCodes, AreTheLongerTheSmallerAVectorIs) {
  struct Rates {
    unsigned variables, witness, registered, folded;
  };
  for (const Rates& expected : std::vector<Rates>{{8, 5, 7, 6},
                                                  {20, 5, 7, 6},
                                                  {21, 4, 7, 6},
                                                  {22, 3, 7, 5},
                                                  {23, 3, 7, 4},
                                                  {24, 3, 7, 4},
                                                  {25, 3, 6, 4},
                                                  {26, 3, 5, 4},
                                                  {28, 3, 5, 4}}) {
    Circuit circuit;
    circuit.witness_variables = circuit.registered_variables = expected.variables;
    EXPECT_EQ(witness_code(circuit), (WhirCode{expected.variables, expected.witness}));
    EXPECT_EQ(registered_code(circuit), (WhirCode{expected.variables, expected.registered}));
    const auto parameters = opening_parameters(circuit);
    ASSERT_TRUE(parameters) << parameters.error().message;
    if (parameters->rounds().empty()) continue;
    EXPECT_EQ(parameters->rounds()[0].code.log_inverse_rate, expected.folded);
  }
}

}  // namespace
}  // namespace imo::zkml
