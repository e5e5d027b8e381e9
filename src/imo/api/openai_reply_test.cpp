// The other end of the wire: src/imo/node/receipt_claim.hpp.
#include "imo/api/openai_reply.hpp"

#include "imo/base/file.hpp"
#include "imo/base/hex.hpp"
#include "imo/eth/anvil.hpp"
#include "imo/market/packed_tokens.hpp"
#include "imo/node/receipt_claim.hpp"
#include "imo/node/test_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace imo::api {
namespace {

using node::test::must;
using testing::HasSubstr;

TEST(OpenAiReply, ItsReceiptIsReadByThoseWhoCheckIt) {
  const auto directory = must(TemporaryDirectory::create());
  const auto store = must(node::Store::open(directory.path()));
  node::ReceiptIssuer issuer(*store, eth::anvil_key(1), 1, {});
  ReplyBody body;
  body.prompt = {1, 2, 3};
  body.max_tokens = 2;
  body.answer.tokens = {4, 5};
  body.receipt = must(issuer.issue({U256(7),
                                    {},
                                    market::pack_tokens(body.prompt),
                                    market::pack_tokens(body.answer.tokens),
                                    {},
                                    2}));
  const std::string reply = whole_reply({}, body);
  const auto read = must(node::parse_receipt_reply(reply));
  EXPECT_EQ(read.receipt, body.receipt->receipt);
  EXPECT_EQ(read.prompt, body.prompt);
  EXPECT_EQ(read.output, body.answer.tokens);
  EXPECT_EQ(read.signature, from_hex(to_hex(body.receipt->signature.to_bytes())).value());

  using Json = nlohmann::json;
  const Json whole = Json::parse(reply);
  const auto fault = [](const Json& json) {
    const auto claim = node::parse_receipt_reply(json.dump());
    return claim ? std::string("read") : claim.error().message;
  };
  for (const auto& [name, value] : whole["imo"]["receipt"].items()) {
    if (name == "digest") continue;  // computed here
    Json changed = whole;
    changed["imo"]["receipt"].erase(name);
    EXPECT_THAT(fault(changed), HasSubstr("no '" + name + "'"));
    changed["imo"]["receipt"][name] = "0x0g";
    EXPECT_THAT(fault(changed), HasSubstr("receipt." + name));
    changed["imo"]["receipt"][name] = Json::array();
    EXPECT_THAT(fault(changed), HasSubstr("no '" + name + "'"));
  }
  Json changed = whole;
  changed["imo"]["receipt"]["maxTokens"] = std::uint64_t{1} << 32;
  EXPECT_THAT(fault(changed), HasSubstr("does not fit 32 bits"));
  changed = whole;
  changed["imo"]["output_tokens"] = {1, -1};
  EXPECT_THAT(fault(changed), HasSubstr("output_tokens"));
  changed["imo"]["receipt"] = nullptr;
  EXPECT_THAT(fault(changed), HasSubstr("did not sign"));
  changed.erase("imo");
  EXPECT_THAT(fault(changed), HasSubstr("no member 'imo'"));
  EXPECT_FALSE(node::parse_receipt_reply("{"));
  EXPECT_FALSE(node::parse_receipt_reply("[]"));
}

}  // namespace
}  // namespace imo::api
