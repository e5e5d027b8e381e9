#include "imo/crypto/keccak.hpp"

#include "imo/base/check.hpp"
#include "imo/crypto/keccak_avx2.hpp"
#include "imo/crypto/keccak_avx512.hpp"
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

/// States of several messages, interleaved: word i of lane k is words[kLanes * i + k].
template <std::size_t kLanes>
struct States {
  alignas(8 * kLanes) std::array<std::uint64_t, 25 * kLanes> words{};

  void absorb(std::size_t lane, const std::uint8_t* block) {
    for (std::size_t i = 0; i < kRateWords; ++i)
      words[kLanes * i + lane] ^= load_word(block + 8 * i);
  }

  /// The last block: as pad(), without a copy of what is whole words.
  void absorb_tail(std::size_t lane, BytesView tail) {
    std::size_t i = 0;
    for (; 8 * i + 8 <= tail.size(); ++i) words[kLanes * i + lane] ^= load_word(&tail[8 * i]);
    std::uint64_t last = std::uint64_t{1} << (8 * (tail.size() - 8 * i));
    for (std::size_t at = 8 * i; at < tail.size(); ++at) {
      last |= std::uint64_t{tail[at]} << (8 * (at - 8 * i));
    }
    words[kLanes * i + lane] ^= last;
    words[kLanes * (kRateWords - 1) + lane] ^= std::uint64_t{1} << 63;
  }

  /// The padding behind `count` words of the last block.
  void absorb_padding(std::size_t lane, std::size_t count) {
    words[kLanes * count + lane] ^= 1;
    words[kLanes * (kRateWords - 1) + lane] ^= std::uint64_t{1} << 63;
  }

  [[nodiscard]] Hash32 squeeze(std::size_t lane) const {
    Hash32 digest;
    for (std::size_t i = 0; i < 4; ++i) {
      std::memcpy(digest.bytes.data() + 8 * i, &words[kLanes * i + lane], 8);
    }
    return digest;
  }
};

/// Hashes kLanes messages of one length.
template <std::size_t kLanes>
void hash_lanes(const BytesView* messages, Hash32* digests, void (*permute)(unsigned long*)) {
  const std::size_t size = messages[0].size();
  States<kLanes> states;
  std::size_t done = 0;
  for (; size - done >= kRate; done += kRate) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      states.absorb(lane, messages[lane].data() + done);
    }
    permute(states.words.data());
  }
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    states.absorb_tail(lane, messages[lane].subspan(done));
  }
  permute(states.words.data());
  for (std::size_t lane = 0; lane < kLanes; ++lane) digests[lane] = states.squeeze(lane);
}

/// words[i] of each row of kLanes, `stride` words from one to the next, to its place in `states`.
template <std::size_t kLanes>
void absorb_rows(const std::uint64_t* rows, std::size_t stride, std::size_t count,
                 std::uint64_t* states) {
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    for (std::size_t i = 0; i < count; ++i) {
      states[kLanes * i + lane] ^= __builtin_bswap64(rows[lane * stride + i]);
    }
  }
}

/// Hashes kLanes rows of `count` words.
template <std::size_t kLanes>
void hash_rows(const std::uint64_t* rows, std::size_t count, Hash32* digests,
               void (*permute)(std::uint64_t*),
               void (*absorb)(const std::uint64_t*, std::size_t, std::size_t, std::uint64_t*)) {
  States<kLanes> states;
  std::size_t done = 0;
  for (; count - done >= kRateWords; done += kRateWords) {
    absorb(rows + done, count, kRateWords, states.words.data());
    permute(states.words.data());
  }
  absorb(rows + done, count, count - done, states.words.data());
  for (std::size_t lane = 0; lane < kLanes; ++lane) states.absorb_padding(lane, count - done);
  permute(states.words.data());
  for (std::size_t lane = 0; lane < kLanes; ++lane) digests[lane] = states.squeeze(lane);
}

bool has_avx2() {
  static const bool supported = __builtin_cpu_supports("avx2") != 0;
  return supported;
}

bool has_avx512() {
  static const bool supported =
      __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0;
  return supported;
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

void keccak256_many(std::span<const BytesView> messages, std::span<Hash32> digests) {
  IMO_CHECK(messages.size() == digests.size(), "keccak256_many: a digest for each message");
  for (const BytesView message : messages) {
    IMO_CHECK(message.size() == messages[0].size(), "keccak256_many: messages differ in length");
  }
  std::size_t i = 0;
  if (has_avx512()) {
    for (; i + 8 <= messages.size(); i += 8) {
      hash_lanes<8>(&messages[i], &digests[i], keccak_f1600_x8_avx512);
    }
  }
  if (has_avx2()) {
    for (; i + 4 <= messages.size(); i += 4) {
      hash_lanes<4>(&messages[i], &digests[i], keccak_f1600_x4_avx2);
    }
  }
  for (; i < messages.size(); ++i) digests[i] = keccak256(messages[i]);
}

void keccak256_rows(std::span<const std::uint64_t> words, std::size_t row_words,
                    std::span<Hash32> digests) {
  IMO_CHECK(words.size() == row_words * digests.size(), "keccak256_rows: a digest for each row");
  std::size_t i = 0;
  if (has_avx512()) {
    for (; i + 8 <= digests.size(); i += 8) {
      hash_rows<8>(&words[i * row_words], row_words, &digests[i], keccak_f1600_x8_avx512,
                   absorb_rows_x8_avx512);
    }
  }
  if (has_avx2()) {
    for (; i + 4 <= digests.size(); i += 4) {
      hash_rows<4>(&words[i * row_words], row_words, &digests[i], keccak_f1600_x4_avx2,
                   absorb_rows<4>);
    }
  }
  for (; i < digests.size(); ++i) {
    hash_rows<1>(&words[i * row_words], row_words, &digests[i], keccak_f1600<std::uint64_t>,
                 absorb_rows<1>);
  }
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
