#include "imo/eth/rlp.hpp"

#include "imo/base/hex.hpp"

#include <random>

#include <gtest/gtest.h>

namespace imo::eth::rlp {
namespace {

Item list(std::vector<Item> items) {
  return Item::list(std::move(items));
}
Item text(std::string_view bytes) {
  return Item::text(bytes);
}
Item number(const U256& value) {
  return Item::number(value);
}
U256 big(std::string_view digits) {
  return U256::parse(digits).value();
}

struct Vector {
  const char* name;
  Item item;
  std::string hex;
};

/// ethereum/tests, RLPTests/rlptest.json.
std::vector<Vector> official_vectors() {
  const Item words = list({text("asdf"), text("qwer"), text("zxcv")});
  const std::string words_hex = "cf84617364668471776572847a786376";
  std::string many_hex = "0xf90200";
  for (int i = 0; i < 32; ++i) many_hex += words_hex;
  return {
      {"emptystring", text(""), "0x80"},
      {"bytestring00", text(std::string_view("\0", 1)), "0x00"},
      {"bytestring01", text("\x01"), "0x01"},
      {"bytestring7F", text("\x7F"), "0x7f"},
      {"shortstring", text("dog"), "0x83646f67"},
      {"shortstring2", text("Lorem ipsum dolor sit amet, consectetur adipisicing eli"),
       "0xb74c6f72656d20697073756d20646f6c6f722073697420616d65742c20636f6e7365637465747572206164"
       "697069736963696e6720656c69"},
      {"longstring", text("Lorem ipsum dolor sit amet, consectetur adipisicing elit"),
       "0xb8384c6f72656d20697073756d20646f6c6f722073697420616d65742c20636f6e73656374657475722061"
       "64697069736963696e6720656c6974"},
      {"zero", number(0), "0x80"},
      {"smallint", number(1), "0x01"},
      {"smallint4", number(127), "0x7f"},
      {"mediumint1", number(128), "0x8180"},
      {"mediumint2", number(1000), "0x8203e8"},
      {"mediumint3", number(100000), "0x830186a0"},
      {"mediumint4", number(big("83729609699884896815286331701780722")),
       "0x8f102030405060708090a0b0c0d0e0f2"},
      {"mediumint5",
       number(big("105315505618206987246253880190783558935785933862974822347068935681")),
       "0x9c0100020003000400050006000700080009000a000b000c000d000e01"},
      {"emptylist", list({}), "0xc0"},
      {"stringlist", list({text("dog"), text("god"), text("cat")}), "0xcc83646f6783676f6483636174"},
      {"multilist", list({text("zw"), list({number(4)}), number(1)}), "0xc6827a77c10401"},
      {"longList1", list({words, words, words, words}),
       "0xf840" + words_hex + words_hex + words_hex + words_hex},
      {"longList2", list(std::vector<Item>(32, words)), many_hex},
      {"listsoflists", list({list({list({}), list({})}), list({})}), "0xc4c2c0c0c0"},
      {"listsoflists2", list({list({}), list({list({})}), list({list({}), list({list({})})})}),
       "0xc7c0c1c0c3c0c1c0"},
      {"dictTest1",
       list({list({text("key1"), text("val1")}), list({text("key2"), text("val2")}),
             list({text("key3"), text("val3")}), list({text("key4"), text("val4")})}),
       "0xecca846b6579318476616c31ca846b6579328476616c32ca846b6579338476616c33ca846b657934847661"
       "6c34"},
  };
}

TEST(Rlp, MatchesOfficialVectorsBothWays) {
  for (const Vector& vector : official_vectors()) {
    EXPECT_EQ(to_hex(encode(vector.item)), vector.hex) << vector.name;
    const auto decoded = decode(from_hex(vector.hex).value());
    ASSERT_TRUE(decoded) << vector.name << ": " << decoded.error().message;
    EXPECT_EQ(*decoded, vector.item) << vector.name;
  }
}

/// ethereum/tests, RLPTests/invalidRLPTest.json, and what that file leaves out.
TEST(Rlp, RefusesOfficialInvalidVectors) {
  const std::vector<std::string> invalid_vectors = {
      "bf0f000000000000021111",
      "ff0f000000000000021111",
      "f80180",
      "f80100",
      "b9002100dc2b275d0f74e8a53e6f4ec61b27f24278820be3f82ea2110e582081b0565df0",
      "f861f83eb9002100dc2b275d0f74e8a53e6f4ec61b27f24278820be3f82ea2110e582081b0565df027b9001500"
      "2d5ef8325ae4d034df55d4b58d0dfba64d61ddd17be00000b9001a00dae30907045a2f66fa36f2bb8aa9029cbb"
      "0b8a7b3b5c435ab331",
      "8100",
      "8101",
      "817F",
      "b90040000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223242526272829"
      "2a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
      "b800",
      "fb00000040000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627"
      "28292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
      "f800",
      "b81000112233445566778899aabbccddeeff",
      "b801ff",
      "f810000102030405060708090a0b0c0d0e0f",
      "f803112233",
      "",                      // nothing at all
      "8080",                  // two items
      "c1",                    // a list that is cut off
      "c183",                  // a string that leaves its list
      "bfffffffffffffffff",    // a length near 2^64
      "ffffffffffffffffff00",  // likewise
  };
  for (const std::string& hex : invalid_vectors) {
    const auto decoded = decode(from_hex(hex).value());
    ASSERT_FALSE(decoded) << hex;
    EXPECT_NE(decoded.error().message.find("RLP at byte"), std::string::npos) << hex;
  }
}

TEST(Rlp, RefusesListsNestedTooDeeply) {
  const auto nested = [](std::size_t depth) {
    Item item = Item::list({});
    for (std::size_t i = 1; i < depth; ++i) item = Item::list({item});
    return encode(item);
  };
  EXPECT_TRUE(decode(nested(kMaxDepth)));
  EXPECT_FALSE(decode(nested(kMaxDepth + 1)));
}

TEST(Rlp, NumbersHaveOneForm) {
  EXPECT_EQ(decode(from_hex("8203e8").value())->to_u64().value(), 1000U);
  EXPECT_FALSE(decode(from_hex("820003").value())->to_number());             // leading zero
  EXPECT_FALSE(decode(from_hex("00").value())->to_number());                 // zero is empty
  EXPECT_FALSE(decode(from_hex("c0").value())->to_number());                 // a list
  EXPECT_FALSE(decode(from_hex("89010000000000000000").value())->to_u64());  // 2^64
  const Item too_wide = Item::string(Bytes(33, 1));
  EXPECT_FALSE(too_wide.to_number());
}

Item random_item(std::mt19937_64& random, int depth) {
  if (depth == 0 || random() % 3 == 0) {
    Bytes bytes(random() % 70);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    return Item::string(bytes);
  }
  std::vector<Item> items(random() % 5);
  for (Item& item : items) item = random_item(random, depth - 1);
  return Item::list(std::move(items));
}

TEST(Rlp, RandomItemsComeBack) {
  std::mt19937_64 random(20250101);
  for (int i = 0; i < 2000; ++i) {
    const Item item = random_item(random, 4);
    const auto decoded = decode(encode(item));
    ASSERT_TRUE(decoded) << decoded.error().message;
    ASSERT_EQ(*decoded, item);
  }
}

}  // namespace
}  // namespace imo::eth::rlp
