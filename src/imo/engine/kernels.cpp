#include "imo/engine/kernels.hpp"

#include "imo/model/operators.hpp"

#include <algorithm>
#include <array>

namespace imo::engine {
namespace {

// 256 * 2^7 * 2^15 = 2^30: an int32 holds that many products whatever their values, so a block is
// summed in 32 bits, which vectorises, and only its sum is widened.
constexpr std::size_t kBlock = 256;

// Widening w to int16 first lets the compiler see a product of two int16 vectors.
std::int32_t block_dot(const std::int8_t* w, const std::int16_t* x, std::size_t count) {
  std::int32_t sum = 0;
  for (std::size_t j = 0; j < count; ++j) {
    sum += static_cast<std::int32_t>(static_cast<std::int16_t>(w[j])) * x[j];
  }
  return sum;
}

}  // namespace

std::int64_t dot(const std::int8_t* w, const std::int16_t* x, std::size_t count) {
  std::int64_t total = 0;
  for (std::size_t first = 0; first < count; first += kBlock) {
    total += block_dot(w + first, x + first, std::min(kBlock, count - first));
  }
  return total;
}

void dot_four(const std::int8_t* w, const std::int16_t* x, std::size_t stride, std::size_t count,
              std::int64_t* out) {
  std::array<std::int64_t, 4> totals{};
  for (std::size_t first = 0; first < count; first += kBlock) {
    const std::size_t size = std::min(kBlock, count - first);
    const std::int16_t* x0 = x + first;
    const std::int16_t* x1 = x0 + stride;
    const std::int16_t* x2 = x1 + stride;
    const std::int16_t* x3 = x2 + stride;
    std::int32_t s0 = 0;
    std::int32_t s1 = 0;
    std::int32_t s2 = 0;
    std::int32_t s3 = 0;
    for (std::size_t j = 0; j < size; ++j) {
      const auto weight = static_cast<std::int32_t>(static_cast<std::int16_t>(w[first + j]));
      s0 += weight * x0[j];
      s1 += weight * x1[j];
      s2 += weight * x2[j];
      s3 += weight * x3[j];
    }
    totals[0] += s0;
    totals[1] += s1;
    totals[2] += s2;
    totals[3] += s3;
  }
  std::copy(totals.begin(), totals.end(), out);
}

std::int64_t dot(const std::int16_t* a, const std::int16_t* b, std::size_t count) {
  std::int64_t total = 0;
  for (std::size_t j = 0; j < count; ++j) total += std::int32_t{a[j]} * b[j];
  return total;
}

// e = 2^10 high + low with both within 2^10, so that products of int16 do: 32 of them are at most
// 2^5 2^10 2^15 = 2^30.
void mix_head(const std::int32_t* e, const std::int16_t* v, std::size_t stride, std::size_t keys,
              std::size_t count, std::int64_t* out) {
  constexpr std::size_t kKeys = 32;
  std::array<std::int32_t, model::kMaxHeadDimension> high;
  std::array<std::int32_t, model::kMaxHeadDimension> low;
  std::fill_n(out, count, 0);
  for (std::size_t first = 0; first < keys; first += kKeys) {
    std::fill_n(high.begin(), count, 0);
    std::fill_n(low.begin(), count, 0);
    for (std::size_t t = first; t < std::min(keys, first + kKeys); ++t) {
      const std::int16_t* row = v + t * stride;
      const auto e_high = static_cast<std::int16_t>(e[t] >> 10);
      const auto e_low = static_cast<std::int16_t>(e[t] & 1023);
      for (std::size_t j = 0; j < count; ++j) high[j] += e_high * row[j];
      for (std::size_t j = 0; j < count; ++j) low[j] += e_low * row[j];
    }
    for (std::size_t j = 0; j < count; ++j) out[j] += std::int64_t{high[j]} * 1024 + low[j];
  }
}

}  // namespace imo::engine
