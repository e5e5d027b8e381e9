#include "imo/node/x402.hpp"

#include "imo/base/hex.hpp"
#include "imo/crypto/base64.hpp"
#include "imo/eth/address.hpp"
#include "imo/node/test_world.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace imo::node {
namespace {

using nlohmann::json;
using test::must;

PaymentTerms dollars() {
  return {
      84532, must(eth::parse_address("0x036CbD53842c5426634e7929541eC2318f3dCF7e")), "USDC",
      "2",   must(eth::parse_address("0x209693Bc6afc0C5328bA36FaF03C514EF312287C")), U256(10'000)};
}

const PaidResource kResource{"/v1/proofs", "a proof"};

TEST(X402, TermsAreReadAsTheyAreWritten) {
  const PaymentTerms terms = dollars();
  const std::string body = payment_required_body(terms, kResource, "pay");
  const auto read = must(parse_payment_required(body, terms.chain_id));
  EXPECT_EQ(read.asset, terms.asset);
  EXPECT_EQ(read.pay_to, terms.pay_to);
  EXPECT_EQ(read.amount, terms.amount);
  EXPECT_EQ(read.asset_name, "USDC");
  EXPECT_EQ(read.asset_version, "2");
  EXPECT_FALSE(parse_payment_required(body, 1)) << "another chain";
  EXPECT_FALSE(parse_payment_required("[]", terms.chain_id));
  EXPECT_FALSE(parse_payment_required("{\"accepts\": 3}", terms.chain_id));
  // Clients of version 1 know chains by name, and take no null for a schema.
  const json first = json::parse(body)["accepts"][0];
  EXPECT_EQ(first["network"], "base-sepolia");
  EXPECT_FALSE(first.contains("outputSchema"));
  PaymentTerms unnamed = terms;
  unnamed.chain_id = 31337;
  EXPECT_TRUE(parse_payment_required(payment_required_body(unnamed, kResource, "pay"), 31337));
  const Bytes header = must(crypto::from_base64(payment_required_header(terms, kResource, "pay")));
  const json second = json::parse(header);
  EXPECT_EQ(second["x402Version"], 2);
  EXPECT_EQ(second["accepts"][0]["amount"], "10000");
  EXPECT_EQ(second["accepts"][0]["network"], "eip155:84532");
}

TEST(X402, PaymentsAreReadAsTheyAreWritten) {
  const PaymentTerms terms = dollars();
  const Payment payment = sign_payment(terms, eth::anvil_key(1), 1'900'000'000);
  const std::string header = payment_header(terms, payment);
  const Payment read = must(parse_payment_header(header, terms));
  EXPECT_EQ(must(read.call()), must(payment.call()));
  EXPECT_EQ(read.purpose(), payment.purpose());
  PaymentTerms other = terms;
  other.chain_id = 1;
  EXPECT_FALSE(parse_payment_header(header, other));
}

TEST(X402, WhatIsNoPaymentIsRefused) {
  const PaymentTerms terms = dollars();
  const json good = json::parse(must(crypto::from_base64(
      payment_header(terms, sign_payment(terms, eth::anvil_key(1), 1'900'000'000)))));
  const auto refused = [&](const json& document) {
    return !parse_payment_header(crypto::to_base64(as_bytes(document.dump())), terms).has_value();
  };
  ASSERT_FALSE(refused(good));
  const json parts = good.flatten();
  ASSERT_GE(parts.size(), 10U);
  for (const auto& [place, value] : parts.items()) {
    json changed = good;
    changed[json::json_pointer(place)] = nullptr;
    EXPECT_TRUE(refused(changed)) << place;
    changed[json::json_pointer(place)] = "x";
    EXPECT_TRUE(refused(changed)) << place;
  }
  EXPECT_TRUE(refused(nullptr));
  EXPECT_FALSE(parse_payment_header("!", terms));
  EXPECT_FALSE(parse_payment_header(std::string(kMaxPaymentHeader + 4, 'A'), terms));
}

/// What another implementation signed and wrote, in both versions.
TEST(X402, ThoseOfOthersAreRead) {
  const auto path = std::filesystem::path(IMO_SHARED_DATA) / "../vectors/x402.json";
  std::ifstream file(path);
  if (!file) GTEST_SKIP() << "no vectors at " << path;
  const json exact = json::parse(file)["exact"];
  PaymentTerms terms = dollars();
  const Payment second =
      must(parse_payment_header(exact["header_PAYMENT_SIGNATURE_v2"].get<std::string>(), terms));
  EXPECT_TRUE(check_payment(terms, second, 1'800'000'000));
  EXPECT_EQ(to_hex(second.digest(terms)), exact["digest"]);
  EXPECT_EQ(to_hex(must(second.call())), exact["calldata"]);
}

}  // namespace
}  // namespace imo::node
