/// scrypt (RFC 7914): a key from a password, expensive in memory for whoever guesses.
///
/// Ours and not OpenSSL's because the parameters of Web3 Secret Storage's own test vector (n =
/// 2^18, r = 1) are among those OpenSSL refuses.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace imo::crypto {

/// The defaults are those of other wallets: 256 MiB and about a second.
struct ScryptParameters {
  std::uint64_t n = 1 << 18;  ///< cost: a power of two above 1
  std::uint64_t r = 8;        ///< block size, in units of 128 bytes
  std::uint64_t p = 1;        ///< passes
};

/// The most memory that parameters may ask for, 128 * r * (n + p) bytes.
inline constexpr std::uint64_t kScryptMaxMemory = 1ULL << 30;
/// The most work that parameters may ask for, 128 * r * n * p bytes mixed: some ten seconds.
inline constexpr std::uint64_t kScryptMaxWork = 4ULL << 30;

/// Whether parameters are legal and within both bounds.
Result<void> check_scrypt(const ScryptParameters& parameters);

/// Fills `key` (1 byte to 1 KiB). Fails as check_scrypt does, before any memory is taken, and with
/// kIo when the system has not that much memory.
Result<void> scrypt(std::string_view password, BytesView salt, const ScryptParameters& parameters,
                    std::span<std::uint8_t> key);

}  // namespace imo::crypto
