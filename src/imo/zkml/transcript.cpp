#include "imo/zkml/transcript.hpp"

#include "imo/base/check.hpp"
#include "imo/base/thread_pool.hpp"
#include "imo/crypto/keccak.hpp"

#include <algorithm>
#include <atomic>
#include <string>

namespace imo::zkml {
namespace {

std::array<std::uint8_t, 8> big_endian(std::uint64_t word) {
  std::array<std::uint8_t, 8> bytes{};
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(word >> (56 - 8 * i));
  return bytes;
}

std::uint64_t word_of(BytesView eight) {
  std::uint64_t word = 0;
  for (const std::uint8_t byte : eight) word = word << 8 | byte;
  return word;
}

/// `count` bits of the 256-bit big-endian number from bit `first` (of weight 2^first) upwards.
Wide bits_of(const Hash32& digest, unsigned first, unsigned count) {
  Wide result = 0;
  for (unsigned i = count; i > 0; --i) {
    const unsigned bit = first + i - 1;
    const unsigned byte = digest.bytes[31 - bit / 8];
    result = result << 1 | (byte >> (bit % 8) & 1U);
  }
  return result;
}

std::array<std::uint8_t, 40> nonce_message(const Hash32& state, std::uint64_t nonce) {
  std::array<std::uint8_t, 40> message{};
  std::ranges::copy(state.bytes, message.begin());
  std::ranges::copy(big_endian(nonce), message.begin() + 32);
  return message;
}

tl::unexpected<Error> refused_at(std::size_t offset, std::string_view what) {
  return fail(ErrorKind::kVerification,
              "proof, byte " + std::to_string(offset) + ": " + std::string(what));
}

}  // namespace

Transcript::Transcript(std::string_view protocol, BytesView statement)
    : state_(crypto::keccak256_pair(crypto::keccak256(as_bytes(protocol)),
                                    crypto::keccak256(statement))) {}

void Transcript::absorb(BytesView bytes) {
  append(block_, bytes);
}

const Hash32& Transcript::squeeze() {
  state_ = crypto::Keccak256().update(state_).update(block_).finish();
  block_.clear();
  return state_;
}

Fp3 Transcript::challenge() {
  // 86 + 85 + 85 bits: each part is more than 2^20 times p.
  const Hash32& state = squeeze();
  return {Fp::from_wide(bits_of(state, 170, 86)), Fp::from_wide(bits_of(state, 85, 85)),
          Fp::from_wide(bits_of(state, 0, 85))};
}

std::vector<std::uint32_t> Transcript::challenge_indices(std::size_t count, unsigned bits) {
  IMO_CHECK(bits >= 1 && bits <= 32, "an index has 1 to 32 bits");
  std::vector<std::uint32_t> indices;
  indices.reserve(count);
  while (indices.size() < count) {
    const Hash32& state = squeeze();
    for (unsigned left = 256; left >= bits && indices.size() < count; left -= bits) {
      indices.push_back(static_cast<std::uint32_t>(bits_of(state, left - bits, bits)));
    }
  }
  return indices;
}

bool has_leading_zeros(const Hash32& digest, unsigned bits) {
  IMO_CHECK(bits <= 64, "at most 64 zero bits");
  return bits == 0 || word_of(digest.view().first(8)) >> (64 - bits) == 0;
}

void ProofWriter::say(BytesView bytes) {
  append(proof_, bytes);
  absorb(bytes);
}

void ProofWriter::write(Fp a) {
  std::array<std::uint8_t, Fp::kBytes> bytes{};
  write_field(a, bytes);
  say(bytes);
}

void ProofWriter::write(const Fp3& a) {
  std::array<std::uint8_t, Fp3::kBytes> bytes{};
  write_field(a, bytes);
  say(bytes);
}

void ProofWriter::write(const Digest& digest) {
  say(digest);
}

void ProofWriter::grind(unsigned bits, ThreadPool& pool) {
  if (bits == 0) return;
  IMO_CHECK(bits <= kMaxGrinding, "more grinding than any protocol may ask for");
  const Hash32 state = squeeze();
  // Batches in order, each searched whole, so that the least nonce is found on any machine.
  constexpr std::uint64_t kBatch = std::uint64_t{1} << 14;
  constexpr std::uint64_t kNone = ~std::uint64_t{0};
  std::atomic<std::uint64_t> found = kNone;
  for (std::uint64_t start = 0; found == kNone; start += kBatch) {
    pool.parallel_ranges(kBatch / crypto::kHashesAtOnce, [&](std::size_t begin, std::size_t end) {
      std::array<std::array<std::uint8_t, 40>, crypto::kHashesAtOnce> messages{};
      messages.fill(nonce_message(state, 0));
      std::array<BytesView, crypto::kHashesAtOnce> views;
      std::ranges::copy(messages, views.begin());
      std::array<Hash32, crypto::kHashesAtOnce> digests;
      for (std::size_t some = begin; some < end; ++some) {
        const std::uint64_t first = start + some * crypto::kHashesAtOnce;
        for (std::size_t lane = 0; lane < messages.size(); ++lane) {
          std::ranges::copy(big_endian(first + lane), messages[lane].begin() + 32);
        }
        crypto::keccak256_many(views, digests);
        for (std::size_t lane = 0; lane < digests.size(); ++lane) {
          if (!has_leading_zeros(digests[lane], bits)) continue;
          const std::uint64_t nonce = first + lane;
          std::uint64_t best = found;
          while (nonce < best && !found.compare_exchange_weak(best, nonce)) {
          }
          return;
        }
      }
    });
  }
  say(big_endian(found));
  squeeze();
}

Result<BytesView> ProofReader::hear(std::size_t size) {
  if (proof_.size() - offset_ < size) return refused_at(offset_, "the proof ends too early");
  const BytesView bytes = proof_.subspan(offset_, size);
  absorb(bytes);
  offset_ += size;
  return bytes;
}

tl::unexpected<Error> ProofReader::refused(std::string_view what) const {
  return refused_at(offset_, what);
}

Result<Fp> ProofReader::read_fp() {
  IMO_TRY(const BytesView bytes, hear(Fp::kBytes));
  const auto a = zkml::read_fp(bytes.first<Fp::kBytes>());
  if (!a) return refused_at(offset_ - Fp::kBytes, "a field element is not below the modulus");
  return *a;
}

Result<Fp3> ProofReader::read_fp3() {
  IMO_TRY(const BytesView bytes, hear(Fp3::kBytes));
  const auto a = zkml::read_fp3(bytes.first<Fp3::kBytes>());
  if (!a) return refused_at(offset_ - Fp3::kBytes, "a field element is not below the modulus");
  return *a;
}

Result<Digest> ProofReader::read_digest() {
  IMO_TRY(const BytesView bytes, hear(Digest::kSize));
  Digest digest;
  std::ranges::copy(bytes, digest.bytes.begin());
  return digest;
}

Result<void> ProofReader::check_grinding(unsigned bits) {
  if (bits == 0) return {};
  IMO_CHECK(bits <= kMaxGrinding, "more grinding than any protocol may ask for");
  squeeze();
  IMO_TRY_VOID(hear(8));
  if (!has_leading_zeros(squeeze(), bits)) {
    return refused_at(offset_ - 8, "the nonce does not do the work that the protocol asks for");
  }
  return {};
}

Result<void> ProofReader::finish() const {
  if (offset_ != proof_.size()) return refused_at(offset_, "bytes are left after the proof");
  return {};
}

}  // namespace imo::zkml
