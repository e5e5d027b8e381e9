#include "imo/crypto/scrypt.hpp"

#include "imo/base/hex.hpp"

#include <limits>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <rapidcheck/gtest.h>

namespace imo::crypto {
namespace {

std::string scrypt_hex(std::string_view password, std::string_view salt,
                       const ScryptParameters& parameters) {
  FixedBytes<64> key;
  EXPECT_TRUE(scrypt(password, as_bytes(salt), parameters, key.bytes));
  return to_hex(key).substr(2);
}

// RFC 7914, section 12 (the fourth, of 1 GiB, is too slow for every day).
TEST(Scrypt, VectorsOfTheRfc) {
  EXPECT_EQ(scrypt_hex("", "", {16, 1, 1}),
            "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
            "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906");
  EXPECT_EQ(scrypt_hex("password", "NaCl", {1024, 8, 16}),
            "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
            "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640");
  EXPECT_EQ(scrypt_hex("pleaseletmein", "SodiumChloride", {16384, 8, 1}),
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
            "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887");
}

RC_GTEST_PROP(ScryptProperty, IsOpenSslsWhereOpenSslTakesIt, ()) {
  const auto password = *rc::gen::arbitrary<std::string>();
  const auto salt = *rc::gen::arbitrary<Bytes>();
  const auto n = std::uint64_t{1} << *rc::gen::inRange(1, 8);
  const auto r = *rc::gen::inRange<std::uint64_t>(1, 10);
  const auto p = *rc::gen::inRange<std::uint64_t>(1, 4);
  Bytes ours(*rc::gen::inRange<std::size_t>(1, 100));
  Bytes theirs(ours.size());
  RC_ASSERT(scrypt(password, salt, {n, r, p}, ours).has_value());
  RC_ASSERT(EVP_PBE_scrypt(password.data(), password.size(), salt.data(), salt.size(), n, r, p, 0,
                           theirs.data(), theirs.size()) == 1);
  RC_ASSERT(ours == theirs);
}

TEST(ScryptParameters, AreBounded) {
  constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();
  EXPECT_TRUE(check_scrypt({}));
  EXPECT_TRUE(check_scrypt({1 << 18, 1, 8}));
  EXPECT_TRUE(check_scrypt({1 << 19, 8, 1}));
  for (const ScryptParameters& wrong : std::initializer_list<ScryptParameters>{
           {0, 8, 1},
           {1, 8, 1},
           {3, 8, 1},
           {1024, 0, 1},
           {1024, 8, 0},
           {1 << 20, 8, 1},  // 1 GiB and a little
           {std::uint64_t{1} << 63, 1, 1},
           {1 << 18, kHuge, 1},
           {1 << 18, 1, kHuge},
           {2, 1, 1 << 23},   // little for n, 1 GiB for p
           {1 << 18, 8, 17},  // memory is fine, time is not
           {std::uint64_t{1} << 32, std::uint64_t{1} << 32, std::uint64_t{1} << 32},
       }) {
    EXPECT_FALSE(check_scrypt(wrong)) << wrong.n << " " << wrong.r << " " << wrong.p;
    FixedBytes<32> key;
    EXPECT_FALSE(scrypt("", {}, wrong, key.bytes));
  }
}

}  // namespace
}  // namespace imo::crypto
