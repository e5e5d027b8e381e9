/// Circuits against every prover there is (docs/proof.md, "Circuits"), with openings that are
/// always right: what is left is lookups, virtual vectors, checks, and how they are put together.
#include "imo/zkml/circuit.hpp"
#include "imo/zkml/exhaustive/committed.hpp"

#include <array>

#include <gtest/gtest.h>

namespace imo::zkml {
namespace {

constexpr std::uint64_t kP = Fp::kModulus;

/// What the digests of a conversation name.
std::vector<std::vector<Fp3>>& committed() {
  static std::vector<std::vector<Fp3>> vectors;
  return vectors;
}

}  // namespace

Result<OutOfDomain> read_binding(ProofReader& /*proof*/) {
  return OutOfDomain{};
}

Result<void> check_open(const WhirParameters& /*parameters*/, std::span<const Claimed> all,
                        ProofReader& proof) {
  for (const Claimed& claimed : all) {
    for (const Claim& claim : claimed.claims) {
      if (!holds(claim, committed().at(claimed.root.bytes[0]))) return proof.refused("");
    }
  }
  return {};
}

namespace {

bool accepts(const Circuit& circuit, ProofReader& proof) {
  return check_circuit(circuit, WhirParameters(), {}, proof).has_value();
}

/// One table, of one row: 0.
constexpr std::uint32_t kTag = 3;
Table table_of_zero(ColumnId counts) {
  return {.name = "zero", .tag = kTag, .outs = {}, .counts = counts};
}

/// A value x with x + 2 in the table: root, mu, and two columns.
class OneLookup {
 public:
  static constexpr std::uint64_t kAll = kP * kP * kP;  // beta, alpha, mu

  static Circuit circuit() {
    Circuit circuit;
    circuit.columns = {{.name = "x"}, {.name = "counts"}};
    circuit.tables = {table_of_zero(1)};
    circuit.lookups = {{.name = "x", .input = {false, 0}, .offset = 2, .output = {}, .box = {}}};
    place_columns(circuit);
    return circuit;
  }

  static std::uint64_t best(std::uint64_t x, std::uint64_t count) {
    committed() = {{Fp3(x), Fp3(count)}};
    const Circuit one = circuit();
    return Game(kAll, [&](ProofReader& proof) { return accepts(one, proof); }, key, 1).best();
  }

 private:
  static std::optional<std::uint64_t> key(std::span<const std::uint32_t> script) {
    if (script.size() != 8) return std::nullopt;
    const auto at = [&](std::size_t i) { return Fp3(script[i]); };
    const Fp3 mu = at(7);
    return key_of(at(1), at(2), mu, at(3) + mu * (at(4) - at(3)), at(5) + mu * (at(6) - at(5)));
  }
};

TEST(CircuitExhaustive, WhatIsInATableCanBeProven) {
  // But for the alpha that makes a denominator zero.
  EXPECT_GE(OneLookup::best(kP - 2, 1), (kP - 1) * OneLookup::kAll / kP);
}

/// 2^n for the sum, which may be zero by chance, and n^2 + n - 1 for showing that it is: 3 with
/// n = 1.
TEST(CircuitExhaustive, NoProverLooksUpWhatIsInNoTable) {
  const std::uint64_t bound = 3 * OneLookup::kAll / kP;
  for (std::uint64_t count = 0; count < kP; ++count) {
    EXPECT_LE(OneLookup::best(1, count), bound) << count;
  }
  EXPECT_LE(OneLookup::best(kP - 2, 2), bound) << "counted once too often";
}

/// A virtual vector, v = a0 b0 + a1 b1, looked up in the table of zero, and a check that
/// a0^2 + a1^2 is c.
class TwoEquations {
 public:
  static constexpr std::uint64_t kAll = kP * kP * kP;  // mu, chi, r

  static Circuit circuit() {
    Circuit circuit;
    circuit.columns = {{.name = "a", .variables = 1},
                       {.name = "b", .variables = 1},
                       {.name = "c"},
                       {.name = "counts"}};
    circuit.virtuals = {
        {.name = "v", .at = [](std::span<const Fp3>) { return of_term({column(0), column(1)}); }}};
    circuit.checks = {{.name = "c", .at = [](std::span<const Fp3>) {
                         Sum sum = of_term({column(0), column(0)});
                         sum.direct = {{2, {}, Fp3(Fp::from_signed(-1))}};
                         return sum;
                       }}};
    circuit.tables = {table_of_zero(3)};
    circuit.lookups = {{.name = "v", .input = {true, 0}, .output = {}, .box = {}}};
    place_columns(circuit);
    return circuit;
  }

  /// With these values of a, b and c, and one row counted, after beta and alpha.
  static std::uint64_t best(std::array<std::uint64_t, 5> values, std::uint32_t beta,
                            std::uint32_t alpha) {
    committed().assign(1, {});
    for (const std::uint64_t value : values) committed()[0].emplace_back(value);
    committed()[0].emplace_back(1);
    const Circuit two = circuit();
    return Game(
               kAll, [&](ProofReader& proof) { return accepts(two, proof); }, key, 1)
        .best({0, beta, alpha});
  }

 private:
  static Sum of_term(std::vector<LinearForm> forms) {
    Sum sum;
    sum.terms = {{1, Fp3(1), std::move(forms), {}}};
    return sum;
  }
  static LinearForm column(ColumnId id) { return {{{id, Fp3(1)}}, {{0, Fp3()}}, Fp3()}; }

  static std::optional<std::uint64_t> key(std::span<const std::uint32_t> script) {
    const auto at = [&](std::size_t i) { return Fp3(script[i]); };
    if (script.size() == 8) {  // after mu
      const Fp3 mu = at(7);
      return key_of(mu, at(3) + mu * (at(4) - at(3)), at(5) + mu * (at(6) - at(5)));
    }
    if (script.size() < 12) return std::nullopt;
    const Fp3 chi = at(11);
    const Fp3 sum = at(8) + chi * at(10);  // v, and c
    // What was said of columns is looked at in the end only, and then one lie is as good as
    // another.
    const std::vector<Fp3>& truth = committed()[0];
    const Fp3 is_true(at(10) == truth[4] && at(9) == truth[5] ? 1 : 0);
    if (script.size() == 12) return key_of(is_true, chi, sum);
    if (script.size() != 17) return std::nullopt;
    const Fp3 r = at(16);
    const Fp3 linear = sum - at(12) - at(12) - at(13) - at(14) - at(15);
    const Fp3 left = at(12) + r * (linear + r * (at(13) + r * (at(14) + r * at(15))));
    return key_of(is_true, chi, r, left);
  }
};

constexpr std::uint32_t kBeta = 5;
constexpr std::uint32_t kAlpha = 1;

TEST(CircuitExhaustive, EquationsThatHoldCanBeProven) {
  EXPECT_EQ(TwoEquations::best({2, 3, 3, kP - 2, 13 % kP}, kBeta, kAlpha), TwoEquations::kAll);
}

/// n^2 + n - 1 with n = 1, one for two equations made one, and 4 for a round: 6.
TEST(CircuitExhaustive, NoProverBreaksAnEquation) {
  const std::uint64_t bound = 6 * TwoEquations::kAll / kP;
  // a0 a1 b0 b1 c
  EXPECT_LE(TwoEquations::best({2, 3, 3, kP - 2, 12 % kP}, kBeta, kAlpha), bound) << "check";
  EXPECT_LE(TwoEquations::best({2, 3, 3, kP - 1, 13 % kP}, kBeta, kAlpha), bound) << "virtual";
  // What one has too much the other has too little: chi tells them apart.
  EXPECT_LE(TwoEquations::best({2, 3, 3, kP - 1, 16 % kP}, kBeta, kAlpha), bound) << "both";
}

}  // namespace
}  // namespace imo::zkml
