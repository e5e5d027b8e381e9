#include "imo/eth/errors.hpp"

#include "imo/base/hex.hpp"
#include "imo/eth/abi_bind.hpp"

#include <array>

#include <gtest/gtest.h>

namespace imo::eth {
namespace {

const std::array<ErrorSignature, 2> kSale = {
    {{abi::selector_of("TooLow(uint256,address)"), "TooLow", "(uint256 price,address to)", "Sale"},
     {abi::selector_of("Closed()"), "Closed", "()", "Sale"}}};
const std::array<ErrorSignature, 1> kVault = {
    {{abi::selector_of("Closed()"), "Closed", "()", "Vault"}}};

std::string describe(BytesView data) {
  ErrorRegistry registry;
  registry.add(kSale);
  return registry.describe(data);
}

TEST(Errors, RequireWithText) {
  const auto data = abi::encode_args(abi::selector_of("Error(string)"), "(string)",
                                     std::string("not enough\x1b[2J"));
  EXPECT_EQ(describe(data.value()), "\"not enough\\x1b[2J\"");
}

TEST(Errors, Panics) {
  const auto panic = [](std::uint64_t code) {
    return describe(
        abi::encode_args(abi::selector_of("Panic(uint256)"), "(uint256)", U256(code)).value());
  };
  EXPECT_EQ(panic(0x11), "arithmetic overflow (panic 0x11)");
  EXPECT_EQ(panic(0x32), "array index out of bounds (panic 0x32)");
  EXPECT_EQ(panic(0x99), "unknown panic (panic 0x99)");
}

TEST(Errors, CustomErrorsByNameAndArguments) {
  const auto data =
      abi::encode_args(abi::selector_of("TooLow(uint256,address)"), "(uint256,address)", U256(5),
                       fixed_from_hex<20>("0x70997970c51812dc3a010c7d01b50e0d17dc79c8").value());
  EXPECT_EQ(describe(data.value()),
            "Sale.TooLow(price = 5, to = 0x70997970C51812dc3A010C7d01b50e0d17dc79C8)");
  EXPECT_EQ(describe(abi::selector_of("Closed()")), "Sale.Closed()");
}

TEST(Errors, DeclaredBySeveralContractsBelongToNone) {
  ErrorRegistry registry;
  registry.add(kSale);
  registry.add(kVault);
  EXPECT_EQ(registry.describe(abi::selector_of("Closed()")), "Closed()");
}

TEST(Errors, UnknownAndBrokenDataInHexadecimal) {
  EXPECT_EQ(describe({}), "no reason given");
  EXPECT_EQ(describe(from_hex("0xdeadbeef01").value()), "unknown error 0xdeadbeef01");
  EXPECT_EQ(describe(from_hex("0x01").value()), "unknown error 0x01");
  // The selector of Error(string) with a length beyond the data.
  EXPECT_EQ(describe(from_hex("0x08c379a0ff").value()), "unknown error 0x08c379a0ff");
}

}  // namespace
}  // namespace imo::eth
