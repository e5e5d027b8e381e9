/// What binds an operator, and what is false on their face as the contract on a real chain sees it.
#include "imo/node/receipt_claim.hpp"

#include "imo/market/packed_tokens.hpp"
#include "imo/node/test_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::node {
namespace {

using test::must;
using testing::HasSubstr;

// A registered root of 8 positions and 8 tokens of which 0 ends an answer:
// TestWorld::register_root.
class ReceiptClaimTest : public testing::Test {
 protected:
  void SetUp() override {
    root_.bytes.fill(0x11);
    model_id_ = world_.register_root(root_);
    world_.join(model_id_, 1'000);
  }

  ReceiptClaim claim(std::vector<std::uint32_t> prompt, std::vector<std::uint32_t> output,
                     std::uint32_t max_tokens) {
    ReceiptClaim made;
    made.receipt.model_id = model_id_;
    made.receipt.model_root = root_;
    made.receipt.max_tokens = max_tokens;
    made.receipt.operator_address = world_.operator_wallet.address();
    made.receipt.nonce.bytes.back() = ++nonce_;
    made.prompt = std::move(prompt);
    made.output = std::move(output);
    sign(made);
    return made;
  }

  void sign(ReceiptClaim& claim) {
    claim.receipt.prompt_hash = market::hash_tokens(claim.prompt);
    claim.receipt.output_hash = market::hash_tokens(claim.output);
    const auto digest = receipt_digest(claim.receipt, world_.deployment.chain_id,
                                       world_.deployment.operator_registry);
    const auto signature = eth::anvil_key(1).sign(digest).to_bytes();
    claim.signature.assign(signature.bytes.begin(), signature.bytes.end());
  }

  ReceiptStanding standing(const ReceiptClaim& claim) {
    return must(standing_of(world_.client, world_.deployment, claim));
  }

  /// What the contract says to a strike, without making it.
  std::string strike(const ReceiptClaim& claim) {
    const auto call = strike_receipt_call(claim);
    const auto outcome = must(world_.client.try_call(
        {.to = world_.deployment.dispute_game, .data = must(Result<Bytes>(call.data))}));
    return outcome.reverted ? world_.client.errors().describe(outcome.data) : "struck";
  }

  test::TestWorld world_;
  Hash32 root_;
  U256 model_id_;
  std::uint8_t nonce_ = 0;
};

TEST_F(ReceiptClaimTest, TheContractFindsTheSameFaultsOnItsFace) {
  auto other_root = claim({1}, {2}, 1);
  other_root.receipt.model_root.bytes[0] ^= 1;
  sign(other_root);
  auto sampled = claim({1}, {2}, 1);
  sampled.receipt.sampling.bytes[31] = 1;
  sign(sampled);
  const std::vector<std::pair<ReceiptClaim, std::string>> cases{
      {claim({1}, {2}, 1), ""},
      {claim({1, 2, 3}, {4, 5, 6, 7, 1}, 5), ""},  // as long as the context
      {claim({1}, {2, 0}, 5), ""},                 // ends with the end token
      {claim({1}, {2, 0}, 2), ""},                 // at the limit
      {claim({0, 1}, {2}, 1), ""},                 // in the prompt it ends nothing
      {other_root, "root of another"},
      {sampled, "sampling"},
      {claim({}, {2}, 1), "no prompt"},
      {claim({1}, {}, 0), "no answer"},
      {claim({1}, {2, 3}, 1), "1 were the limit"},
      {claim({1, 2, 3, 4}, {4, 5, 6, 7, 1}, 5), "the model's context 8"},
      {claim({1}, {8}, 1), "tokens that the model does not have"},
      {claim({8}, {1}, 1), "tokens that the model does not have"},
      {claim({1}, {2}, 2), "ends before its limit"},
      {claim({1}, {0, 2}, 2), "goes on behind its end"},
      {claim({1}, {2, 0, 0}, 3), "goes on behind its end"},
  };
  for (const auto& [claim, fault] : cases) {
    const auto found = standing(claim);
    EXPECT_EQ(found.is_void, "");
    EXPECT_FALSE(found.is_struck_down);
    EXPECT_THAT(found.on_its_face, HasSubstr(fault));
    EXPECT_EQ(found.on_its_face.empty(), fault.empty()) << found.on_its_face;
    EXPECT_THAT(strike(claim), HasSubstr(fault.empty() ? "ReceiptStands" : "struck")) << fault;
  }
}

TEST_F(ReceiptClaimTest, SaysWhatBindsNobodyAndWhatHasFallen) {
  auto forged = claim({1}, {2}, 2);
  forged.receipt.max_tokens = 1;
  EXPECT_THAT(standing(forged).is_void, HasSubstr("signature"));
  auto garbage = claim({1}, {2}, 2);
  garbage.signature.resize(64);
  EXPECT_THAT(standing(garbage).is_void, HasSubstr("signature"));
  auto other_prompt = claim({1}, {2}, 2);
  other_prompt.prompt = {3};
  EXPECT_THAT(standing(other_prompt).is_void, HasSubstr("another prompt"));
  auto other_answer = claim({1}, {2}, 2);
  other_answer.output = {2, 2};
  EXPECT_THAT(standing(other_answer).is_void, HasSubstr("another answer"));
  auto unknown = claim({1}, {2}, 1);
  unknown.receipt.model_id = U256(7);
  sign(unknown);
  const auto nobody = standing_of(world_.client, world_.deployment, unknown);
  ASSERT_FALSE(nobody);
  EXPECT_THAT(nobody.error().message, HasSubstr("nobody registered model 7"));

  const auto stopped = claim({1}, {2}, 2);
  must(world_.asker.transact(world_.deployment.dispute_game, strike_receipt_call(stopped)));
  EXPECT_TRUE(standing(stopped).is_struck_down);
}

}  // namespace
}  // namespace imo::node
