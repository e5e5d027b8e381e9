#include "imo/crypto/base64.hpp"

#include <openssl/evp.h>

namespace imo::crypto {

std::string to_base64(BytesView bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // OpenSSL ends it with a zero
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                  static_cast<int>(bytes.size()));
  text.pop_back();
  return text;
}

Result<Bytes> from_base64(std::string_view text) {
  Bytes bytes(text.size() / 4 * 3);
  const int size =
      EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()),
                      static_cast<int>(text.size()));
  if (size < 0 || static_cast<std::size_t>(size) != bytes.size()) return invalid("not base64");
  // OpenSSL counts the padding's zeros, and overlooks white space.
  for (std::size_t i = text.size(); i > 0 && text.size() - i < 2 && text[i - 1] == '='; --i) {
    bytes.pop_back();
  }
  if (to_base64(bytes) != text) return invalid("not base64 as it is written here");
  return bytes;
}

}  // namespace imo::crypto
