/// Sums of fractions against every prover there is (docs/proof.md, "Sums of fractions").
#include "imo/zkml/exhaustive/game.hpp"
#include "imo/zkml/fraction_sum.hpp"

#include <gtest/gtest.h>

namespace imo::zkml {
namespace {

constexpr std::uint64_t kP = Fp::kModulus;

std::vector<Fp3> elements(std::initializer_list<std::int64_t> values) {
  std::vector<Fp3> result;
  for (const std::int64_t value : values) result.emplace_back(Fp::from_signed(value));
  return result;
}

Game::Verifier verifier_of(const std::vector<Fp3>& numerators, const std::vector<Fp3>& denominators,
                           unsigned variables) {
  return [=](ProofReader& proof) {
    const auto claim = check_zero_sum(variables, proof);
    return claim && claim->numerator == multilinear(numerators, claim->point) &&
           claim->denominator == multilinear(denominators, claim->point);
  };
}

/// Two fractions: root and mu.
std::uint64_t best_of_two(const std::vector<Fp3>& numerators,
                          const std::vector<Fp3>& denominators) {
  return Game(kP, verifier_of(numerators, denominators, 1)).best();
}

/// Four: root, mu, lambda, a round with its challenge, children, mu.
class FourFractions {
 public:
  static constexpr std::uint64_t kAll = kP * kP * kP * kP;

  static std::uint64_t best(const std::vector<Fp3>& numerators,
                            const std::vector<Fp3>& denominators) {
    return Game(kAll, verifier_of(numerators, denominators, 2), key).best();
  }

 private:
  static std::optional<std::uint64_t> key(std::span<const std::uint32_t> script) {
    const auto at = [&](std::size_t i) { return Fp3(script[i]); };
    if (script.size() < 5) return std::nullopt;
    const Fp3 mu = at(4);
    const Fp3 p = at(0) + mu * (at(1) - at(0));
    const Fp3 q = at(2) + mu * (at(3) - at(2));
    if (script.size() == 5) return key_of(mu, p, q);
    const Fp3 lambda = at(5);
    const Fp3 sum = p + lambda * q;
    if (script.size() == 6) return key_of(mu, lambda, sum);
    if (script.size() != 9) return std::nullopt;
    const Fp3 c = at(8);
    const Fp3 g0 = sum - mu * (at(6) + at(7));
    return key_of(lambda, c, g0 + c * at(6) + c * c * at(7));
  }
};

TEST(FractionSumExhaustive, ATrueSumCanAlwaysBeProven) {
  EXPECT_EQ(best_of_two(elements({1, -1}), elements({2, 2})), kP);
  // 1/2 + 1/3 - 5/6 + 0/1
  EXPECT_EQ(FourFractions::best(elements({1, 1, -5, 0}), elements({2, 3, 6, 1})),
            FourFractions::kAll);
}

/// Of |F| challenges 1 for mu; for every level below, lambda 1, each of its k rounds 2, mu 1: in
/// all n^2 + n - 1, which docs/proof.md rounds up.
constexpr std::uint64_t lucky(std::uint64_t n) {
  return n * n + n - 1;
}

TEST(FractionSumExhaustive, NoProverShowsAFalseSumOfTwo) {
  for (std::uint64_t p0 = 0; p0 < kP; ++p0) {
    for (std::uint64_t q0 = 0; q0 < kP; ++q0) {
      for (std::uint64_t q1 = 0; q1 < kP; ++q1) {
        const std::vector<Fp3> numerators{Fp3(p0), Fp3(1)};
        const std::vector<Fp3> denominators{Fp3(q0), Fp3(q1)};
        const bool is_zero = (Fp(p0) * Fp(q1) + Fp(q0)) == Fp() && Fp(q0) * Fp(q1) != Fp();
        const std::uint64_t best = best_of_two(numerators, denominators);
        if (is_zero) {
          EXPECT_EQ(best, kP);
        } else {
          EXPECT_LE(best, lucky(1));
        }
      }
    }
  }
}

TEST(FractionSumExhaustive, NoProverShowsAFalseSumOfFour) {
  const std::uint64_t bound = lucky(2) * FourFractions::kAll / kP;
  // What is left over lies in one leaf, in a pair, in all.
  EXPECT_LE(FourFractions::best(elements({1, 0, 0, 0}), elements({1, 1, 1, 1})), bound);
  EXPECT_LE(FourFractions::best(elements({1, -1, 2, 3}), elements({4, 4, 5, 2})), bound);
  EXPECT_LE(FourFractions::best(elements({1, 1, -5, 1}), elements({2, 3, 6, 4})), bound);
}

/// 0/0 adds up with anything to 0/0: it is no sum that is zero.
TEST(FractionSumExhaustive, NoProverHidesAZeroDenominator) {
  const std::uint64_t bound = lucky(2) * FourFractions::kAll / kP;
  EXPECT_LE(best_of_two(elements({0, 1}), elements({0, 1})), lucky(1));
  EXPECT_LE(FourFractions::best(elements({0, 1, 2, 3}), elements({0, 1, 1, 1})), bound);
}

}  // namespace
}  // namespace imo::zkml
