#include "imo/eth/address.hpp"

#include "imo/base/hex.hpp"

#include <gtest/gtest.h>

namespace imo::eth {
namespace {

TEST(Address, ChecksumsOfEip55) {
  for (const char* text :
       {"0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
        "0xde709f2102306220921060314715629080e2fb77", "0x27b1fdb04752bbc536007a920d24acb045561c26",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb"}) {
    const auto address = parse_address(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(to_checksum(*address), text);
  }
}

TEST(Address, AcceptsOneCaseAndRefusesWrongChecksums) {
  EXPECT_TRUE(parse_address("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"));
  EXPECT_TRUE(parse_address("0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED"));
  EXPECT_FALSE(parse_address("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"));
}

TEST(Address, RefusesWhatIsNoAddress) {
  for (const char* text :
       {"", "0x", "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
        "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaeg",
        "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed0"}) {
    EXPECT_FALSE(parse_address(text)) << text;
  }
}

TEST(Address, OfContractsMadeByTransactions) {
  // The first contracts of anvil's first account.
  const Address sender = parse_address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266").value();
  EXPECT_EQ(to_checksum(create_address(sender, 0)), "0x5FbDB2315678afecb367f032d93F642f64180aa3");
  EXPECT_EQ(to_checksum(create_address(sender, 1)), "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512");
}

/// The examples of EIP-1014.
TEST(Address, OfContractsMadeByCreate2) {
  struct Example {
    const char* deployer;
    const char* salt;
    const char* code;
    const char* address;
  };
  const char* zero = "0x0000000000000000000000000000000000000000000000000000000000000000";
  for (const Example& example :
       {Example{"0x0000000000000000000000000000000000000000", zero, "0x00",
                "0x4D1A2e2bB4F88F0250f26Ffff098B0b30B26BF38"},
        Example{"0xdeadbeef00000000000000000000000000000000", zero, "0x00",
                "0xB928f69Bb1D91Cd65274e3c79d8986362984fDA3"},
        Example{"0x00000000000000000000000000000000deadbeef",
                "0x00000000000000000000000000000000000000000000000000000000cafebabe", "0xdeadbeef",
                "0x60f3f640a8508fC6a86d45DF051962668E1e8AC7"},
        Example{"0x0000000000000000000000000000000000000000", zero, "0x",
                "0xE33C0C7F7df4809055C3ebA6c09CFe4BaF1BD9e0"}}) {
    const Address made =
        create2_address(fixed_from_hex<20>(example.deployer).value(),
                        fixed_from_hex<32>(example.salt).value(), from_hex(example.code).value());
    EXPECT_EQ(to_checksum(made), example.address);
  }
}

}  // namespace
}  // namespace imo::eth
