#include "imo/zkml/fraction_sum.hpp"

#include "imo/base/thread_pool.hpp"
#include "imo/zkml/test_support.hpp"
#include "imo/zkml/weight.hpp"

#include <gtest/gtest.h>

namespace imo::zkml {
namespace {

using test::random_fp3;

constexpr std::string_view kProtocol = "imo.test.fractions";

struct Leaves {
  std::vector<Fp3> p;
  std::vector<Fp3> q;
};

/// Fractions that add up to zero, 0 / 1 outside the ranges.
Leaves zero_sum(unsigned variables, std::span<const IndexRange> active, std::mt19937_64& random) {
  const std::size_t count = std::size_t{1} << variables;
  Leaves leaves{std::vector<Fp3>(count), std::vector<Fp3>(count, Fp3(1))};
  Fp3 sum;
  std::size_t last = 0;
  for (const IndexRange& range : active) {
    for (std::size_t i = range.begin; i < range.end; ++i) {
      leaves.p[i] = random_fp3(random);
      leaves.q[i] = random_fp3(random);
      sum += leaves.p[i] * leaves.q[i].inverse();
      last = i;
    }
  }
  leaves.p[last] -= sum * leaves.q[last];
  return leaves;
}

Fractions fractions_of(const Leaves& leaves, unsigned variables, std::vector<IndexRange> active) {
  Fractions fractions(variables, std::move(active));
  for (const IndexRange& range : fractions.active()) {
    for (std::size_t i = range.begin; i < range.end; ++i) {
      fractions.numerators()[i] = leaves.p[i];
      fractions.denominators()[i] = leaves.q[i];
    }
  }
  return fractions;
}

Bytes prove(const Leaves& leaves, unsigned variables, std::vector<IndexRange> active) {
  ThreadPool pool(2);
  ProofWriter proof(kProtocol, {});
  prove_zero_sum(fractions_of(leaves, variables, std::move(active)), proof, pool);
  return std::move(proof).take();
}

/// The verdict of a verifier that can read the leaves.
bool accepts(const Leaves& leaves, unsigned variables, BytesView bytes) {
  ProofReader proof(kProtocol, {}, bytes);
  const auto claim = check_zero_sum(variables, proof);
  return claim && proof.finish() &&
         evaluate_multilinear(leaves.p, claim->point) == claim->numerator &&
         evaluate_multilinear(leaves.q, claim->point) == claim->denominator;
}

TEST(ZeroSum, IsProvenForEveryShape) {
  std::mt19937_64 random(1);
  for (unsigned variables = 1; variables <= 9; ++variables) {
    const std::size_t count = std::size_t{1} << variables;
    const std::vector<std::vector<IndexRange>> shapes = {
        {{0, count}},
        {{0, count / 2 + 1}},
        {{count - 2, count}},
        {{0, 1}, {count / 2, count}},
        {{0, count / 4 + 1}, {count / 4 + 2, count / 2 + 1}, {count - 1, count}},
    };
    for (const auto& active : shapes) {
      bool is_increasing = true;
      for (std::size_t i = 0; i + 1 < active.size(); ++i) {
        is_increasing = is_increasing && active[i].end < active[i + 1].begin;
      }
      if (!is_increasing) continue;
      const Leaves leaves = zero_sum(variables, active, random);
      EXPECT_TRUE(accepts(leaves, variables, prove(leaves, variables, active))) << variables;
    }
  }
}

TEST(ZeroSum, OfNothingButZerosIsProven) {
  std::mt19937_64 random(1);
  const Leaves leaves{std::vector<Fp3>(8), std::vector<Fp3>(8, Fp3(1))};
  EXPECT_TRUE(accepts(leaves, 3, prove(leaves, 3, {})));
}

TEST(ZeroSum, RefusesASumThatIsNotZero) {
  std::mt19937_64 random(2);
  Leaves leaves = zero_sum(5, std::vector<IndexRange>{{0, 32}}, random);
  for (const std::size_t i : {0U, 13U, 31U}) {
    Leaves changed = leaves;
    changed.p[i] += Fp3(1);
    EXPECT_FALSE(accepts(changed, 5, prove(changed, 5, {{0, 32}})));
    changed = leaves;
    changed.q[i] += Fp3(1);
    EXPECT_FALSE(accepts(changed, 5, prove(changed, 5, {{0, 32}})));
  }
}

// 0 / 0 would add up with anything.
TEST(ZeroSum, RefusesADenominatorOfZero) {
  Leaves leaves{std::vector<Fp3>(8), std::vector<Fp3>(8, Fp3(1))};
  leaves.p[2] = Fp3(5);
  leaves.p[7] = Fp3(1);
  leaves.q[7] = Fp3();
  EXPECT_FALSE(accepts(leaves, 3, prove(leaves, 3, {{0, 8}})));
}

TEST(ZeroSum, RefusesEveryChangedWord) {
  std::mt19937_64 random(3);
  const Leaves leaves = zero_sum(4, std::vector<IndexRange>{{0, 16}}, random);
  const Bytes proof = prove(leaves, 4, {{0, 16}});
  ASSERT_EQ(proof.size(), 24U * (4 * 4 + 2 * (1 + 2 + 3)));
  for (std::size_t word = 0; word < proof.size() / 8; ++word) {
    for (const std::uint8_t change : {std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{128}}) {
      Bytes changed = proof;
      changed[8 * word + 7] = static_cast<std::uint8_t>(changed[8 * word + 7] ^ change);
      EXPECT_FALSE(accepts(leaves, 4, changed)) << word;
      // Not only is the claim on the leaves that is left another one: it is not reached.
      ProofReader reader(kProtocol, {}, changed);
      EXPECT_FALSE(check_zero_sum(4, reader)) << word;
    }
  }
  EXPECT_FALSE(accepts(leaves, 4, BytesView(proof).first(proof.size() - 24)));
}

TEST(ZeroSum, IsTheSameOnAnyNumberOfThreads) {
  std::mt19937_64 random(4);
  const std::vector<IndexRange> active{{3, 700}, {900, 1001}};
  const Leaves leaves = zero_sum(10, active, random);
  std::vector<Bytes> proofs;
  for (const std::size_t threads : {1U, 2U, 3U}) {
    ThreadPool pool(threads);
    ProofWriter proof(kProtocol, {});
    prove_zero_sum(fractions_of(leaves, 10, active), proof, pool);
    proofs.push_back(std::move(proof).take());
  }
  EXPECT_EQ(proofs[0], proofs[1]);
  EXPECT_EQ(proofs[0], proofs[2]);
}

}  // namespace
}  // namespace imo::zkml
