#include "imo/crypto/keystore.hpp"

#include "imo/base/hex.hpp"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck/gtest.h>

namespace imo::crypto {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// The two test vectors of the Web3 Secret Storage Definition.
constexpr const char* kPassword = "testpassword";
constexpr const char* kSecret =
    "0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";
constexpr const char* kWithPbkdf2 = R"({
  "crypto": {
    "cipher": "aes-128-ctr",
    "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
    "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
    "kdf": "pbkdf2",
    "kdfparams": {
      "c": 262144,
      "dklen": 32,
      "prf": "hmac-sha256",
      "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"
    },
    "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"
  },
  "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
  "version": 3
})";
constexpr const char* kWithScrypt = R"({
  "crypto": {
    "cipher": "aes-128-ctr",
    "cipherparams": {"iv": "83dbcc02d8ccb40e466191a123791e0e"},
    "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
    "kdf": "scrypt",
    "kdfparams": {
      "dklen": 32,
      "n": 262144,
      "p": 8,
      "r": 1,
      "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19"
    },
    "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097"
  },
  "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
  "version": 3
})";

constexpr ScryptParameters kCheap{64, 8, 1};

TEST(Keystore, VectorsOfTheDefinition) {
  EXPECT_EQ(to_hex(open_keystore(kWithPbkdf2, kPassword).value().expose()), kSecret);
  EXPECT_EQ(to_hex(open_keystore(kWithScrypt, kPassword).value().expose()), kSecret);
}

TEST(Keystore, WrongPasswordIsToldFromWrongFile) {
  const auto result = open_keystore(kWithPbkdf2, "Testpassword");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kVerification);
}

TEST(Keystore, RoundTripsAndStatesItsAddress) {
  const SecretKey key = SecretKey::generate();
  for (const std::string& password : {std::string(), std::string("a b\0c", 5), std::string("ü")}) {
    const std::string text = seal_keystore(key, password, kCheap).value();
    EXPECT_EQ(open_keystore(text, password).value().expose(), key.expose());
    EXPECT_EQ(keystore_address(text).value(), key.address());
    EXPECT_FALSE(open_keystore(text, password + "x"));
  }
}

TEST(Keystore, NoTwoAreAlike) {
  const SecretKey key = SecretKey::generate();
  const json first = json::parse(seal_keystore(key, "", kCheap).value());
  const json second = json::parse(seal_keystore(key, "", kCheap).value());
  EXPECT_NE(first["id"], second["id"]);
  EXPECT_NE(first["crypto"]["kdfparams"]["salt"], second["crypto"]["kdfparams"]["salt"]);
  EXPECT_NE(first["crypto"]["cipherparams"]["iv"], second["crypto"]["cipherparams"]["iv"]);
  EXPECT_NE(first["crypto"]["ciphertext"], second["crypto"]["ciphertext"]);
}

TEST(Keystore, DoesNotHoldTheKeyInTheOpen) {
  const SecretKey key = SecretKey::generate();
  const std::string text = seal_keystore(key, "", kCheap).value();
  EXPECT_EQ(text.find(to_hex(key.expose()).substr(2)), std::string::npos);
}

TEST(Keystore, IsNotSealedBeyondTheBounds) {
  EXPECT_FALSE(seal_keystore(SecretKey::generate(), "", {1 << 20, 8, 1}));
}

TEST(Keystore, WithoutAnAddressSaysSo) {
  EXPECT_EQ(keystore_address(kWithScrypt).error().kind, ErrorKind::kNotFound);
}

class HostileKeystore : public testing::Test {
 protected:
  /// What is said about a good keystore after `change`.
  [[nodiscard]] std::string error_after(const std::function<void(json&)>& change) const {
    json changed = good_;
    change(changed);
    const auto result = open_keystore(changed.dump(), "");
    return result ? "opened" : result.error().message;
  }

  json good_ = json::parse(seal_keystore(SecretKey::generate(), "", kCheap).value());
};

TEST_F(HostileKeystore, OpensUnchanged) {
  EXPECT_EQ(error_after([](json&) {}), "opened");
}

TEST_F(HostileKeystore, HasEveryMemberAndOfTheRightType) {
  const std::vector<std::string> members = {"/version",
                                            "/crypto",
                                            "/crypto/cipher",
                                            "/crypto/cipherparams",
                                            "/crypto/ciphertext",
                                            "/crypto/kdf",
                                            "/crypto/kdfparams",
                                            "/crypto/cipherparams/iv",
                                            "/crypto/mac",
                                            "/crypto/kdfparams/n",
                                            "/crypto/kdfparams/r",
                                            "/crypto/kdfparams/p",
                                            "/crypto/kdfparams/salt",
                                            "/crypto/kdfparams/dklen"};
  for (const auto& name : members) {
    const json::json_pointer place(name);
    for (const json& wrong : {json(nullptr), json(-1), json(1.5), json("x"), json::array(),
                              json::object(), json(true)}) {
      EXPECT_THAT(error_after([&](json& k) { k[place] = wrong; }), HasSubstr("keystore: "))
          << name << " = " << wrong;
    }
    EXPECT_THAT(error_after([&](json& k) { k[place.parent_pointer()].erase(place.back()); }),
                HasSubstr(place.back()))
        << name;
  }
}

TEST_F(HostileKeystore, AsksForNothingExpensive) {
  const auto with_cost = [this](std::uint64_t n, std::uint64_t r, std::uint64_t p) {
    return error_after(
        [=](json& k) { k["crypto"]["kdfparams"].update({{"n", n}, {"r", r}, {"p", p}}); });
  };
  EXPECT_THAT(with_cost(1ULL << 62, 8, 1), HasSubstr("more than 1 GiB"));
  EXPECT_THAT(with_cost(2, 1ULL << 40, 1), HasSubstr("more than 1 GiB"));
  EXPECT_THAT(with_cost(2, 8, 1ULL << 60), HasSubstr("more than 1 GiB"));
  EXPECT_THAT(with_cost(1 << 18, 8, 100), HasSubstr("too long"));
  EXPECT_THAT(with_cost(1000, 8, 1), HasSubstr("power of two"));
  EXPECT_THAT(error_after([](json& k) {
                k["crypto"]["kdf"] = "pbkdf2";
                k["crypto"]["kdfparams"] = {
                    {"c", 1ULL << 31}, {"dklen", 32}, {"prf", "hmac-sha256"}, {"salt", "00"}};
              }),
              HasSubstr("'c' is 2147483648"));
}

TEST_F(HostileKeystore, UsesNothingElse) {
  EXPECT_THAT(error_after([](json& k) { k["version"] = 1; }), HasSubstr("version 1"));
  EXPECT_THAT(error_after([](json& k) { k["crypto"]["cipher"] = "aes-256-cbc"; }),
              HasSubstr("'cipher' must be aes-128-ctr"));
  EXPECT_THAT(error_after([](json& k) { k["crypto"]["kdf"] = "argon2id"; }),
              HasSubstr("'kdf' must be scrypt or pbkdf2"));
  EXPECT_THAT(error_after([](json& k) { k["crypto"]["kdfparams"]["dklen"] = 64; }),
              HasSubstr("'dklen' must be 32"));
  EXPECT_THAT(error_after([](json& k) { k["crypto"]["ciphertext"] = "00"; }),
              HasSubstr("'ciphertext'"));
}

TEST_F(HostileKeystore, StatesItsOwnAddress) {
  EXPECT_THAT(error_after([](json& k) { k["address"] = std::string(40, '1'); }),
              HasSubstr("another address"));
  EXPECT_THAT(error_after([](json& k) { k["address"] = "0x12"; }), HasSubstr("'address'"));
}

TEST_F(HostileKeystore, IsJsonOfAModestSize) {
  const std::string deep(30'000, '[');
  for (const std::string& text : {std::string(), std::string("{"), std::string("null"),
                                  std::string("[]"), std::string("\xff\xfe"), deep}) {
    EXPECT_THAT(open_keystore(text, "").error().message, HasSubstr("keystore: not "));
    EXPECT_THAT(keystore_address(text).error().message, HasSubstr("keystore: not "));
  }
  const std::string large = good_.dump() + std::string(kMaxKeystoreSize, ' ');
  EXPECT_THAT(open_keystore(large, "").error().message, HasSubstr("larger than 64 KiB"));
}

// One byte of a good file changed at random: the key, or one clear error.
RC_GTEST_PROP(HostileKeystoreProperty, AnyByteMayChange, ()) {
  static const std::string good = seal_keystore(SecretKey::generate(), "", kCheap).value();
  std::string text = good;
  // Mostly still JSON, so that many get as far as the cipher.
  const auto place = *rc::gen::resize(100, rc::gen::inRange<std::size_t>(0, text.size()));
  text[place] = *rc::gen::elementOf(std::string("0123456789abcdef\"{}[],:.-x\xff"));
  const auto result = open_keystore(text, "");
  RC_ASSERT(result || !result.error().message.empty());
}

}  // namespace
}  // namespace imo::crypto
