#include "imo/market/packed_tokens.hpp"

#include "imo/base/hex.hpp"

#include <gtest/gtest.h>

namespace imo::market {
namespace {

TEST(PackedTokens, AreBigEndianWords) {
  const std::vector<std::uint32_t> tokens{0, 1, 0x01020304, 0xFFFFFFFF};
  const auto packed = pack_tokens(tokens);
  EXPECT_EQ(to_hex(packed), "0x000000000000000101020304ffffffff");
  EXPECT_EQ(unpack_tokens(packed).value(), tokens);
  EXPECT_EQ(hash_tokens(tokens), crypto::keccak256(packed));
  EXPECT_TRUE(unpack_tokens({}).value().empty());
}

TEST(PackedTokens, RefuseHalfAToken) {
  EXPECT_FALSE(unpack_tokens(Bytes{1, 2, 3}));
  EXPECT_FALSE(unpack_tokens(Bytes{1, 2, 3, 4, 5}));
}

}  // namespace
}  // namespace imo::market
