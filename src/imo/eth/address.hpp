/// Addresses as people read them: mixed-case checksums (EIP-55).
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace imo::eth {

/// `0x` and 40 digits whose case is the checksum of EIP-55.
std::string to_checksum(const Address& address);

/// Reads `0x` and 40 digits: all of one case, or with a correct EIP-55 checksum.
Result<Address> parse_address(std::string_view text);

/// Where a contract lands that `sender` creates with its transaction number `nonce`.
Address create_address(const Address& sender, std::uint64_t nonce);

/// Where CREATE2 puts it (EIP-1014).
Address create2_address(const Address& deployer, const Hash32& salt, BytesView init_code);

}  // namespace imo::eth
