#include "imo/eth/eip712.hpp"

#include "imo/base/hex.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/crypto/secp256k1.hpp"
#include "imo/eth/abi_bind.hpp"
#include "imo/eth/address.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace imo::eth {
namespace {

using nlohmann::json;

Hash32 hash_from(const std::string& hex) {
  return fixed_from_hex<32>(hex).value();
}
Address address_from(const std::string& hex) {
  return fixed_from_hex<20>(hex).value();
}

constexpr const char* kMail =
    "Mail(Person from,Person to,string contents)Person(string name,address wallet)";

Hash32 person(const char* name, const char* wallet) {
  return StructHash("Person(string name,address wallet)")
      .add_string(name)
      .add(address_from(wallet))
      .finish();
}

/// The example of EIP-712, whose key is keccak256("cow").
TEST(Eip712, MailOfTheStandard) {
  const Eip712Domain domain{
      .name = "Ether Mail",
      .version = "1",
      .chain_id = U256(1),
      .verifying_contract = address_from("0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"),
      .salt = std::nullopt};
  EXPECT_EQ(to_hex(domain.separator()),
            "0xf2cee375fa42b42143804025fc449deafd50cc031ca257e0b194a650a912090f");
  StructHash mail(kMail);
  EXPECT_EQ(to_hex(mail.type_hash()),
            "0xa0cedeb2dc280ba39b857546d74f5549c3a1d7bdc2dd96bf881f76108e23dac2");
  const Hash32 mail_hash =
      mail.add_struct(person("Cow", "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"))
          .add_struct(person("Bob", "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"))
          .add_string("Hello, Bob!")
          .finish();
  EXPECT_EQ(to_hex(mail_hash),
            "0xc52c0ee5d84264471806290a3f2c4cecfc5490626bf912d01f240d7a274b371e");
  const Hash32 digest = eip712_digest(domain.separator(), mail_hash);
  EXPECT_EQ(to_hex(digest), "0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2");

  const auto key = crypto::SecretKey::from_bytes(crypto::keccak256(as_bytes("cow"))).value();
  EXPECT_EQ(to_hex(key.sign(digest).to_bytes()),
            "0x4355c47d63924e8a72e509b65029052eb6c299d53a04e167c5775fd466751c9d"
            "07299936d304c153f6443dfa05f40ff007d72911b6f72307f996231605b915621c");
}

class X402Vectors : public testing::Test {
 protected:
  void SetUp() override {
    const std::filesystem::path path =
        std::filesystem::path(IMO_SHARED_DATA) / "../vectors/x402.json";
    std::ifstream file(path);
    if (!file) GTEST_SKIP() << "no vectors at " << path;
    vectors_ = json::parse(file);
  }

  static std::string text(const json& value) { return value.get<std::string>(); }
  static U256 number(const json& value) { return U256::parse(text(value)).value(); }
  [[nodiscard]] std::string signature_over(const Hash32& digest) const {
    const auto key = crypto::SecretKey::from_hex(text(vectors_["privateKey"])).value();
    return to_hex(key.sign(digest).to_bytes());
  }

  json vectors_;
};

/// EIP-3009 TransferWithAuthorization, as x402's `exact` scheme signs it.
TEST_F(X402Vectors, Exact) {
  const json& exact = vectors_["exact"];
  const json& from = exact["authorization"];
  const Eip712Domain domain{
      .name = text(exact["domain"]["name"]),
      .version = text(exact["domain"]["version"]),
      .chain_id = U256(exact["domain"]["chainId"].get<std::uint64_t>()),
      .verifying_contract = address_from(text(exact["domain"]["verifyingContract"])),
      .salt = std::nullopt};
  EXPECT_EQ(to_hex(domain.separator()), text(exact["domainSeparator"]));
  StructHash transfer(
      "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,"
      "uint256 validBefore,bytes32 nonce)");
  EXPECT_EQ(to_hex(transfer.type_hash()), text(exact["typeHash"]));
  const Hash32 hash = transfer.add(address_from(text(from["from"])))
                          .add(address_from(text(from["to"])))
                          .add(number(from["value"]))
                          .add(number(from["validAfter"]))
                          .add(number(from["validBefore"]))
                          .add(hash_from(text(from["nonce"])))
                          .finish();
  EXPECT_EQ(to_hex(hash), text(exact["structHash"]));
  const Hash32 digest = eip712_digest(domain.separator(), hash);
  EXPECT_EQ(to_hex(digest), text(exact["digest"]));
  EXPECT_EQ(signature_over(digest), text(exact["signature"]));

  const auto calldata = abi::encode_args(
      abi::selector_of("transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,"
                       "uint8,bytes32,bytes32)"),
      "(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)",
      address_from(text(from["from"])), address_from(text(from["to"])), number(from["value"]),
      number(from["validAfter"]), number(from["validBefore"]), hash_from(text(from["nonce"])),
      exact["v"].get<std::uint8_t>(), hash_from(text(exact["r"])), hash_from(text(exact["s"])));
  EXPECT_EQ(to_hex(calldata.value()), text(exact["calldata"]));
}

/// Permit2 with a witness: nested structs, and a domain without a version.
TEST_F(X402Vectors, Upto) {
  const json& upto = vectors_["upto"];
  const json& message = upto["message"];
  const Eip712Domain domain{
      .name = text(upto["domain"]["name"]),
      .version = std::nullopt,
      .chain_id = U256(upto["domain"]["chainId"].get<std::uint64_t>()),
      .verifying_contract = address_from(text(upto["domain"]["verifyingContract"])),
      .salt = std::nullopt};
  EXPECT_EQ(to_hex(domain.separator()), text(upto["domainSeparator"]));
  const std::string permissions = "TokenPermissions(address token,uint256 amount)";
  const std::string witness = "Witness(address to,address facilitator,uint256 validAfter)";
  const Hash32 permitted = StructHash(permissions)
                               .add(address_from(text(message["permitted"]["token"])))
                               .add(number(message["permitted"]["amount"]))
                               .finish();
  const Hash32 witnessed = StructHash(witness)
                               .add(address_from(text(message["witness"]["to"])))
                               .add(address_from(text(message["witness"]["facilitator"])))
                               .add(number(message["witness"]["validAfter"]))
                               .finish();
  const Hash32 hash = StructHash(
                          "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,"
                          "uint256 nonce,uint256 deadline,Witness witness)" +
                          permissions + witness)
                          .add_struct(permitted)
                          .add(address_from(text(message["spender"])))
                          .add(number(message["nonce"]))
                          .add(number(message["deadline"]))
                          .add_struct(witnessed)
                          .finish();
  const Hash32 digest = eip712_digest(domain.separator(), hash);
  EXPECT_EQ(to_hex(digest), text(upto["digest"]));
  EXPECT_EQ(signature_over(digest), text(upto["signature"]));
}

TEST(Eip712, WrongMembersAreProgrammersErrors) {
  EXPECT_DEATH(StructHash("P(address a)").add(U256(1)), "another type");
  EXPECT_DEATH(StructHash("P(uint256 a)").add(U256(1)).add(U256(2)), "more EIP-712 members");
  EXPECT_DEATH((void)StructHash("P(uint256 a,bool b)").add(U256(1)).finish(), "fewer EIP-712");
}

TEST(PersonalMessage, DigestOfTheStandard) {
  // EIP-191 version 0x45; the digest of "hello world" that wallets agree on.
  EXPECT_EQ(to_hex(personal_message_digest(as_bytes("hello world"))),
            "0xd9eba16ed0ecae432b71fe008c98cc872bb4cc214d3220a36f365326cf807d68");
}

}  // namespace
}  // namespace imo::eth
