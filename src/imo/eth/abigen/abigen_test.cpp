#include "imo/eth/abigen/model.hpp"
#include "imo/eth/abigen/names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace imo::eth::abigen {
namespace {

using testing::HasSubstr;

TEST(AbigenNames, SnakeCase) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"bid", "bid"},
      {"bidOf", "bid_of"},
      {"tokenURI", "token_uri"},
      {"supportsInterface", "supports_interface"},
      {"ERC20", "erc20"},
      {"ERC20Votes", "erc20_votes"},
      {"DOMAIN_SEPARATOR", "domain_separator"},
      {"eip712Domain", "eip712_domain"},
      {"IAIOracle", "iai_oracle"},
      {"aiOracleCallback", "ai_oracle_callback"},
      {"_from", "from"},
      {"__gap__", "gap_"},
      {"x$y", "x_y"},
      {"register", "register_"},
      {"default", "default_"},
      {"2nd", "n2nd"},
      {"$", "n"},
  };
  for (const auto& [solidity, cpp] : cases) EXPECT_EQ(to_snake_case(solidity), cpp) << solidity;
}

TEST(AbigenNames, TakenNamesGetUnderscores) {
  Scope scope({"errors"});
  EXPECT_EQ(scope.claim("errors"), "errors_");
  EXPECT_EQ(scope.claim("bid"), "bid");
  EXPECT_EQ(scope.claim("bid"), "bid_");
}

Contract contract_of(const std::string& entries, const std::string& code = "0x") {
  return read_artifact("Thing",
                       R"({"abi":[)" + entries + R"(],"bytecode":{"object":")" + code + R"("}})")
      .value();
}

std::string function(const std::string& name, const std::string& types) {
  std::string inputs;
  for (std::size_t at = 0; at < types.size();) {
    const std::size_t end = std::min(types.find(' ', at), types.size());
    inputs += (inputs.empty() ? "" : ",") +
              (R"({"name":"","type":")" + types.substr(at, end - at) + R"("})");
    at = end + 1;
  }
  return R"({"type":"function","name":")" + name + R"(","inputs":[)" + inputs +
         R"(],"outputs":[],"stateMutability":"view"})";
}

TEST(Abigen, OverloadsAreToldApart) {
  const Contract by_arity = contract_of(function("f", "uint256") + "," + function("f", ""));
  EXPECT_EQ(by_arity.functions[0].name, "f_1");
  EXPECT_EQ(by_arity.functions[1].name, "f_0");
  const Contract by_types =
      contract_of(function("f", "uint256[] bool") + "," + function("f", "address bool"));
  EXPECT_EQ(by_types.functions[0].name, "f_uint256_bool");
  EXPECT_EQ(by_types.functions[1].name, "f_address_bool");
}

TEST(Abigen, SelectorsOfKnownFunctions) {
  const Contract erc20 = contract_of(function("transfer", "address uint256"));
  EXPECT_EQ(erc20.functions[0].selector, (abi::Selector{0xA9, 0x05, 0x9C, 0xBB}));
  EXPECT_EQ(erc20.name_space, "thing");
  EXPECT_FALSE(erc20.creation_code);
}

TEST(Abigen, InterfacesHaveNoCode) {
  const Place place{"imo::x", "imo/x"};
  const std::string entry = function("f", "uint256");
  EXPECT_THAT(write_header(contract_of(entry), place), Not(HasSubstr("deploy_data")));
  EXPECT_THAT(write_header(contract_of(entry, "0x6001"), place), HasSubstr("deploy_data"));
  EXPECT_THAT(write_source(contract_of(entry, "0x6001"), place), HasSubstr(R"("\x60\x01")"));
}

TEST(Abigen, IsDeterministic) {
  const std::string entry = function("f", "uint256") + "," + function("g", "bool");
  const Place place{"imo::x", "imo/x"};
  EXPECT_EQ(write_header(contract_of(entry), place), write_header(contract_of(entry), place));
  EXPECT_EQ(write_source(contract_of(entry), place), write_source(contract_of(entry), place));
}

TEST(Abigen, RefusesWhatIsNoArtifact) {
  for (const char* text :
       {"", "[]", "{}", R"({"abi":5})", R"({"abi":[{"type":"function","name":"f","inputs":[
        {"type":"fixed128x18"}]}]})",
        R"({"abi":[{"type":"event","name":"E","inputs":[{"type":"tuple[0]"}]}]})",
        R"({"abi":[{"type":"error","name":"E","inputs":[{}]}]})",
        R"({"abi":[],"bytecode":{"object":"0x60__$0123456789$__"}})",
        R"({"abi":[],"bytecode":{"object":"0x6"}})"}) {
    const auto contract = read_artifact("Thing", text);
    ASSERT_FALSE(contract) << text;
    EXPECT_TRUE(contract.error().message.starts_with("Thing: ")) << contract.error().message;
  }
}

}  // namespace
}  // namespace imo::eth::abigen
