#include "imo/eth/units.hpp"

#include <gtest/gtest.h>

namespace imo::eth {
namespace {

TEST(Units, Format) {
  EXPECT_EQ(format_ether(U256()), "0 ETH");
  EXPECT_EQ(format_ether(U256(1)), "0.000000000000000001 ETH");
  EXPECT_EQ(format_ether(kEther + kEther / U256(2)), "1.5 ETH");
  EXPECT_EQ(format_gwei(U256(20) * kGwei), "20 gwei");
  EXPECT_EQ(format_units(U256(1500), 3), "1.5");
  EXPECT_EQ(format_units(U256(1500), 0), "1500");
  EXPECT_EQ(format_ether(U256::max()),
            "115792089237316195423570985008687907853269984665640564039457.584007913129639935 ETH");
}

TEST(Units, Parse) {
  EXPECT_EQ(parse_units("1.5", 18).value(), kEther * U256(3) / U256(2));
  EXPECT_EQ(parse_units("0", 18).value(), U256());
  EXPECT_EQ(parse_units("007", 0).value(), U256(7));
  EXPECT_EQ(parse_units("0.000000000000000001", 18).value(), U256(1));
  EXPECT_EQ(parse_amount("1.5 ETH").value(), parse_amount("1500000000 gwei").value());
  EXPECT_EQ(parse_amount("1ether").value(), kEther);
  EXPECT_EQ(parse_amount("7 wei").value(), U256(7));
}

TEST(Units, ParseIsTheInverseOfFormat) {
  U256 amount(1);
  for (int i = 0; i < 250; ++i, amount = amount * U256(2) + U256(static_cast<unsigned>(i) % 2)) {
    for (const unsigned decimals : {0U, 6U, 9U, 18U, 77U}) {
      EXPECT_EQ(parse_units(format_units(amount, decimals), decimals).value(), amount);
    }
  }
}

TEST(Units, RefusesWhatIsNoAmount) {
  for (const char* text :
       {"", ".", "1.", ".5", "-1", "+1", "1e18", "1,5", "0x10", " 1", "1 ", "1.2.3",
        "1.0000000000000000001", "115792089237316195423570985008687907853269984665640564039458"}) {
    EXPECT_FALSE(parse_units(text, 18)) << text;
  }
  for (const char* text : {"1", "1 dollar", "ETH", "1.5 wei", "1  ETH"}) {
    EXPECT_FALSE(parse_amount(text)) << text;
  }
}

}  // namespace
}  // namespace imo::eth
