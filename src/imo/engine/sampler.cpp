#include "imo/engine/sampler.hpp"

#include "imo/base/check.hpp"
#include "imo/crypto/keccak.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <vector>

namespace imo::engine {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr unsigned kLogFraction = 32;                  ///< of logarithms and of noise
constexpr std::uint64_t kLn2 = 0x58B9'0BFB'E8E7'BCD5;  ///< ln 2 in 2^-63

/// log2(x) in 2^-32 for x > 0: the integer part, then one bit for each squaring of the mantissa.
std::int64_t binary_logarithm(std::uint64_t x) {
  const int top = 63 - std::countl_zero(x);
  std::uint64_t mantissa = x << (63 - top);  // in 2^-63, from 1 to 2
  std::int64_t logarithm = top;
  for (unsigned i = 0; i < kLogFraction; ++i) {
    const Wide square = static_cast<Wide>(mantissa) * mantissa;
    const bool is_two = square >> 127 != 0;
    mantissa = static_cast<std::uint64_t>(square >> (is_two ? 64 : 63));
    logarithm = 2 * logarithm + (is_two ? 1 : 0);
  }
  return logarithm;
}

/// log2 to ln, both in 2^-32; towards zero.
std::int64_t from_binary(std::int64_t logarithm) {
  const auto magnitude = static_cast<std::uint64_t>(logarithm < 0 ? -logarithm : logarithm);
  const auto scaled = static_cast<std::int64_t>(static_cast<Wide>(magnitude) * kLn2 >> 63);
  return logarithm < 0 ? -scaled : scaled;
}

/// -ln(-ln u) in 2^-32, u = (word + 1) / 2^64.
std::int64_t gumbel(std::uint64_t word) {
  // word + 1 could be 2^64; then and near it the inner logarithm is below its unit.
  const std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
  const std::int64_t inner = word == last ? 0 : -natural_logarithm(word + 1, 64);
  return -natural_logarithm(static_cast<std::uint64_t>(std::max<std::int64_t>(inner, 1)),
                            kLogFraction);
}

/// Four words for tokens 4 block .. 4 block + 3.
class Noise {
 public:
  Noise(std::uint64_t seed, std::uint32_t position) {
    for (std::size_t i = 0; i < 8; ++i) {
      message_.at(i) = static_cast<std::uint8_t>(seed >> (8 * (7 - i)));
    }
    put(8, position);
  }

  std::int64_t of(TokenId token) {
    if (token / 4 != block_) {
      block_ = token / 4;
      put(12, block_);
      hash_ = crypto::keccak256(message_);
    }
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < 8; ++i) word = word << 8 | hash_.bytes.at(token % 4 * 8 + i);
    return gumbel(word);
  }

 private:
  void put(std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) {
      message_.at(at + i) = static_cast<std::uint8_t>(value >> (8 * (3 - i)));
    }
  }

  std::array<std::uint8_t, 16> message_{};  ///< seed, position, block: big-endian
  std::uint32_t block_ = std::numeric_limits<std::uint32_t>::max();
  Hash32 hash_;
};

/// The least logit that top-k and min-p leave; among equal ones at the end of top-k all stay.
std::int64_t least_logit(const Sampling& sampling, std::span<const std::int32_t> logits,
                         int logits_fraction) {
  std::int64_t least = std::numeric_limits<std::int32_t>::min();
  if (sampling.top_k != 0 && sampling.top_k < logits.size()) {
    std::vector<std::int32_t> sorted(logits.begin(), logits.end());
    const auto kth = sorted.begin() + (sampling.top_k - 1);
    std::ranges::nth_element(sorted, kth, std::ranges::greater{});
    least = *kth;
  }
  if (sampling.min_p != 0) {
    // p_i / p_max = exp((logit_i - max) / T) >= min_p
    const std::int64_t logarithm = natural_logarithm(sampling.min_p, kSamplingFraction);
    const std::int64_t below = logarithm * std::int64_t{sampling.temperature} >>
                               (kSamplingFraction + kLogFraction - unsigned(logits_fraction));
    least = std::max(least, *std::ranges::max_element(logits) + below);
  }
  return least;
}

}  // namespace

std::int64_t natural_logarithm(std::uint64_t numerator, unsigned fraction) {
  IMO_CHECK(numerator != 0, "a logarithm of zero");
  return from_binary(binary_logarithm(numerator) - (std::int64_t{fraction} << kLogFraction));
}

TokenId choose_token(const Sampling& sampling, std::uint32_t position,
                     std::span<const std::int32_t> logits, int logits_fraction) {
  IMO_CHECK(!logits.empty() && logits_fraction >= 0 && logits_fraction <= 31, "logits");
  IMO_CHECK(sampling.temperature <= Sampling::kMaxTemperature, "a temperature");
  if (sampling.temperature == 0) {
    return static_cast<TokenId>(std::ranges::max_element(logits) - logits.begin());
  }
  const std::int64_t least = least_logit(sampling, logits, logits_fraction);
  Noise noise(sampling.seed, position);
  TokenId best = 0;
  std::int64_t greatest = std::numeric_limits<std::int64_t>::min();
  for (TokenId token = 0; token < logits.size(); ++token) {
    if (logits[token] < least) continue;
    // logit + T G in units of 2^-(logits_fraction + 16); G is below 2^5, T below 2^7.
    const std::int64_t scaled =
        noise.of(token) >> (kLogFraction - static_cast<unsigned>(logits_fraction));
    const std::int64_t score = (std::int64_t{logits[token]} << kSamplingFraction) +
                               scaled * std::int64_t{sampling.temperature};
    if (score > greatest) {
      greatest = score;
      best = token;
    }
  }
  return best;
}

}  // namespace imo::engine
