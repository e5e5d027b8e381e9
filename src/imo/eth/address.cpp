#include "imo/eth/address.hpp"

#include "imo/base/hex.hpp"
#include "imo/crypto/keccak.hpp"
#include "imo/eth/rlp.hpp"

#include <algorithm>

namespace imo::eth {
namespace {

bool is_upper(char c) {
  return c >= 'A' && c <= 'F';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'f';
}

Address last_20(const Hash32& hash) {
  Address address;
  std::copy(hash.bytes.begin() + 12, hash.bytes.end(), address.bytes.begin());
  return address;
}

}  // namespace

std::string to_checksum(const Address& address) {
  std::string text = to_hex(address);
  const Hash32 hash = crypto::keccak256(as_bytes(std::string_view(text).substr(2)));
  for (std::size_t i = 0; i < 40; ++i) {
    const unsigned nibble = (unsigned{hash.bytes[i / 2]} >> (i % 2 == 0 ? 4U : 0U)) & 0xFU;
    char& digit = text[2 + i];
    if (is_lower(digit) && nibble >= 8) digit = static_cast<char>(digit - 'a' + 'A');
  }
  return text;
}

Result<Address> parse_address(std::string_view text) {
  if (text.size() != 42 || !text.starts_with("0x")) {
    return invalid("an address is 0x and 40 hexadecimal digits, not '" +
                   std::string(text.substr(0, 64)) + "'");
  }
  auto address = fixed_from_hex<20>(text);
  if (!address) return tl::unexpected(address.error().within("address"));
  const bool mixed = std::any_of(text.begin(), text.end(), is_upper) &&
                     std::any_of(text.begin(), text.end(), is_lower);
  if (mixed && to_checksum(*address) != text) {
    return invalid("address " + std::string(text) +
                   " has a wrong checksum: a digit is mistyped, or write it all in lower case");
  }
  return address;
}

Address create_address(const Address& sender, std::uint64_t nonce) {
  const Bytes encoded =
      rlp::encode(rlp::Item::list({rlp::Item::string(sender), rlp::Item::number(nonce)}));
  return last_20(crypto::keccak256(encoded));
}

Address create2_address(const Address& deployer, const Hash32& salt, BytesView init_code) {
  Bytes preimage{0xFF};
  append(preimage, deployer);
  append(preimage, salt);
  append(preimage, crypto::keccak256(init_code));
  return last_20(crypto::keccak256(preimage));
}

}  // namespace imo::eth
