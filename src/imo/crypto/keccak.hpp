/// Keccak-256 as Ethereum uses it (the original padding 0x01, not SHA-3's 0x06).
#pragma once

#include "imo/base/bytes.hpp"

#include <array>
#include <cstdint>
#include <span>

namespace imo::crypto {

/// The digest of one message.
Hash32 keccak256(BytesView message);

/// The digest of `a` followed by `b`: one node of a Merkle tree.
Hash32 keccak256_pair(const Hash32& a, const Hash32& b);

/// As many messages as keccak256_many hashes at once on any machine: who has many hands it this
/// many.
inline constexpr std::size_t kHashesAtOnce = 8;

/// The digests of messages of equal length (checked), as many of both (checked): eight at once with
/// AVX-512, four with AVX2.
void keccak256_many(std::span<const BytesView> messages, std::span<Hash32> digests);

/// The digests of rows of `row_words` words each, one behind the other in `words`, a word being 8
/// bytes, the highest first: as keccak256_many of those bytes, which nobody has to write.
void keccak256_rows(std::span<const std::uint64_t> words, std::size_t row_words,
                    std::span<Hash32> digests);

/// A digest of a message that arrives in pieces.
class Keccak256 {
 public:
  Keccak256& update(BytesView piece);
  /// The digest of everything so far; the object must not be used again.
  [[nodiscard]] Hash32 finish();

 private:
  std::array<std::uint64_t, 25> state_{};
  std::array<std::uint8_t, 136> block_{};
  std::size_t filled_ = 0;
};

}  // namespace imo::crypto
