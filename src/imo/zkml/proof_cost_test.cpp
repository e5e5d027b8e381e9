#include "imo/zkml/proof_cost.hpp"

#include "imo/base/thread_pool.hpp"
#include "imo/zkml/model_circuit.hpp"
#include "imo/zkml/model_party_test_support.hpp"
#include "imo/zkml/model_proof.hpp"

#include <gtest/gtest.h>

namespace imo::zkml {
namespace {

using test::tiny;

TEST(ProofCost, TimeIsHashesAndProductsAtTheirRates) {
  const ProverRates rates{.picoseconds_per_hash = 40'000, .picoseconds_per_product = 3'000};
  EXPECT_EQ(rates.time_of({}).count(), 0);
  EXPECT_EQ(rates.time_of({.hashes = 1'000'000, .products = 0}).count(), 40);
  EXPECT_EQ(rates.time_of({.hashes = 0, .products = 1'500'000}).count(), 4);
  // More than 64 bits of picoseconds: 2^40 of both.
  const std::uint64_t many = std::uint64_t{1} << 40;
  EXPECT_EQ(rates.time_of({.hashes = many, .products = many}).count(), 47'278'999);
}

TEST(ProofCost, LongerAnswersAreMoreWork) {
  const ModelShape shape = ModelShape::of(tiny({.seed = 1}).program()).value();
  const auto short_one = estimate_proof(shape, 4, 2).value();
  const auto long_one = estimate_proof(shape, 12, 8).value();
  EXPECT_GE(long_one.proving.hashes, short_one.proving.hashes);
  EXPECT_GT(long_one.proving.products, short_one.proving.products);
  EXPECT_GT(long_one.gas, short_one.gas);
  EXPECT_EQ(long_one.registering, short_one.registering);
  EXPECT_GT(short_one.registering.products, 0U);
}

/// On a machine that does other things as well, so the margin is wide: what it must not be is of
/// another magnitude.
TEST(ProofCost, TimeIsOfTheMagnitudeThatIsMeasured) {
  ThreadPool pool(2);
  const engine::Model model = tiny({.seed = 1});
  const ProvingKey key = ProvingKey::make(model, pool).value();
  Statement statement;
  statement.answer = test::answer_of(model, {1, 70, 80, 90}, 20);
  const auto estimate = estimate_proof(key.verifying_key().shape, 4, 20).value();
  const auto expected = measure_rates(pool).time_of(estimate.proving);
  const auto started = std::chrono::steady_clock::now();
  ASSERT_TRUE(prove_answer(model, key, statement, pool));
  const auto took = std::chrono::steady_clock::now() - started;
  EXPECT_LT(took, 5 * expected);
  EXPECT_GT(5 * took, expected);
}

}  // namespace
}  // namespace imo::zkml
