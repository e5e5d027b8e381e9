#include "imo/node/proving_cost.hpp"

#include "imo/zkml/model_party_test_support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::node {
namespace {

using testing::HasSubstr;

constexpr zkml::ProverRates kRates{.picoseconds_per_hash = 40'000,
                                   .picoseconds_per_product = 3'000};

class ProvingCostTest : public testing::Test {
 protected:
  const zkml::ModelShape shape_ =
      zkml::ModelShape::of(zkml::test::tiny({.seed = 1}).program()).value();
};

TEST_F(ProvingCostTest, SaysTimeMemoryBytesAndGas) {
  const auto cost = proving_cost(shape_, 4, 3, kRates);
  ASSERT_TRUE(cost) << cost.error().message;
  EXPECT_EQ(cost->proving, kRates.time_of(cost->needs.proving));
  EXPECT_TRUE(cost->fits_transaction());
  EXPECT_THAT(cost->to_text(), HasSubstr("proving 7 tokens: about "));
  EXPECT_THAT(cost->to_text(), HasSubstr(" gas to verify"));
}

TEST_F(ProvingCostTest, WhatNoTransactionHasRoomForSaysSo) {
  auto cost = proving_cost(shape_, 4, 3, kRates).value();
  cost.needs.gas = eth::kMostTransactionGas;
  EXPECT_TRUE(cost.fits_transaction());
  ++cost.needs.gas;
  EXPECT_FALSE(cost.fits_transaction());
  EXPECT_THAT(cost.to_text(), HasSubstr("more than the 16,777,216 of a transaction"));
}

TEST_F(ProvingCostTest, WhatNeitherContextNorMemoryHoldIsRefused) {
  for (const auto& [prompt, output] :
       {std::pair(0U, 3U), std::pair(3U, 0U), std::pair(shape_.context, 1U)}) {
    const auto cost = proving_cost(shape_, prompt, output, kRates);
    ASSERT_FALSE(cost);
    EXPECT_THAT(cost.error().message, HasSubstr("the model's context"));
  }
  const auto cost = proving_cost(shape_, 4, 3, kRates).value();
  EXPECT_TRUE(check_memory(cost, cost.needs.memory_bytes, "the machine"));
  const auto refused = check_memory(cost, cost.needs.memory_bytes - 1, "the machine");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("ask for fewer tokens"));
}

}  // namespace
}  // namespace imo::node
