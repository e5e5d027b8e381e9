/// PBKDF2 (RFC 8018, 5.2) with HMAC-SHA256. Internal to crypto.
#pragma once

#include "imo/base/bytes.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace imo::crypto {

/// Fills `key`, of less than 2 GiB, by OpenSSL; `rounds` is 1 to 2^31 - 1.
void pbkdf2_hmac_sha256(std::string_view password, BytesView salt, std::uint32_t rounds,
                        std::span<std::uint8_t> key);

}  // namespace imo::crypto
