#include "imo/crypto/keystore.hpp"

#include "imo/base/check.hpp"
#include "imo/base/hex.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/crypto/pbkdf2.hpp"
#include "imo/crypto/random.hpp"

#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <openssl/crypto.h>
#include <openssl/evp.h>

namespace imo::crypto {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxPbkdf2Rounds = 10'000'000;  // some seconds
constexpr std::size_t kMaxSaltSize = 1024;

/// Secret bytes, wiped when they go.
struct Secret32 : Hash32 {
  Secret32() = default;
  Secret32(const Secret32&) = delete;
  Secret32& operator=(const Secret32&) = delete;
  ~Secret32() { explicit_bzero(bytes.data(), bytes.size()); }
};

/// The parts of a keystore that its key depends on.
struct Sealed {
  FixedBytes<16> iv;
  Hash32 ciphertext;
  Hash32 mac;
};

tl::unexpected<Error> malformed(std::string_view what) {
  return invalid(fmt::format("keystore: {}", what));
}

Result<json> parse(std::string_view text) {
  if (text.size() > kMaxKeystoreSize) return malformed("larger than 64 KiB");
  json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) return malformed("not JSON");
  if (!parsed.is_object()) return malformed("not a JSON object");
  return parsed;
}

Result<const json*> object_member(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_object()) {
    return malformed(fmt::format("'{}' must be an object", name));
  }
  return &*found;
}

Result<std::string> text_member(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) {
    return malformed(fmt::format("'{}' must be a text", name));
  }
  return found->get<std::string>();
}

Result<std::uint64_t> number_member(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_unsigned()) {
    return malformed(fmt::format("'{}' must be a whole number", name));
  }
  return found->get<std::uint64_t>();
}

Result<void> expect_text(const json& object, const char* name, std::string_view expected) {
  IMO_TRY(const std::string text, text_member(object, name));
  if (text != expected) return malformed(fmt::format("'{}' must be {}", name, expected));
  return {};
}

template <std::size_t N>
Result<FixedBytes<N>> fixed_member(const json& object, const char* name) {
  IMO_TRY(const std::string text, text_member(object, name));
  auto bytes = fixed_from_hex<N>(text);
  if (!bytes) return tl::unexpected(bytes.error().within(fmt::format("keystore: '{}'", name)));
  return bytes;
}

Result<Bytes> salt_member(const json& parameters) {
  IMO_TRY(const std::string text, text_member(parameters, "salt"));
  if (text.size() > 2 * kMaxSaltSize) return malformed("'salt' is longer than 1 KiB");
  auto bytes = from_hex(text);
  if (!bytes) return tl::unexpected(bytes.error().within("keystore: 'salt'"));
  return bytes;
}

Result<void> derive_with_scrypt(const json& parameters, std::string_view password, Secret32& key) {
  IMO_TRY(const Bytes salt, salt_member(parameters));
  ScryptParameters cost;
  IMO_TRY(cost.n, number_member(parameters, "n"));
  IMO_TRY(cost.r, number_member(parameters, "r"));
  IMO_TRY(cost.p, number_member(parameters, "p"));
  auto derived = scrypt(password, salt, cost, key.bytes);
  if (!derived) return tl::unexpected(derived.error().within("keystore"));
  return {};
}

Result<void> derive_with_pbkdf2(const json& parameters, std::string_view password, Secret32& key) {
  IMO_TRY_VOID(expect_text(parameters, "prf", "hmac-sha256"));
  IMO_TRY(const Bytes salt, salt_member(parameters));
  IMO_TRY(const std::uint64_t rounds, number_member(parameters, "c"));
  if (rounds == 0 || rounds > kMaxPbkdf2Rounds) {
    return malformed(fmt::format("'c' is {}; 1 to {} are allowed", rounds, kMaxPbkdf2Rounds));
  }
  pbkdf2_hmac_sha256(password, salt, static_cast<std::uint32_t>(rounds), key.bytes);
  return {};
}

Result<void> derive_key(const json& crypto, std::string_view password, Secret32& key) {
  IMO_TRY(const std::string function, text_member(crypto, "kdf"));
  IMO_TRY(const json* parameters, object_member(crypto, "kdfparams"));
  IMO_TRY(const std::uint64_t size, number_member(*parameters, "dklen"));
  if (size != Hash32::kSize) return malformed("'dklen' must be 32");
  if (function == "scrypt") return derive_with_scrypt(*parameters, password, key);
  if (function == "pbkdf2") return derive_with_pbkdf2(*parameters, password, key);
  return malformed("'kdf' must be scrypt or pbkdf2");
}

/// AES-128 in counter mode, both ways: XORs `data` with the stream of the key's first half.
void apply_cipher(const Secret32& key, const FixedBytes<16>& iv, std::span<std::uint8_t> data) {
  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> cipher(
      EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  int size = 0;
  const bool done = cipher != nullptr &&
                    EVP_EncryptInit_ex(cipher.get(), EVP_aes_128_ctr(), nullptr, key.bytes.data(),
                                       iv.bytes.data()) == 1 &&
                    EVP_EncryptUpdate(cipher.get(), data.data(), &size, data.data(),
                                      static_cast<int>(data.size())) == 1;
  IMO_CHECK(done && static_cast<std::size_t>(size) == data.size(), "OpenSSL refuses AES-128-CTR");
}

/// keccak256 of the key's second half and the ciphertext: tells a wrong password from a right one.
Hash32 mac_of(const Secret32& key, const Hash32& ciphertext) {
  return Keccak256().update(key.view().subspan(16)).update(ciphertext).finish();
}

Result<Sealed> read_sealed(const json& crypto) {
  Sealed sealed;
  IMO_TRY_VOID(expect_text(crypto, "cipher", "aes-128-ctr"));
  IMO_TRY(const json* parameters, object_member(crypto, "cipherparams"));
  IMO_TRY(sealed.iv, fixed_member<16>(*parameters, "iv"));
  IMO_TRY(sealed.ciphertext, fixed_member<32>(crypto, "ciphertext"));
  IMO_TRY(sealed.mac, fixed_member<32>(crypto, "mac"));
  return sealed;
}

/// RFC 9562, version 4.
std::string random_uuid() {
  FixedBytes<16> id;
  fill_random(id.bytes);
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0f) | 0x40);
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
  const std::string hex = to_hex(id).substr(2);
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                     hex.substr(16, 4), hex.substr(20));
}

/// The definition writes hexadecimal without `0x`.
std::string bare_hex(BytesView bytes) {
  return to_hex(bytes).substr(2);
}

}  // namespace

Result<SecretKey> open_keystore(std::string_view text, std::string_view password) {
  IMO_TRY(const json keystore, parse(text));
  IMO_TRY(const std::uint64_t version, number_member(keystore, "version"));
  if (version != 3) return malformed(fmt::format("version {}; only 3 is known", version));
  // Early wallets wrote a capital letter.
  IMO_TRY(const json* crypto,
          object_member(keystore, keystore.contains("Crypto") ? "Crypto" : "crypto"));
  IMO_TRY(const Sealed sealed, read_sealed(*crypto));
  Secret32 key;
  IMO_TRY_VOID(derive_key(*crypto, password, key));
  const Hash32 mac = mac_of(key, sealed.ciphertext);
  if (CRYPTO_memcmp(mac.bytes.data(), sealed.mac.bytes.data(), mac.bytes.size()) != 0) {
    return fail(ErrorKind::kVerification, "keystore: the password is wrong, or the file damaged");
  }
  Secret32 plain;
  plain.bytes = sealed.ciphertext.bytes;
  apply_cipher(key, sealed.iv, plain.bytes);
  IMO_TRY(SecretKey opened, SecretKey::from_bytes(plain));
  if (keystore.contains("address")) {
    IMO_TRY(const Address stated, fixed_member<20>(keystore, "address"));
    if (stated != opened.address()) return malformed("states another address than its key has");
  }
  return opened;
}

Result<Address> keystore_address(std::string_view text) {
  IMO_TRY(const json keystore, parse(text));
  if (!keystore.contains("address")) {
    return fail(ErrorKind::kNotFound, "keystore: states no address; open it with its password");
  }
  return fixed_member<20>(keystore, "address");
}

Result<std::string> seal_keystore(const SecretKey& secret, std::string_view password,
                                  const ScryptParameters& parameters) {
  Hash32 salt;
  FixedBytes<16> iv;
  fill_random(salt.bytes);
  fill_random(iv.bytes);
  Secret32 key;
  IMO_TRY_VOID(scrypt(password, salt, parameters, key.bytes));
  Hash32 ciphertext = secret.expose();
  apply_cipher(key, iv, ciphertext.bytes);
  const json keystore = {
      {"address", bare_hex(secret.address())},
      {"crypto",
       {{"cipher", "aes-128-ctr"},
        {"cipherparams", {{"iv", bare_hex(iv)}}},
        {"ciphertext", bare_hex(ciphertext)},
        {"kdf", "scrypt"},
        {"kdfparams",
         {{"dklen", 32},
          {"n", parameters.n},
          {"p", parameters.p},
          {"r", parameters.r},
          {"salt", bare_hex(salt)}}},
        {"mac", bare_hex(mac_of(key, ciphertext))}}},
      {"id", random_uuid()},
      {"version", 3},
  };
  return keystore.dump(2) + "\n";
}

}  // namespace imo::crypto
