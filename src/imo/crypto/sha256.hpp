/// SHA-256, for files and formats that use it; our own commitments use Keccak-256.
#pragma once

#include "imo/base/bytes.hpp"

namespace imo::crypto {

/// The digest of one message (FIPS 180-4), by OpenSSL.
Hash32 sha256(BytesView message);

}  // namespace imo::crypto
