/// Token ids as contracts, receipts and hashes carry them: 4 bytes each, big-endian.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/crypto/keccak.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace imo::market {

inline Bytes pack_tokens(std::span<const std::uint32_t> tokens) {
  Bytes packed;
  packed.reserve(tokens.size() * 4);
  for (const std::uint32_t token : tokens) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      packed.push_back(static_cast<std::uint8_t>(token >> shift));
    }
  }
  return packed;
}

/// Fails when the length is no multiple of four.
inline Result<std::vector<std::uint32_t>> unpack_tokens(BytesView packed) {
  if (packed.size() % 4 != 0) {
    return invalid("packed tokens: " + std::to_string(packed.size()) +
                   " bytes; every token takes four");
  }
  std::vector<std::uint32_t> tokens(packed.size() / 4);
  for (std::size_t i = 0; i < packed.size(); ++i) tokens[i / 4] = tokens[i / 4] << 8U | packed[i];
  return tokens;
}

/// keccak256 of the packed form.
inline Hash32 hash_tokens(std::span<const std::uint32_t> tokens) {
  return crypto::keccak256(pack_tokens(tokens));
}

}  // namespace imo::market
