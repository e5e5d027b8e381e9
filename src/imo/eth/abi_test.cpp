#include "imo/eth/abi.hpp"

#include "imo/base/hex.hpp"
#include "imo/eth/abi_bind.hpp"
#include "imo/eth/random_abi_test.hpp"

#include <gtest/gtest.h>

namespace imo::eth::abi {
namespace {

Type type_of(std::string_view text) {
  return Type::parse(text).value();
}

std::string word(std::string_view digits) {
  return std::string(64 - digits.size(), '0') + std::string(digits);
}
/// Text at the left of a word, as bytes and strings stand.
std::string left(std::string_view digits) {
  return std::string(digits) + std::string(64 - digits.size(), '0');
}

template <typename... Args>
std::string encoded(std::string_view signature, const Args&... args) {
  const std::string_view types = signature.substr(signature.find('('));
  return to_hex(encode_args(selector_of(signature), types, args...).value()).substr(2);
}

// The examples of the Solidity documentation, "Contract ABI Specification".

TEST(AbiSpecification, Baz) {
  EXPECT_EQ(encoded("baz(uint32,bool)", std::uint32_t{69}, true),
            "cdcd77c0" + word("45") + word("1"));
}

TEST(AbiSpecification, Bar) {
  const std::array<FixedBytes<3>, 2> pair = {{{{'a', 'b', 'c'}}, {{'d', 'e', 'f'}}}};
  EXPECT_EQ(encoded("bar(bytes3[2])", pair), "fce353f6" + left("616263") + left("646566"));
}

TEST(AbiSpecification, Sam) {
  EXPECT_EQ(encoded("sam(bytes,bool,uint256[])", Bytes{'d', 'a', 'v', 'e'}, true,
                    std::vector<U256>{1, 2, 3}),
            "a5643bf2" + word("60") + word("1") + word("a0") + word("4") + left("64617665") +
                word("3") + word("1") + word("2") + word("3"));
}

TEST(AbiSpecification, DynamicTypes) {
  FixedBytes<10> ten;
  std::ranges::copy(as_bytes("1234567890"), ten.bytes.begin());
  const BytesView hello = as_bytes("Hello, world!");
  EXPECT_EQ(
      encoded("f(uint256,uint32[],bytes10,bytes)", U256(0x123),
              std::vector<std::uint32_t>{0x456, 0x789}, ten, Bytes(hello.begin(), hello.end())),
      "8be65246" + word("123") + word("80") + left("31323334353637383930") + word("e0") +
          word("2") + word("456") + word("789") + word("d") + left("48656c6c6f2c20776f726c6421"));
}

TEST(AbiSpecification, NestedDynamicArrays) {
  EXPECT_EQ(encoded("g(uint256[][],string[])", std::vector<std::vector<U256>>{{1, 2}, {3}},
                    std::vector<std::string>{"one", "two", "three"}),
            "2289b18c" + word("40") + word("140") + word("2") + word("40") + word("a0") +
                word("2") + word("1") + word("2") + word("1") + word("3") + word("3") + word("60") +
                word("a0") + word("e0") + word("3") + left("6f6e65") + word("3") + left("74776f") +
                word("5") + left("7468726565"));
}

TEST(AbiType, ReadsNamesAndCanonicalises) {
  const Type type = type_of("(uint price, (address indexed to,uint16 bps)[4][] parts,function f)");
  EXPECT_EQ(type.canonical(), "(uint256,(address,uint16)[4][],bytes24)");
  EXPECT_EQ(type.members()[0].name(), "price");
  EXPECT_EQ(type.members()[1].name(), "parts");
  EXPECT_TRUE(type.members()[1].element().element().members()[0].indexed());
  EXPECT_TRUE(type.is_dynamic());
  EXPECT_EQ(type_of("(uint8,bool)[3]").head_bytes(), 192U);
}

TEST(AbiType, RefusesWhatIsNoType) {
  for (const char* text : {"",
                           "uint7",
                           "uint0",
                           "uint264",
                           "uint08",
                           "bytes0",
                           "bytes33",
                           "fixed128x18",
                           "foo",
                           "uint256[0]",
                           "uint256[",
                           "uint256[-1]",
                           "uint256[01]",
                           "uint256]",
                           "(uint256",
                           "uint256)",
                           "(uint256,)",
                           "(,uint256)",
                           "()[]",
                           "(())",
                           "(uint256 a b)",
                           "uint256 a",
                           "(uint256  )",
                           "uint256[99999999999999999999]",
                           "uint256[1048577]"}) {
    EXPECT_FALSE(Type::parse(text)) << text;
  }
  EXPECT_TRUE(Type::parse("bytes[1024][1024][1024]"));  // long, but each frame is small
  EXPECT_FALSE(Type::parse("uint256[1024][1024]"));     // 32 MiB on the stack of heads
  EXPECT_FALSE(Type::parse("uint8" + std::string(100, '[') + std::string(100, ']')));
  std::string deep = "uint8";
  for (int i = 0; i < 20; ++i) deep += "[]";
  EXPECT_FALSE(Type::parse(deep));
  EXPECT_FALSE(Type::parse(std::string(100'000, '(')));
}

TEST(Abi, RefusesValuesThatDoNotFit) {
  const auto refused = [](std::string_view types, const auto&... args) {
    return !encode_args({}, types, args...).has_value();
  };
  EXPECT_TRUE(refused("(uint128 bid)", U256(1) << 128));
  EXPECT_TRUE(refused("(uint40)", std::uint64_t{1} << 40));
  EXPECT_TRUE(refused("(int24)", std::int32_t{1} << 23));
  EXPECT_FALSE(refused("(int24)", -(std::int32_t{1} << 23)));
  EXPECT_TRUE(refused("(uint8[2])", std::vector<std::uint16_t>{1, 2, 3}));
  EXPECT_TRUE(refused("(uint8[])", std::vector<std::uint16_t>{256}));
  EXPECT_TRUE(refused("(uint256,uint256)", U256(1)));
  EXPECT_TRUE(refused("(bytes4)", Bytes{1, 2, 3}));
  EXPECT_TRUE(refused("(string)", U256(1)));
  const auto error = encode_behind(
      {}, "(uint8 a,(uint128 bid)[] list)",
      {to_value(std::uint8_t{1}), Value(Value::List{Value(Value::List{Value(U256::max())})})});
  ASSERT_FALSE(error);
  EXPECT_TRUE(error.error().message.starts_with("list: [0]: bid: 0xffff")) << error.error().message;
}

/// Each line breaks one rule of the strict decoder.
TEST(Abi, RefusesDirtyData) {
  struct Case {
    const char* rule;
    const char* types;
    std::string data;
  };
  const std::string one = word("1");
  const std::vector<Case> cases = {
      {"too short", "(uint256)", one.substr(2)},
      {"left over", "(uint256)", one + word("0")},
      {"dirty boolean", "(bool)", word("2")},
      {"dirty uint8", "(uint8)", word("100")},
      {"dirty address", "(address)", word("10000000000000000000000000000000000000000")},
      {"dirty int8", "(int8)", word("80")},
      {"dirty bytes4", "(bytes4)", word("1")},
      {"dirty padding", "(bytes)", word("20") + one + left("0101")},
      {"padding cut off", "(bytes)", word("20") + one + "01"},
      {"length beyond the data", "(bytes)", word("20") + word("21") + word("0")},
      {"length near 2^64", "(bytes)", word("20") + word("ffffffffffffffff")},
      {"length near 2^256", "(bytes)", word("20") + std::string(64, 'f')},
      {"array beyond the data", "(uint256[])", word("20") + word("2") + one},
      {"array of 2^59 words", "(uint256[])", word("20") + word("800000000000000") + one},
      {"offset beyond the data", "(bytes)", word("40") + word("0")},
      {"offset into the head", "(bytes)", word("0") + word("0")},
      {"offset near 2^256", "(bytes)", std::string(64, 'f') + word("0")},
      {"a gap before the tail", "(bytes)", word("40") + word("0") + word("0")},
      {"two heads, one tail", "(bytes,bytes)", word("40") + word("40") + word("0")},
      {"tails in the wrong order", "(bytes,bytes)",
       word("60") + word("40") + word("0") + word("0")},
      {"no head", "(bytes)", ""},
      {"no length", "(bytes)", word("20")},
  };
  for (const Case& bad : cases) {
    const auto value = decode(type_of(bad.types), from_hex(bad.data).value());
    ASSERT_FALSE(value) << bad.rule;
    EXPECT_NE(value.error().message.find("ABI at byte"), std::string::npos) << bad.rule;
  }
}

/// Offsets that all point to one array would make a value of 10^9 members out of a few kilobytes.
TEST(Abi, RefusesBombs) {
  std::string data = word("20") + word("3e8");
  for (int i = 0; i < 1000; ++i) data += word("7d00");
  data += word("3e8");
  for (int i = 0; i < 1000; ++i) data += word("1");
  EXPECT_FALSE(decode(type_of("(uint256[][])"), from_hex(data).value()));
}

TEST(Abi, RandomValuesComeBack) {
  RandomAbi random(42);
  for (int i = 0; i < 2000; ++i) {
    const Type type = type_of(random.tuple());
    const Value value = random.value(type);
    const Bytes data = encode(type, value).value();
    const auto decoded = decode(type, data);
    ASSERT_TRUE(decoded) << type.canonical() << ": " << decoded.error().message;
    ASSERT_EQ(*decoded, value) << type.canonical();
    ASSERT_EQ(Type::parse(type.canonical()).value().canonical(), type.canonical());
  }
}

/// Whatever one flipped bit makes of the data, it is refused or means exactly what it says.
TEST(Abi, FlippedBitsAreRefusedOrComeBack) {
  RandomAbi random(43);
  for (int i = 0; i < 2000; ++i) {
    const Type type = type_of(random.tuple());
    Bytes data = encode(type, random.value(type)).value();
    if (data.empty()) continue;
    data[random.below(data.size())] ^= static_cast<std::uint8_t>(1U << random.below(8));
    const auto decoded = decode(type, data);
    if (!decoded) continue;
    ASSERT_EQ(encode(type, *decoded).value(), data) << type.canonical();
  }
}

TEST(Abi, Prints) {
  const Type type = type_of("(int8 a,bool b,string c,bytes d,(address to,uint8[] n) e,uint256)");
  const Value value(Value::List{to_value(std::int8_t{-3}), to_value(true),
                                to_value(std::string("a\nb")), to_value(Bytes{1, 2}),
                                Value(Value::List{to_value(Address{}), Value(Value::List{})}),
                                to_value(U256(7))});
  EXPECT_EQ(print(type, value),
            "(a = -3, b = true, c = \"a\\x0ab\", d = 0x0102, "
            "e = (to = 0x0000000000000000000000000000000000000000, n = []), 7)");
}

TEST(AbiBind, SignedNumbers) {
  for (const std::int64_t number :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 62,
        std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    std::int64_t back = 7;
    ASSERT_TRUE(from_value(to_value(number), back));
    EXPECT_EQ(back, number);
  }
  std::int8_t small = 0;
  EXPECT_TRUE(from_value(to_value(std::int64_t{-128}), small));
  EXPECT_EQ(small, -128);
  EXPECT_FALSE(from_value(to_value(std::int64_t{128}), small));
  EXPECT_FALSE(from_value(to_value(std::int64_t{-129}), small));
  EXPECT_FALSE(from_value(Value(U256(1) << 64), small));
}

}  // namespace
}  // namespace imo::eth::abi
