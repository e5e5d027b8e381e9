/// Keys at rest: version 3 of the Web3 Secret Storage Definition (the "keystore" files of wallets).
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/crypto/scrypt.hpp"
#include "imo/crypto/secp256k1.hpp"

#include <string>
#include <string_view>

namespace imo::crypto {

/// The most bytes a keystore file may have.
inline constexpr std::size_t kMaxKeystoreSize = 64 * 1024;

/// The key in a keystore's JSON: scrypt or PBKDF2-HMAC-SHA256, AES-128-CTR. Fails with
/// kVerification on a wrong password, kInvalidInput on JSON that is no such keystore, asks for more
/// memory or work than scrypt.hpp allows, or states another address than its key has.
Result<SecretKey> open_keystore(std::string_view json, std::string_view password);

/// The address a keystore states, without its password; kNotFound when it states none (the
/// definition leaves it out, wallets put it in).
Result<Address> keystore_address(std::string_view json);

/// JSON for `key` under scrypt, with fresh salt, iv and id. Write it with FileMode::kSecret.
Result<std::string> seal_keystore(const SecretKey& key, std::string_view password,
                                  const ScryptParameters& parameters = {});

}  // namespace imo::crypto
