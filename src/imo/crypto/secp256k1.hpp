/// ECDSA over secp256k1 with public-key recovery, over libsecp256k1.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"

#include <string_view>

namespace imo::crypto {

/// 65 bytes: r, s (low half, EIP-2), and the recovery id 0 or 1.
struct Signature {
  Hash32 r;
  Hash32 s;
  std::uint8_t y_parity = 0;

  /// r ‖ s ‖ (27 + y_parity), as wallets and Solidity's ecrecover write it.
  [[nodiscard]] FixedBytes<65> to_bytes() const;
  /// Accepts v of 0, 1, 27 or 28; refuses a high s.
  static Result<Signature> from_bytes(BytesView bytes);
};

/// A private key. Wiped when it goes; moves, never copies; never printed.
class SecretKey {
 public:
  static Result<SecretKey> from_bytes(BytesView bytes);
  static Result<SecretKey> from_hex(std::string_view text);
  /// Fresh, from the operating system's random source.
  static SecretKey generate();

  SecretKey(SecretKey&& other) noexcept;
  SecretKey& operator=(SecretKey&& other) noexcept;
  SecretKey(const SecretKey&) = delete;
  SecretKey& operator=(const SecretKey&) = delete;
  ~SecretKey();

  /// A second holder of the same key, said aloud.
  [[nodiscard]] SecretKey clone() const;
  /// The last 20 bytes of keccak256 of the uncompressed public key.
  [[nodiscard]] Address address() const;
  /// Deterministic (RFC 6979).
  [[nodiscard]] Signature sign(const Hash32& digest) const;
  /// The raw 32 bytes, for keystores only.
  [[nodiscard]] const Hash32& expose() const { return bytes_; }

 private:
  SecretKey() = default;
  Hash32 bytes_;
};

/// The address whose key made `signature` over `digest`.
Result<Address> recover(const Hash32& digest, const Signature& signature);

}  // namespace imo::crypto
