#include "imo/crypto/keccak.hpp"

#include "imo/base/check.hpp"
#include "imo/crypto/keccak_avx2.hpp"
#include "imo/crypto/keccak_permutation.hpp"

#include <bit>
#include <cstring>
#include <type_traits>

namespace imo::crypto {
namespace {

static_assert(std::endian::native == std::endian::little, "lanes are loaded as they lie in memory");
static_assert(std::is_same_v<std::uint64_t, unsigned long>);

constexpr std::size_t kRate = 136;  // bytes absorbed a block: 1600 - 2 * 256 bits
constexpr std::size_t kRateWords = kRate / 8;

std::uint64_t load_word(const std::uint8_t* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

/// The last block: the tail of the message, then 0x01 (Keccak, not SHA-3), then 0x80 at the end.
std::array<std::uint8_t, kRate> pad(BytesView tail) {
  std::array<std::uint8_t, kRate> block{};
  std::copy(tail.begin(), tail.end(), block.begin());
  block[tail.size()] = 0x01;
  block[kRate - 1] |= 0x80;
  return block;
}

void absorb(std::array<std::uint64_t, 25>& state, const std::uint8_t* block) {
  for (std::size_t i = 0; i < kRateWords; ++i) state[i] ^= load_word(block + 8 * i);
  keccak_f1600(state.data());
}

Hash32 squeeze(const std::array<std::uint64_t, 25>& state) {
  Hash32 digest;
  std::memcpy(digest.bytes.data(), state.data(), digest.bytes.size());
  return digest;
}

struct FourStates {
  alignas(32) std::array<std::uint64_t, 100> words{};

  void absorb(std::size_t lane, const std::uint8_t* block) {
    for (std::size_t i = 0; i < kRateWords; ++i) words[4 * i + lane] ^= load_word(block + 8 * i);
  }

  [[nodiscard]] Hash32 squeeze(std::size_t lane) const {
    Hash32 digest;
    for (std::size_t i = 0; i < 4; ++i) {
      std::memcpy(digest.bytes.data() + 8 * i, &words[4 * i + lane], 8);
    }
    return digest;
  }
};

bool has_avx2() {
  static const bool supported = __builtin_cpu_supports("avx2") != 0;
  return supported;
}

std::array<Hash32, 4> four_digests_avx2(const std::array<BytesView, 4>& messages) {
  const std::size_t size = messages[0].size();
  FourStates states;
  std::size_t done = 0;
  for (; size - done >= kRate; done += kRate) {
    for (std::size_t lane = 0; lane < 4; ++lane) states.absorb(lane, messages[lane].data() + done);
    keccak_f1600_x4_avx2(states.words.data());
  }
  for (std::size_t lane = 0; lane < 4; ++lane) {
    states.absorb(lane, pad(messages[lane].subspan(done)).data());
  }
  keccak_f1600_x4_avx2(states.words.data());
  return {states.squeeze(0), states.squeeze(1), states.squeeze(2), states.squeeze(3)};
}

}  // namespace

Hash32 keccak256(BytesView message) {
  std::array<std::uint64_t, 25> state{};
  for (; message.size() >= kRate; message = message.subspan(kRate)) absorb(state, message.data());
  absorb(state, pad(message).data());
  return squeeze(state);
}

Hash32 keccak256_pair(const Hash32& a, const Hash32& b) {
  std::array<std::uint8_t, 64> both{};
  std::copy(a.bytes.begin(), a.bytes.end(), both.begin());
  std::copy(b.bytes.begin(), b.bytes.end(), both.begin() + 32);
  return keccak256(both);
}

std::array<Hash32, 4> keccak256_x4(const std::array<BytesView, 4>& messages) {
  for (const BytesView message : messages) {
    IMO_CHECK(message.size() == messages[0].size(), "keccak256_x4: messages differ in length");
  }
  if (has_avx2()) return four_digests_avx2(messages);
  return {keccak256(messages[0]), keccak256(messages[1]), keccak256(messages[2]),
          keccak256(messages[3])};
}

Keccak256& Keccak256::update(BytesView piece) {
  if (filled_ > 0) {
    const std::size_t taken = std::min(kRate - filled_, piece.size());
    std::copy_n(piece.begin(), taken, block_.begin() + static_cast<std::ptrdiff_t>(filled_));
    filled_ += taken;
    piece = piece.subspan(taken);
    if (filled_ < kRate) return *this;
    absorb(state_, block_.data());
    filled_ = 0;
  }
  for (; piece.size() >= kRate; piece = piece.subspan(kRate)) absorb(state_, piece.data());
  std::copy(piece.begin(), piece.end(), block_.begin());
  filled_ = piece.size();
  return *this;
}

Hash32 Keccak256::finish() {
  absorb(state_, pad(BytesView(block_).first(filled_)).data());
  return squeeze(state_);
}

}  // namespace imo::crypto
