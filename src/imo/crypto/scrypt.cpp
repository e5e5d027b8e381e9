#include "imo/crypto/scrypt.hpp"

#include "imo/base/check.hpp"
#include "imo/crypto/pbkdf2.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <memory>
#include <new>

#include <fmt/format.h>

namespace imo::crypto {
namespace {

static_assert(std::endian::native == std::endian::little, "Salsa20 words lie as in memory");

constexpr std::size_t kSalsaWords = 16;

using SalsaBlock = std::array<std::uint32_t, kSalsaWords>;

/// RFC 7914, section 3: eight rounds as four pairs of a column and a row round.
void salsa20_8(SalsaBlock& block) {
  SalsaBlock x = block;
  const auto quarter = [&x](std::size_t a, std::size_t b, std::size_t c, std::size_t d) {
    x[b] ^= std::rotl(x[a] + x[d], 7);
    x[c] ^= std::rotl(x[b] + x[a], 9);
    x[d] ^= std::rotl(x[c] + x[b], 13);
    x[a] ^= std::rotl(x[d] + x[c], 18);
  };
  for (int pair = 0; pair < 4; ++pair) {
    quarter(0, 4, 8, 12);
    quarter(5, 9, 13, 1);
    quarter(10, 14, 2, 6);
    quarter(15, 3, 7, 11);
    quarter(0, 1, 2, 3);
    quarter(5, 6, 7, 4);
    quarter(10, 11, 8, 9);
    quarter(15, 12, 13, 14);
  }
  for (std::size_t i = 0; i < kSalsaWords; ++i) block[i] += x[i];
}

/// Memory of a size that came from outside, wiped when it goes.
class WipedWords {
 public:
  explicit WipedWords(std::size_t count)
      : count_(count), words_(new(std::nothrow) std::uint32_t[count]) {}
  WipedWords(const WipedWords&) = delete;
  WipedWords& operator=(const WipedWords&) = delete;
  ~WipedWords() {
    if (words_) explicit_bzero(words_.get(), 4 * count_);
  }

  [[nodiscard]] bool valid() const { return words_ != nullptr; }
  [[nodiscard]] std::uint32_t* get() const { return words_.get(); }
  [[nodiscard]] std::span<std::uint8_t> bytes() const {
    return {reinterpret_cast<std::uint8_t*>(words_.get()), 4 * count_};
  }

 private:
  std::size_t count_;
  std::unique_ptr<std::uint32_t[]> words_;
};

/// RFC 7914, section 4: `out` gets the 2r blocks of `in` mixed, even ones first.
void block_mix(const std::uint32_t* in, std::uint32_t* out, std::size_t r) {
  SalsaBlock x{};
  std::memcpy(x.data(), in + (2 * r - 1) * kSalsaWords, sizeof x);
  for (std::size_t i = 0; i < 2 * r; ++i) {
    for (std::size_t k = 0; k < kSalsaWords; ++k) x[k] ^= in[i * kSalsaWords + k];
    salsa20_8(x);
    const std::size_t place = i / 2 + (i % 2) * r;
    std::memcpy(out + place * kSalsaWords, x.data(), sizeof x);
  }
}

/// RFC 7914, section 5: mixes `block` of 32r words in place, through `table` of 32rn words and
/// `scratch` of 32r words.
void ro_mix(std::uint32_t* block, std::uint32_t* table, std::uint32_t* scratch, std::size_t n,
            std::size_t r) {
  const std::size_t words = 32 * r;
  for (std::size_t i = 0; i < n; ++i) {
    std::memcpy(table + i * words, block, 4 * words);
    block_mix(table + i * words, block, r);
  }
  for (std::size_t i = 0; i < n; ++i) {
    // Integerify: the low bits of the last 64-byte piece; n is a power of two of at most 2^23.
    const std::size_t j = block[(2 * r - 1) * kSalsaWords] & (n - 1);
    for (std::size_t k = 0; k < words; ++k) scratch[k] = block[k] ^ table[j * words + k];
    block_mix(scratch, block, r);
  }
}

}  // namespace

Result<void> check_scrypt(const ScryptParameters& parameters) {
  const auto [n, r, p] = parameters;
  if (n < 2 || !std::has_single_bit(n) || r == 0 || p == 0) {
    return invalid("scrypt: n must be a power of two above 1, r and p at least 1");
  }
  constexpr std::uint64_t kMaxUnits = kScryptMaxMemory / 128;
  // Each factor first, so that no product can overflow.
  if (n > kMaxUnits || r > kMaxUnits || p > kMaxUnits || n + p > kMaxUnits / r) {
    return invalid(fmt::format("scrypt: n {}, r {}, p {} take more than 1 GiB of memory", n, r, p));
  }
  if (n * r * p > kScryptMaxWork / 128) {
    return invalid(fmt::format("scrypt: n {}, r {}, p {} take too long", n, r, p));
  }
  return {};
}

Result<void> scrypt(std::string_view password, BytesView salt, const ScryptParameters& parameters,
                    std::span<std::uint8_t> key) {
  IMO_CHECK(!key.empty() && key.size() <= 1024, "scrypt makes keys of 1 to 1024 bytes");
  IMO_TRY_VOID(check_scrypt(parameters));
  const auto [n, r, p] = parameters;
  const std::size_t words = 32 * r;
  const WipedWords blocks(words * p);
  const WipedWords table(words * n);
  const WipedWords scratch(words);
  if (!blocks.valid() || !table.valid() || !scratch.valid()) {
    return fail(ErrorKind::kIo,
                fmt::format("scrypt: {} bytes of memory are not to be had", 128 * r * (n + p)));
  }
  pbkdf2_hmac_sha256(password, salt, 1, blocks.bytes());
  for (std::size_t pass = 0; pass < p; ++pass) {
    ro_mix(blocks.get() + pass * words, table.get(), scratch.get(), n, r);
  }
  pbkdf2_hmac_sha256(password, blocks.bytes(), 1, key);
  return {};
}

}  // namespace imo::crypto
