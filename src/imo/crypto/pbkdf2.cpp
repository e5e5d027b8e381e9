#include "imo/crypto/pbkdf2.hpp"

#include "imo/base/check.hpp"

#include <limits>

#include <openssl/evp.h>

namespace imo::crypto {
namespace {

int to_int(std::size_t size) {
  IMO_CHECK(size <= std::numeric_limits<int>::max(), "pbkdf2: a size above 2 GiB");
  return static_cast<int>(size);
}

}  // namespace

void pbkdf2_hmac_sha256(std::string_view password, BytesView salt, std::uint32_t rounds,
                        std::span<std::uint8_t> key) {
  // OpenSSL takes a null password for an absent one.
  const char* const text = password.empty() ? "" : password.data();
  const int made =
      PKCS5_PBKDF2_HMAC(text, to_int(password.size()), salt.data(), to_int(salt.size()),
                        to_int(rounds), EVP_sha256(), to_int(key.size()), key.data());
  IMO_CHECK(made == 1, "OpenSSL refuses PBKDF2-HMAC-SHA256");
}

}  // namespace imo::crypto
