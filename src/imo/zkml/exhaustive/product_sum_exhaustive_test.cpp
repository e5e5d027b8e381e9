/// Sums of products against every prover there is (docs/proof.md, "Sums of products").
#include "imo/zkml/exhaustive/committed.hpp"
#include "imo/zkml/product_sum.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace imo::zkml {
namespace {

constexpr std::uint64_t kP = Fp::kModulus;

Coordinate variable(unsigned number) {
  return {number, Fp3()};
}

Coordinate fixed(std::uint64_t value) {
  return {Coordinate::kFixed, Fp3(value)};
}

/// Terms over columns that lie one behind the other, and what they add up to.
class Statement {
 public:
  explicit Statement(std::vector<Term> terms) : terms_(std::move(terms)) {}

  [[nodiscard]] unsigned variables() const {
    unsigned most = 0;
    for (const Term& term : terms_) most = std::max(most, term.variables);
    return most;
  }

  [[nodiscard]] Fp3 sum() const {
    Fp3 total;
    for (const Term& term : terms_) {
      for (std::uint64_t x = 0; x < std::uint64_t{1} << term.variables; ++x) {
        total += term.scale * product_at(term, x);
      }
    }
    return total;
  }

  /// True when the verifier is content, and what it was told of columns is so.
  bool check(const Fp3& sum, ProofReader& proof) const {
    HeardClaims claims(columns_, proof);
    if (!check_products(terms_, sum, claims, proof)) return false;
    return std::ranges::all_of(claims.claims_on(Source::kWitness),
                               [&](const Claim& claim) { return holds(claim, values_); });
  }

 private:
  [[nodiscard]] Fp3 product_at(const Term& term, std::uint64_t x) const {
    std::vector<Fp3> bits;
    for (unsigned j = 0; j < term.variables; ++j) bits.emplace_back(x >> j & 1);
    Fp3 product(1);
    for (const LinearForm& form : term.forms) {
      std::vector<Fp3> point;
      for (const Coordinate& coordinate : form.coordinates) {
        const bool is_fixed = coordinate.variable == Coordinate::kFixed;
        point.push_back(is_fixed ? coordinate.value : bits[coordinate.variable]);
      }
      Fp3 value = form.constant;
      for (const LinearForm::Part& part : form.parts) {
        const Column& column = columns_[part.column];
        const auto own = std::span(values_).subspan(column.offset, column.size());
        value += part.scale * multilinear(own, point);
      }
      product *= value;
    }
    for (const KnownFactor& known : term.known) {
      product *= known.evaluate(std::span(bits).subspan(known.first(), known.count()));
    }
    return product;
  }

  std::vector<Column> columns_{
      {.name = "a", .variables = 2, .offset = 0},
      {.name = "b", .variables = 1, .offset = 4},
  };
  std::vector<Fp3> values_{Fp3(3), Fp3(1), Fp3(4), Fp3(1), Fp3(5), Fp3(9)};
  std::vector<Term> terms_;
};

/// One variable: b^2 (2 b + 1) [x < 1], of the full degree.
Statement one_variable() {
  const LinearForm b{{{1, Fp3(1)}}, {variable(0)}, Fp3()};
  const LinearForm other{{{1, Fp3(2)}}, {variable(0)}, Fp3(1)};
  return Statement({{1, Fp3(3), {b, b, other}, {KnownFactor(0).below(1, 1)}}});
}

/// A term of two variables, and one of one that has a coordinate fixed.
Statement two_variables() {
  const LinearForm a{{{0, Fp3(1)}}, {variable(0), variable(1)}, Fp3(2)};
  const LinearForm b{{{1, Fp3(1)}}, {variable(1)}, Fp3()};
  const LinearForm part_of_a{{{0, Fp3(3)}}, {fixed(7), variable(0)}, Fp3()};
  return Statement({{2, Fp3(1), {a, a, b}, {KnownFactor(0).causal(1)}},
                    {1, Fp3(5), {part_of_a, part_of_a}, {}}});
}

/// The share of challenges with which the best prover shows that the terms add up to a sum.
class Prover {
 public:
  explicit Prover(Statement statement)
      : statement_(std::move(statement)),
        all_(statement_.variables() == 1 ? kP : kP * kP),
        game_(
            all_, [this](ProofReader& proof) { return statement_.check(sum_, proof); },
            [this](std::span<const std::uint32_t> script) { return key(script); }) {}

  std::uint64_t best(const Fp3& sum) {
    sum_ = sum;
    return game_.best();
  }
  [[nodiscard]] std::uint64_t all() const { return all_; }
  [[nodiscard]] const Statement& statement() const { return statement_; }

 private:
  /// After a round's challenge only the challenges and what is left of the sum count.
  [[nodiscard]] std::optional<std::uint64_t> key(std::span<const std::uint32_t> script) const {
    constexpr std::size_t kRound = 5;
    const std::size_t rounds = script.size() / kRound;
    if (script.empty() || script.size() % kRound != 0 || rounds > statement_.variables()) {
      return std::nullopt;
    }
    Fp3 left = sum_;
    std::uint64_t challenges = 0;
    for (std::size_t i = 0; i < rounds; ++i) {
      const auto at = [&](std::size_t k) { return Fp3(script[i * kRound + k]); };
      const Fp3 r = at(4);
      const Fp3 linear = left - at(0) - at(0) - at(1) - at(2) - at(3);
      left = at(0) + r * (linear + r * (at(1) + r * (at(2) + r * at(3))));
      challenges = challenges * kP + script[i * kRound + 4];
    }
    return challenges * kP + left.coefficient(0).value();
  }

  Statement statement_;
  Fp3 sum_;
  std::uint64_t all_;
  Game game_;
};

void expect_only_the_sum(Prover prover) {
  const Fp3 sum = prover.statement().sum();
  EXPECT_EQ(prover.best(sum), prover.all()) << "the true sum";
  const std::uint64_t bound = 4 * prover.statement().variables() * prover.all() / kP;
  for (std::uint64_t off = 1; off < kP; ++off) {
    EXPECT_LE(prover.best(sum + Fp3(off)), bound) << "off by " << off;
  }
}

TEST(ProductSumExhaustive, NoProverShowsAFalseSumOverOneVariable) {
  expect_only_the_sum(Prover(one_variable()));
}

TEST(ProductSumExhaustive, NoProverShowsAFalseSumOverTwoVariables) {
  expect_only_the_sum(Prover(two_variables()));
}

}  // namespace
}  // namespace imo::zkml
