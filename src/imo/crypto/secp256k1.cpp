#include "imo/crypto/secp256k1.hpp"

#include "imo/base/check.hpp"
#include "imo/base/hex.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/crypto/random.hpp"

#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <secp256k1.h>
#include <secp256k1_recovery.h>

namespace imo::crypto {
namespace {

struct DestroyContext {
  void operator()(secp256k1_context* context) const { secp256k1_context_destroy(context); }
};

/// One context for the process; reading it from several threads is safe (secp256k1.h).
const secp256k1_context* context() {
  static const auto shared = [] {
    std::unique_ptr<secp256k1_context, DestroyContext> made(
        secp256k1_context_create(SECP256K1_CONTEXT_NONE));
    Hash32 seed;
    fill_random(seed.bytes);
    IMO_CHECK(secp256k1_context_randomize(made.get(), seed.bytes.data()) == 1,
              "libsecp256k1 refuses to blind its context");
    return made;
  }();
  return shared.get();
}

Address address_of(const secp256k1_pubkey& key) {
  std::array<std::uint8_t, 65> uncompressed{};
  std::size_t size = uncompressed.size();
  secp256k1_ec_pubkey_serialize(context(), uncompressed.data(), &size, &key,
                                SECP256K1_EC_UNCOMPRESSED);
  // The leading 0x04 is a format byte, no part of the key.
  const Hash32 digest = keccak256(BytesView(uncompressed).subspan(1));
  Address address;
  std::copy(digest.bytes.begin() + 12, digest.bytes.end(), address.bytes.begin());
  return address;
}

std::array<std::uint8_t, 64> compact(const Signature& signature) {
  std::array<std::uint8_t, 64> bytes{};
  std::copy(signature.r.bytes.begin(), signature.r.bytes.end(), bytes.begin());
  std::copy(signature.s.bytes.begin(), signature.s.bytes.end(), bytes.begin() + 32);
  return bytes;
}

/// r and s are in 1..n-1 and s in the lower half (EIP-2).
Result<void> check_range(const Signature& signature) {
  secp256k1_ecdsa_signature parsed;
  const bool below_order =
      secp256k1_ecdsa_signature_parse_compact(context(), &parsed, compact(signature).data()) == 1;
  if (!below_order || signature.r.is_zero() || signature.s.is_zero()) {
    return invalid("signature: r or s is not a number between 1 and the order of the curve");
  }
  if (secp256k1_ecdsa_signature_normalize(context(), nullptr, &parsed) == 1) {
    return invalid("signature: s is in the upper half (EIP-2); negate it and flip v");
  }
  return {};
}

}  // namespace

FixedBytes<65> Signature::to_bytes() const {
  FixedBytes<65> out;
  const auto both = compact(*this);
  std::copy(both.begin(), both.end(), out.bytes.begin());
  out.bytes[64] = static_cast<std::uint8_t>(27 + y_parity);
  return out;
}

Result<Signature> Signature::from_bytes(BytesView bytes) {
  if (bytes.size() != 65) {
    return invalid(fmt::format("signature: {} bytes; r, s and v take 65", bytes.size()));
  }
  const std::uint8_t v = bytes[64];
  const bool known = v == 0 || v == 1 || v == 27 || v == 28;
  if (!known) return invalid(fmt::format("signature: v is {}; 0, 1, 27 and 28 are allowed", v));
  Signature signature;
  std::copy_n(bytes.begin(), 32, signature.r.bytes.begin());
  std::copy_n(bytes.begin() + 32, 32, signature.s.bytes.begin());
  signature.y_parity = static_cast<std::uint8_t>(v >= 27 ? v - 27 : v);
  IMO_TRY_VOID(check_range(signature));
  return signature;
}

Result<SecretKey> SecretKey::from_bytes(BytesView bytes) {
  if (bytes.size() != Hash32::kSize) {
    return invalid(fmt::format("secret key: {} bytes where 32 are needed", bytes.size()));
  }
  SecretKey key;
  std::copy(bytes.begin(), bytes.end(), key.bytes_.bytes.begin());
  if (secp256k1_ec_seckey_verify(context(), key.bytes_.bytes.data()) != 1) {
    return invalid("secret key: not a number between 1 and the order of the curve");
  }
  return key;
}

Result<SecretKey> SecretKey::from_hex(std::string_view text) {
  SecretKey holder;  // wipes the decoded bytes on every way out
  auto decoded = from_hex_into(text, holder.bytes_.bytes);
  if (!decoded) return tl::unexpected(decoded.error().within("secret key"));
  return from_bytes(holder.bytes_);
}

SecretKey SecretKey::generate() {
  SecretKey key;
  do {
    fill_random(key.bytes_.bytes);
  } while (secp256k1_ec_seckey_verify(context(), key.bytes_.bytes.data()) != 1);
  return key;
}

SecretKey::SecretKey(SecretKey&& other) noexcept : bytes_(other.bytes_) {
  explicit_bzero(other.bytes_.bytes.data(), Hash32::kSize);
}

SecretKey& SecretKey::operator=(SecretKey&& other) noexcept {
  if (this != &other) {
    bytes_ = other.bytes_;
    explicit_bzero(other.bytes_.bytes.data(), Hash32::kSize);
  }
  return *this;
}

SecretKey::~SecretKey() {
  explicit_bzero(bytes_.bytes.data(), Hash32::kSize);
}

SecretKey SecretKey::clone() const {
  SecretKey copy;
  copy.bytes_ = bytes_;
  return copy;
}

Address SecretKey::address() const {
  secp256k1_pubkey key;
  IMO_CHECK(secp256k1_ec_pubkey_create(context(), &key, bytes_.bytes.data()) == 1,
            "address of a secret key that was moved away");
  return address_of(key);
}

Signature SecretKey::sign(const Hash32& digest) const {
  secp256k1_ecdsa_recoverable_signature made;
  const int signed_ok =
      secp256k1_ecdsa_sign_recoverable(context(), &made, digest.bytes.data(), bytes_.bytes.data(),
                                       secp256k1_nonce_function_rfc6979, nullptr);
  IMO_CHECK(signed_ok == 1, "signing with a secret key that was moved away");
  std::array<std::uint8_t, 64> both{};
  int recovery_id = 0;
  secp256k1_ecdsa_recoverable_signature_serialize_compact(context(), both.data(), &recovery_id,
                                                          &made);
  // Ids 2 and 3 mean r wrapped around the order: one chance in 2^127, and Ethereum cannot say it.
  IMO_CHECK(recovery_id == 0 || recovery_id == 1, "signature with a wrapped r");
  Signature signature;
  std::copy_n(both.begin(), 32, signature.r.bytes.begin());
  std::copy_n(both.begin() + 32, 32, signature.s.bytes.begin());
  signature.y_parity = static_cast<std::uint8_t>(recovery_id);
  return signature;
}

Result<Address> recover(const Hash32& digest, const Signature& signature) {
  IMO_TRY_VOID(check_range(signature));
  if (signature.y_parity > 1) return invalid("signature: the y parity is neither 0 nor 1");
  secp256k1_ecdsa_recoverable_signature parsed;
  secp256k1_pubkey key;
  const bool recovered =
      secp256k1_ecdsa_recoverable_signature_parse_compact(
          context(), &parsed, compact(signature).data(), signature.y_parity) == 1 &&
      secp256k1_ecdsa_recover(context(), &key, &parsed, digest.bytes.data()) == 1;
  if (!recovered) return invalid("signature: no public key could have made it");
  return address_of(key);
}

}  // namespace imo::crypto
