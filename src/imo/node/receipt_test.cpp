/// Receipts as the contract on a real chain reads them.
#include "imo/node/receipt.hpp"

#include "imo/crypto/keccak.hpp"
#include "imo/market/abi/OperatorRegistry.hpp"
#include "imo/node/test_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::node {
namespace {

namespace operators = market::abi::operator_registry;
using test::must;
using test::TestWorld;

operators::Receipt wire(const Receipt& receipt) {
  return {receipt.model_id,  receipt.model_root, receipt.prompt_hash, receipt.output_hash,
          receipt.text_hash, receipt.max_tokens, receipt.sampling,    receipt.operator_address,
          receipt.payer,     receipt.asset,      receipt.payment,     receipt.issued_at,
          receipt.nonce};
}

Bytes signature_bytes(const SignedReceipt& receipt) {
  const auto bytes = receipt.signature.to_bytes();
  return {bytes.bytes.begin(), bytes.bytes.end()};
}

TEST(ReceiptTest, TheContractAgreesWithDigestAndSigner) {
  TestWorld world;
  const auto store = must(Store::open(world.directory.path()));
  const auto& registry = world.deployment.operator_registry;
  ReceiptIssuer issuer(*store, eth::anvil_key(1), world.deployment.chain_id, registry);
  AnswerFacts facts;
  facts.model_id = must(U256::parse("123456789012345678901234567890123456789012345678901234567"));
  facts.model_root = crypto::keccak256(as_bytes("root"));
  facts.prompt = {0, 0, 0, 1};
  facts.output = {0, 0, 0, 2, 0, 0, 0, 3};
  facts.text = {'h', 'i'};
  facts.max_tokens = 77;
  const auto signed_receipt = must(issuer.issue(facts));
  const auto& receipt = signed_receipt.receipt;
  EXPECT_EQ(receipt.output_hash, crypto::keccak256(facts.output));
  EXPECT_EQ(receipt.operator_address, world.operator_wallet.address());

  EXPECT_EQ(must(world.client.call(registry, operators::receipt_digest(wire(receipt)))),
            signed_receipt.digest);
  EXPECT_EQ(must(world.client.call(registry, operators::recover_operator(
                                                 wire(receipt), signature_bytes(signed_receipt)))),
            world.operator_wallet.address());

  // Every member is signed for.
  const std::vector<std::function<void(Receipt&)>> changes{
      [](Receipt& r) { r.model_id += U256(1); },
      [](Receipt& r) { r.model_root.bytes[0] ^= 1; },
      [](Receipt& r) { r.prompt_hash.bytes[0] ^= 1; },
      [](Receipt& r) { r.output_hash.bytes[0] ^= 1; },
      [](Receipt& r) { r.text_hash.bytes[0] ^= 1; },
      [](Receipt& r) { ++r.max_tokens; },
      [](Receipt& r) { r.sampling.bytes[0] ^= 1; },
      [](Receipt& r) { r.payer.bytes[0] ^= 1; },
      [](Receipt& r) { r.asset.bytes[0] ^= 1; },
      [](Receipt& r) { r.payment += U256(1); },
      [](Receipt& r) { ++r.issued_at; },
      [](Receipt& r) { r.nonce.bytes[0] ^= 1; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    auto forged = receipt;
    changes[i](forged);
    EXPECT_NE(receipt_digest(forged, world.deployment.chain_id, registry), signed_receipt.digest)
        << i;
    EXPECT_FALSE(world.client.call(
        registry, operators::recover_operator(wire(forged), signature_bytes(signed_receipt))))
        << i;
  }
  EXPECT_NE(receipt_digest(receipt, 1, registry), signed_receipt.digest);

  const auto twin = must(issuer.issue(facts));
  EXPECT_NE(twin.digest, signed_receipt.digest) << "two receipts of one answer must differ";
  EXPECT_EQ(must(issuer.count()), 2U);
}

}  // namespace
}  // namespace imo::node
