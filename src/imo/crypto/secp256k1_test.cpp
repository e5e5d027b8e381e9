#include "imo/crypto/secp256k1.hpp"

#include "imo/base/hex.hpp"
#include "imo/base/u256.hpp"
#include "imo/crypto/sha256.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace imo::crypto {
namespace {

using testing::HasSubstr;

/// The order of the curve (SEC 2, 2.4.1).
const U256 kOrder =
    U256::parse("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141").value();

SecretKey key(const U256& number) {
  return SecretKey::from_bytes(number.to_be()).value();
}
std::string hex(BytesView bytes) {
  return to_hex(bytes).substr(2);
}

TEST(SecretKey, AddressesOfKnownKeys) {
  EXPECT_EQ(hex(key(1).address()), "7e5f4552091a69125d5dfcb7b8c2659029395bdf");
  EXPECT_EQ(hex(key(2).address()), "2b5ad5c4795c026514f8317c7a215e218dccd6cf");
  EXPECT_EQ(hex(key(3).address()), "6813eb9362372eef6200f3b1dbc3f819671cba69");
  // The first account of every development chain.
  const auto anvil =
      SecretKey::from_hex("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
  EXPECT_EQ(hex(anvil.value().address()), "f39fd6e51aad88f6f4ce6ab8827279cfffb92266");
}

TEST(SecretKey, IsBetweenOneAndTheOrder) {
  EXPECT_FALSE(SecretKey::from_bytes(U256(0).to_be()));
  EXPECT_TRUE(SecretKey::from_bytes(U256(1).to_be()));
  EXPECT_TRUE(SecretKey::from_bytes((kOrder - 1).to_be()));
  EXPECT_FALSE(SecretKey::from_bytes(kOrder.to_be()));
  EXPECT_FALSE(SecretKey::from_bytes(U256::max().to_be()));
  EXPECT_FALSE(SecretKey::from_bytes(Bytes(31, 1)));
  EXPECT_FALSE(SecretKey::from_bytes(Bytes(33, 1)));
}

TEST(SecretKey, ErrorsDoNotTellTheKey) {
  const std::string text = std::string(63, '7') + "x";
  const auto result = SecretKey::from_hex(text);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, testing::Not(HasSubstr("777")));
  EXPECT_THAT(result.error().message, HasSubstr("secret key: "));
}

TEST(SecretKey, MovesAndLeavesNothingBehind) {
  SecretKey first = key(7);
  const SecretKey second = std::move(first);
  EXPECT_EQ(second.expose(), U256(7).to_be());
  EXPECT_TRUE(first.expose().is_zero());  // NOLINT(bugprone-use-after-move): what is tested
  EXPECT_EQ(second.clone().expose(), second.expose());
}

TEST(SecretKeyDeathTest, ThatWasMovedAwayCannotSign) {
  SecretKey first = key(7);
  const SecretKey second = std::move(first);
  EXPECT_DEATH(static_cast<void>(first.sign({})), "moved away");  // NOLINT: what is tested
}

TEST(SecretKey, GeneratedOnesDiffer) {
  EXPECT_NE(SecretKey::generate().expose(), SecretKey::generate().expose());
}

// EIP-155's example: the digest of its transaction and what its key makes of it (v 37 = 2 + 35).
TEST(Signature, ExampleOfEip155) {
  const auto secret = SecretKey::from_bytes(Bytes(32, 0x46)).value();
  const auto digest =
      fixed_from_hex<32>("0xdaf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53");
  const Signature signature = secret.sign(digest.value());
  EXPECT_EQ(hex(signature.r), "28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276");
  EXPECT_EQ(hex(signature.s), "67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83");
  EXPECT_EQ(signature.y_parity, 0);
  EXPECT_EQ(hex(secret.address()), "9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f");
}

struct Rfc6979Vector {
  U256 key;
  std::string message;
  std::string r;
  std::string s;
};

// RFC 6979 has no vectors for this curve; these are the ones wallets share (Trezor, bitcoinjs).
TEST(Signature, NoncesOfRfc6979) {
  const std::vector<Rfc6979Vector> vectors = {
      {1, "Satoshi Nakamoto", "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8",
       "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5"},
      {1, "All those moments will be lost in time, like tears in rain. Time to die...",
       "8600dbd41e348fe5c9465ab92d23e3db8b98b873beecd930736488696438cb6b",
       "547fe64427496db33bf66019dacbf0039c04199abb0122918601db38a72cfc21"},
      {kOrder - 1, "Satoshi Nakamoto",
       "fd567d121db66e382991534ada77a6bd3106f0a1098c231e47993447cd6af2d0",
       "6b39cd0eb1bc8603e159ef5c20a5c8ad685a45b06ce9bebed3f153d10d93bed5"},
  };
  for (const auto& vector : vectors) {
    const Signature signature = key(vector.key).sign(sha256(as_bytes(vector.message)));
    EXPECT_EQ(hex(signature.r), vector.r);
    EXPECT_EQ(hex(signature.s), vector.s);
  }
}

class SignatureBytes : public testing::Test {
 protected:
  Hash32 digest_ = sha256(as_bytes("a receipt"));
  SecretKey secret_ = key(12345);
  Signature signature_ = secret_.sign(digest_);
  FixedBytes<65> bytes_ = signature_.to_bytes();

  /// The other signature that the bare equations allow: n - s and the other parity.
  [[nodiscard]] Signature with_high_s() const {
    Signature high = signature_;
    high.s = (kOrder - U256::from_be(signature_.s).value()).to_be();
    high.y_parity ^= 1;
    return high;
  }
};

TEST_F(SignatureBytes, TakeEitherConventionOfV) {
  EXPECT_EQ(bytes_.bytes[64], 27 + signature_.y_parity);
  EXPECT_EQ(recover(digest_, Signature::from_bytes(bytes_).value()), secret_.address());
  bytes_.bytes[64] = signature_.y_parity;
  EXPECT_EQ(recover(digest_, Signature::from_bytes(bytes_).value()), secret_.address());
  for (const int v : {2, 26, 29, 37, 255}) {
    bytes_.bytes[64] = static_cast<std::uint8_t>(v);
    EXPECT_FALSE(Signature::from_bytes(bytes_)) << v;
  }
}

TEST_F(SignatureBytes, AreExactly65) {
  EXPECT_FALSE(Signature::from_bytes(bytes_.view().first(64)));
  EXPECT_FALSE(Signature::from_bytes({}));
  EXPECT_FALSE(Signature::from_bytes(Bytes(66, 1)));
}

TEST_F(SignatureBytes, WithAHighSAreRefused) {
  const auto result = Signature::from_bytes(with_high_s().to_bytes());
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("EIP-2"));
  EXPECT_FALSE(recover(digest_, with_high_s()));
}

TEST_F(SignatureBytes, OutOfRangeAreRefused) {
  for (const U256& number : {U256(0), kOrder, U256::max()}) {
    Signature wrong_r = signature_;
    wrong_r.r = number.to_be();
    EXPECT_FALSE(Signature::from_bytes(wrong_r.to_bytes()));
    EXPECT_FALSE(recover(digest_, wrong_r));
    Signature wrong_s = signature_;
    wrong_s.s = number.to_be();
    EXPECT_FALSE(Signature::from_bytes(wrong_s.to_bytes()));
    EXPECT_FALSE(recover(digest_, wrong_s));
  }
  Signature wrong_parity = signature_;
  wrong_parity.y_parity = 2;
  EXPECT_FALSE(recover(digest_, wrong_parity));
}

TEST_F(SignatureBytes, WhoseRIsNoPointAreRefused) {
  Signature wrong = signature_;
  wrong.r = U256(5).to_be();  // x = 5 is on no point: 5^3 + 7 is not a square
  const auto result = recover(digest_, wrong);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("no public key"));
}

TEST_F(SignatureBytes, RecoverSomebodyElseWhenChanged) {
  Signature other_parity = signature_;
  other_parity.y_parity ^= 1;
  EXPECT_NE(recover(digest_, other_parity), secret_.address());
  Hash32 other_digest = digest_;
  other_digest.bytes[0] ^= 1;
  EXPECT_NE(recover(other_digest, signature_), secret_.address());
}

RC_GTEST_PROP(SignatureProperty, SignedIsRecovered, ()) {
  const auto bytes32 = rc::gen::container<Bytes>(32, rc::gen::arbitrary<std::uint8_t>());
  const auto secret = SecretKey::from_bytes(*bytes32);
  RC_PRE(secret.has_value());
  const Hash32 digest = sha256(*bytes32);
  const Signature signature = secret->sign(digest);
  RC_ASSERT(U256::from_be(signature.s).value() <= kOrder >> 1);
  RC_ASSERT(recover(digest, Signature::from_bytes(signature.to_bytes()).value()).value() ==
            secret->address());
}

RC_GTEST_PROP(SignatureProperty, NoBytesAreTooStrange, ()) {
  const auto bytes = *rc::gen::container<Bytes>(65, rc::gen::arbitrary<std::uint8_t>());
  for (const std::uint8_t v : Bytes{27, 28}) {
    Bytes candidate = bytes;
    candidate[64] = v;
    const auto signature = Signature::from_bytes(candidate);
    if (signature) RC_ASSERT(signature->to_bytes().view()[64] == v);
    if (signature) static_cast<void>(recover({}, *signature));
  }
}

}  // namespace
}  // namespace imo::crypto
