#include "imo/zkml/product_sum.hpp"

#include "imo/base/thread_pool.hpp"
#include "imo/zkml/test_support.hpp"
#include "imo/zkml/weight.hpp"

#include <gtest/gtest.h>

namespace imo::zkml {
namespace {

using test::random_fp3;
using test::random_point;

constexpr std::string_view kProtocol = "imo.test.products";

Coordinate variable(unsigned index) {
  return {index, {}};
}

/// Four columns of 4 variables, of which one stores three quarters, and one of 2.
struct Columns {
  std::vector<Column> list;
  std::vector<std::vector<Fp>> values;

  explicit Columns(std::mt19937_64& random) {
    for (unsigned i = 0; i < 5; ++i) {
      const unsigned variables = i < 4 ? 4 : 2;
      list.push_back({.name = "c", .variables = variables, .offset = std::uint64_t{16} * i});
      values.push_back(test::random_values(random, std::size_t{1} << variables));
    }
    list[1].block_bits = 2;
    list[1].blocks = 3;
    std::fill(values[1].begin() + 12, values[1].end(), Fp());
  }
  [[nodiscard]] ColumnValues get() const {
    return [this](ColumnId id) { return std::span<const Fp>(values[id]).first(list[id].size()); };
  }
};

/// A matrix product's element, a product of four factors, one of all kinds of known factors, and
/// one whose variables come in another order than the column's.
std::vector<Term> some_terms(std::mt19937_64& random) {
  const auto fixed = [&] { return Coordinate{Coordinate::kFixed, random_fp3(random)}; };
  std::vector<Term> terms;
  terms.push_back({2,
                   random_fp3(random),
                   {{{{0, Fp3(1)}}, {variable(0), variable(1), fixed(), fixed()}, {}},
                    {{{1, Fp3(1)}}, {fixed(), variable(0), fixed(), variable(1)}, {}}},
                   {}});
  terms.push_back(
      {4,
       random_fp3(random),
       {{{{0, Fp3(3)}, {1, Fp3(5)}}, {variable(0), variable(1), variable(2), variable(3)}, Fp3(7)},
        {{{2, Fp3(1)}}, {variable(0), variable(1), variable(2), variable(3)}, {}},
        {{{4, Fp3(2)}}, {variable(3), variable(1)}, {}}},
       {KnownFactor(0).equal(random_point(random, 4))}});
  terms.push_back(
      {4,
       random_fp3(random),
       {{{{3, Fp3(1)}}, {variable(3), variable(2), variable(1), variable(0)}, {}}},
       {KnownFactor(0).causal(2), KnownFactor(1).sparse(1, {{1, random_fp3(random)}}).below(2, 3),
        KnownFactor(0).acausal(1)}});
  terms.push_back({1,
                   random_fp3(random),
                   {{{{4, Fp3(1)}}, {fixed(), variable(0)}, Fp3(1)}},
                   {KnownFactor(0).sparse(1, {{0, Fp3(4)}, {1, Fp3(9)}})}});
  return terms;
}

Fp3 brute_sum(const Term& term, const Columns& columns) {
  Fp3 sum;
  for (std::size_t x = 0; x < std::size_t{1} << term.variables; ++x) {
    std::vector<Fp3> bits;
    for (unsigned j = 0; j < term.variables; ++j) bits.emplace_back(x >> j & 1);
    Fp3 product(1);
    for (const LinearForm& form : term.forms) {
      std::vector<Fp3> point;
      for (const Coordinate& c : form.coordinates) {
        point.push_back(c.variable == Coordinate::kFixed ? c.value : bits[c.variable]);
      }
      Fp3 value = form.constant;
      for (const auto& part : form.parts) {
        const std::vector<Fp> column = columns.values[part.column];
        value += part.scale *
                 evaluate_multilinear(std::vector<Fp3>(column.begin(), column.end()), point);
      }
      product *= value;
    }
    for (const KnownFactor& known : term.known) {
      product *= known.table()[x >> known.first() & ((std::size_t{1} << known.count()) - 1)];
    }
    sum += product;
  }
  return term.scale * sum;
}

Bytes prove(std::span<const Term> terms, const Columns& columns) {
  ThreadPool pool(2);
  ProofWriter proof(kProtocol, {});
  SaidClaims claims(columns.list, columns.get(), proof, pool);
  prove_products(terms, columns.get(), claims, proof, pool);
  return std::move(proof).take();
}

bool accepts(std::span<const Term> terms, const Fp3& sum, const Columns& columns, BytesView bytes) {
  ThreadPool pool(1);
  ProofReader proof(kProtocol, {}, bytes);
  HeardClaims claims(columns.list, proof);
  if (!check_products(terms, sum, claims, proof) || !proof.finish()) return false;
  std::vector<Fp> all(128);
  for (std::size_t i = 0; i < 5; ++i) {
    std::copy(columns.values[i].begin(), columns.values[i].end(),
              all.begin() + static_cast<std::ptrdiff_t>(columns.list[i].offset));
  }
  for (const Claim& claim : claims.claims_on(Source::kWitness)) {
    std::vector<Fp3> weights(all.size());
    Weight::in_blocks(claim.low, claim.first_block, claim.scales, 7).add_to(weights, Fp3(1), pool);
    Fp3 value;
    for (std::size_t i = 0; i < all.size(); ++i) value += weights[i] * all[i];
    if (value != claim.value) return false;
  }
  return claims.claims_on(Source::kRegistered).empty();
}

TEST(ProductSum, IsProvenForTermsOfAllKinds) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 20; ++round) {
    const Columns columns(random);
    const std::vector<Term> terms = some_terms(random);
    Fp3 sum;
    for (const Term& term : terms) sum += brute_sum(term, columns);
    const Bytes proof = prove(terms, columns);
    EXPECT_TRUE(accepts(terms, sum, columns, proof));
    EXPECT_FALSE(accepts(terms, sum + Fp3(1), columns, proof));
  }
}

TEST(ProductSum, RefusesEveryChangedWord) {
  std::mt19937_64 random(2);
  const Columns columns(random);
  const std::vector<Term> terms = some_terms(random);
  Fp3 sum;
  for (const Term& term : terms) sum += brute_sum(term, columns);
  const Bytes proof = prove(terms, columns);
  ASSERT_EQ(proof.size() % 24, 0U);
  for (std::size_t byte = 7; byte < proof.size(); byte += 8) {
    Bytes changed = proof;
    changed[byte] = static_cast<std::uint8_t>(changed[byte] ^ 1U);
    EXPECT_FALSE(accepts(terms, sum, columns, changed)) << byte;
  }
}

TEST(ProductSum, SaysNoColumnTwice) {
  std::mt19937_64 random(3);
  const Columns columns(random);
  const Term square{4,
                    Fp3(1),
                    {{{{0, Fp3(1)}}, {variable(0), variable(1), variable(2), variable(3)}, {}},
                     {{{0, Fp3(1)}}, {variable(0), variable(1), variable(2), variable(3)}, {}}},
                    {}};
  const std::vector<Term> terms{square};
  const Bytes proof = prove(terms, columns);
  EXPECT_EQ(proof.size(), 24U * (4 * 4 + 1));
  EXPECT_TRUE(accepts(terms, brute_sum(square, columns), columns, proof));
}

TEST(KnownFactor, EvaluatesAsItsTable) {
  std::mt19937_64 random(4);
  const std::vector<KnownFactor> factors = {
      KnownFactor(0).equal(random_point(random, 6)),
      KnownFactor(0).causal(3),
      KnownFactor(0).acausal(3),
      KnownFactor(0).below(6, 37),
      KnownFactor(0).sparse(6, {{0, Fp3(3)}, {63, Fp3(4)}, {17, random_fp3(random)}}),
      KnownFactor(0).below(1, 1).causal(2).sparse(1, {{1, random_fp3(random)}})};
  const std::vector<Fp3> r = random_point(random, 6);
  for (const KnownFactor& factor : factors) {
    EXPECT_EQ(factor.evaluate(r), evaluate_multilinear(factor.table(), r));
  }
  for (std::uint64_t bound = 0; bound <= 64; ++bound) {
    std::vector<Fp3> below(64);
    for (std::uint64_t i = 0; i < bound; ++i) below[i] = Fp3(1);
    EXPECT_EQ(evaluate_below(bound, r), evaluate_multilinear(below, r)) << bound;
  }
  const std::span<const Fp3> all(r);
  for (std::uint64_t bound = 0; bound <= 8; ++bound) {
    std::vector<Fp3> values(64);
    for (std::uint64_t i = 0; i < 64; ++i) values[i] = Fp3(i % 8 <= i / 8 && i / 8 < bound ? 1 : 0);
    EXPECT_EQ(evaluate_causal_below(bound, all.first(3), all.last(3)),
              evaluate_multilinear(values, r))
        << bound;
  }
}

}  // namespace
}  // namespace imo::zkml
