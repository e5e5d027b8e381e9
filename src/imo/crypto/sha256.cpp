#include "imo/crypto/sha256.hpp"

#include <openssl/sha.h>

namespace imo::crypto {

Hash32 sha256(BytesView message) {
  Hash32 digest;
  SHA256(message.data(), message.size(), digest.bytes.data());
  return digest;
}

}  // namespace imo::crypto
