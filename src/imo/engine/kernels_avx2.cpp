// Elementwise loops, and the table of all AVX2 kernels. What does not fill a vector, and shifts
// that no compiled program has, go to the scalar kernels.

#include "imo/engine/avx2.hpp"
#include "imo/engine/avx512.hpp"
#include "imo/model/operators.hpp"

#include <algorithm>

namespace imo::engine {
namespace avx2 {
namespace {

constexpr std::int64_t kLow16 = 0xFFFF;

// (sum + bias) * multiplier for |sum + bias| < 2^37 and multipliers below 2^24, out of products of
// 32 bits: the sum is cut at bit 16.
__m256i multiplied(const std::int64_t* sums, const std::int64_t* biases,
                   const std::uint32_t* multipliers) {
  const std::int64_t lift = std::int64_t{1} << 37;
  __m256i x = load(sums);
  if (biases != nullptr) x = _mm256_add_epi64(x, load(biases));
  const __m256i m = _mm256_cvtepu32_epi64(load_half(multipliers));
  const __m256i lifted = _mm256_add_epi64(x, _mm256_set1_epi64x(lift));
  const __m256i high =
      _mm256_sub_epi64(_mm256_srli_epi64(lifted, 16), _mm256_set1_epi64x(lift >> 16));
  const __m256i low = _mm256_and_si256(x, _mm256_set1_epi64x(kLow16));
  return _mm256_add_epi64(_mm256_slli_epi64(_mm256_mul_epi32(high, m), 16),
                          _mm256_mul_epu32(low, m));
}

void requantise_wide(std::span<const std::int64_t> sums, std::span<const std::int64_t> biases,
                     const std::uint32_t* multipliers, Rescale rescale, std::int32_t* out) {
  const std::size_t whole = WideRescale::supports(rescale) ? sums.size() / 4 * 4 : 0;
  const WideRescale rescaled(whole != 0 ? rescale : Rescale{});
  for (std::size_t r = 0; r < whole; r += 4) {
    const std::int64_t* bias = biases.empty() ? nullptr : biases.data() + r;
    store_half(out + r, low_halves(rescaled(multiplied(sums.data() + r, bias, multipliers + r))));
  }
  scalar_kernels().requantise_wide(sums.subspan(whole),
                                   biases.empty() ? biases : biases.subspan(whole),
                                   multipliers + whole, rescale, out + whole);
}

void requantise_narrow(std::span<const std::int64_t> sums, std::span<const std::int64_t> biases,
                       const std::uint32_t* multipliers, Rescale rescale, std::int16_t* out) {
  const std::size_t whole = WideRescale::supports(rescale) ? sums.size() / 8 * 8 : 0;
  const WideRescale rescaled(whole != 0 ? rescale : Rescale{});
  for (std::size_t r = 0; r < whole; r += 8) {
    const std::int64_t* bias = biases.empty() ? nullptr : biases.data() + r;
    const std::int64_t* next = bias == nullptr ? nullptr : bias + 4;
    const __m128i a = low_halves(rescaled(multiplied(sums.data() + r, bias, multipliers + r)));
    const __m128i b =
        low_halves(rescaled(multiplied(sums.data() + r + 4, next, multipliers + r + 4)));
    store_half(out + r, _mm_packs_epi32(a, b));
  }
  scalar_kernels().requantise_narrow(sums.subspan(whole),
                                     biases.empty() ? biases : biases.subspan(whole),
                                     multipliers + whole, rescale, out + whole);
}

void exps(std::span<const std::int32_t> z, std::int32_t maximum, const std::int32_t* table,
          std::int32_t* out) {
  const __m256i top = _mm256_set1_epi32(maximum);
  const __m256i last = _mm256_set1_epi32(static_cast<std::int32_t>(model::kExpEntries - 1));
  std::size_t t = 0;
  for (; t + 8 <= z.size(); t += 8) {
    const __m256i index = _mm256_min_epi32(_mm256_sub_epi32(top, load(z.data() + t)), last);
    store(out + t, _mm256_i32gather_epi32(table, index, 4));
  }
  scalar_kernels().exps(z.subspan(t), maximum, table, out + t);
}

std::int32_t maximum(std::span<const std::int32_t> z) {
  std::int32_t best = z.front();
  for (const std::int32_t value : z) best = std::max(best, value);
  return best;
}

std::int64_t sum(std::span<const std::int32_t> e) {
  std::int64_t total = 0;
  for (const std::int32_t value : e) total += value;
  return total;
}

// floor((x + 2^(s-1)) / 2^s) = (x >> s) + bit s-1 of x, which does not overflow.
void narrow(std::span<const std::int32_t> x, Rescale rescale, std::int32_t* out) {
  const std::size_t whole = rescale.shift <= 31 ? x.size() / 8 * 8 : 0;
  const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(rescale.shift));
  const __m128i half = _mm_cvtsi32_si128(static_cast<int>(rescale.shift) - 1);
  const __m256i one = _mm256_set1_epi32(1);
  const std::int32_t limit = static_cast<std::int32_t>(model::clamp_bits(1LL << 40, rescale.bits));
  const __m256i highest = _mm256_set1_epi32(limit);
  const __m256i lowest = _mm256_set1_epi32(-limit);
  for (std::size_t i = 0; i < whole; i += 8) {
    const __m256i value = load(x.data() + i);
    const __m256i rounded = _mm256_add_epi32(_mm256_sra_epi32(value, shift),
                                             _mm256_and_si256(_mm256_srl_epi32(value, half), one));
    store(out + i, _mm256_max_epi32(_mm256_min_epi32(rounded, highest), lowest));
  }
  scalar_kernels().narrow(x.subspan(whole), rescale, out + whole);
}

std::int64_t sum_squares(std::span<const std::int32_t> u) {
  __m256i total = _mm256_setzero_si256();
  std::size_t i = 0;
  for (; i + 8 <= u.size(); i += 8) {
    const __m256i even = load(u.data() + i);
    const __m256i odd = _mm256_srli_epi64(even, 32);
    total = _mm256_add_epi64(
        total, _mm256_add_epi64(_mm256_mul_epi32(even, even), _mm256_mul_epi32(odd, odd)));
  }
  alignas(32) std::int64_t four[4];
  store(four, total);
  return four[0] + four[1] + four[2] + four[3] + scalar_kernels().sum_squares(u.subspan(i));
}

void store_narrow(std::int16_t* out, __m256i a, __m256i b) {
  store_half(out, _mm_packs_epi32(low_halves(a), low_halves(b)));
}

// |x| < 2^19 and r <= 2^40, cut at bit 20.
void scale_narrowed(std::span<const std::int32_t> x, std::int64_t r, Rescale rescale,
                    std::int16_t* out) {
  const std::size_t whole = WideRescale::supports(rescale) ? x.size() / 8 * 8 : 0;
  const WideRescale rescaled(whole != 0 ? rescale : Rescale{});
  const __m256i high = _mm256_set1_epi64x(r >> 20);
  const __m256i low = _mm256_set1_epi64x(r & 0xFFFFF);
  const auto four = [&](std::size_t i) {
    const __m256i value = _mm256_cvtepi32_epi64(load_half(x.data() + i));
    return rescaled(_mm256_add_epi64(_mm256_slli_epi64(_mm256_mul_epi32(value, high), 20),
                                     _mm256_mul_epi32(value, low)));
  };
  for (std::size_t i = 0; i < whole; i += 8) store_narrow(out + i, four(i), four(i + 4));
  scalar_kernels().scale_narrowed(x.subspan(whole), r, rescale, out + whole);
}

// |x| < 2^52, cut at bit 26, and r <= 2^24.
void scale_mixed(std::span<const std::int64_t> x, std::int64_t r, Rescale rescale,
                 std::int16_t* out) {
  const std::size_t whole = WideRescale::supports(rescale) ? x.size() / 8 * 8 : 0;
  const WideRescale rescaled(whole != 0 ? rescale : Rescale{});
  const std::int64_t lift = std::int64_t{1} << 53;
  const __m256i factor = _mm256_set1_epi64x(r);
  const auto four = [&](std::size_t i) {
    const __m256i value = load(x.data() + i);
    const __m256i lifted = _mm256_add_epi64(value, _mm256_set1_epi64x(lift));
    const __m256i high =
        _mm256_sub_epi64(_mm256_srli_epi64(lifted, 26), _mm256_set1_epi64x(lift >> 26));
    const __m256i low = _mm256_and_si256(value, _mm256_set1_epi64x((1LL << 26) - 1));
    return rescaled(_mm256_add_epi64(_mm256_slli_epi64(_mm256_mul_epi32(high, factor), 26),
                                     _mm256_mul_epu32(low, factor)));
  };
  for (std::size_t i = 0; i < whole; i += 8) store_narrow(out + i, four(i), four(i + 4));
  scalar_kernels().scale_mixed(x.subspan(whole), r, rescale, out + whole);
}

void add(std::span<const std::int32_t> x, const std::int32_t* y, std::int32_t* out) {
  const __m256i highest = _mm256_set1_epi32(0x7FFFFFFF);
  const __m256i lowest = _mm256_set1_epi32(-0x7FFFFFFF);
  std::size_t i = 0;
  for (; i + 8 <= x.size(); i += 8) {
    const __m256i a = load(x.data() + i);
    const __m256i b = load(y + i);
    const __m256i s = _mm256_add_epi32(a, b);
    // The sum overflowed where its sign is neither summand's; then a's sign says to which side.
    const __m256i overflowed =
        _mm256_srai_epi32(_mm256_and_si256(_mm256_xor_si256(a, s), _mm256_xor_si256(b, s)), 31);
    const __m256i limit = _mm256_xor_si256(_mm256_srai_epi32(a, 31), highest);
    store(out + i, _mm256_max_epi32(_mm256_blendv_epi8(s, limit, overflowed), lowest));
  }
  scalar_kernels().add(x.subspan(i), y + i, out + i);
}

void multiply(std::span<const std::int16_t> x, const std::int16_t* y, Rescale rescale,
              std::int16_t* out) {
  const bool fits = rescale.shift <= 30 && rescale.bits == model::kActivationBits;
  const std::size_t whole = fits ? x.size() / 16 * 16 : 0;
  const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(rescale.shift));
  const __m256i half = _mm256_set1_epi32(whole != 0 ? 1 << (rescale.shift - 1) : 0);
  const __m256i lowest = _mm256_set1_epi16(-model::kActivationMax);
  for (std::size_t i = 0; i < whole; i += 16) {
    const __m256i a = load(x.data() + i);
    const __m256i b = load(y + i);
    const __m256i low = _mm256_mullo_epi16(a, b);
    const __m256i high = _mm256_mulhi_epi16(a, b);
    const auto rescaled = [&](__m256i product) {
      return _mm256_sra_epi32(_mm256_add_epi32(product, half), shift);
    };
    const __m256i packed = _mm256_packs_epi32(rescaled(_mm256_unpacklo_epi16(low, high)),
                                              rescaled(_mm256_unpackhi_epi16(low, high)));
    store(out + i, _mm256_max_epi16(packed, lowest));
  }
  scalar_kernels().multiply(x.subspan(whole), y + whole, rescale, out + whole);
}

void rope_pairs(std::span<const std::int16_t> x, const std::int16_t* turns, std::int16_t* out) {
  const __m256i half = _mm256_set1_epi32(1 << (model::kRopeFraction - 1));
  const __m256i highest = _mm256_set1_epi32(model::kActivationMax);
  const __m256i lowest = _mm256_set1_epi32(-model::kActivationMax);
  const __m256i signs = _mm256_set1_epi32(static_cast<std::int32_t>(0xFFFF0001));
  const auto rescaled = [&](__m256i sum) {
    const __m256i y = _mm256_srai_epi32(_mm256_add_epi32(sum, half), model::kRopeFraction);
    return _mm256_max_epi32(_mm256_min_epi32(y, highest), lowest);
  };
  std::size_t i = 0;
  for (; i + 16 <= x.size(); i += 16) {
    const __m256i value = load(x.data() + i);
    const __m256i turn = load(turns + i);
    const __m256i swapped =
        _mm256_or_si256(_mm256_slli_epi32(turn, 16), _mm256_srli_epi32(turn, 16));
    // (x0, x1) . (cos, -sin) and (x0, x1) . (sin, cos)
    const __m256i first = rescaled(_mm256_madd_epi16(value, _mm256_sign_epi16(turn, signs)));
    const __m256i second = rescaled(_mm256_madd_epi16(value, swapped));
    store(out + i, _mm256_blend_epi16(first, _mm256_slli_epi32(second, 16), 0xAA));
  }
  scalar_kernels().rope_pairs(x.subspan(i), turns + i, out + i);
}

}  // namespace
}  // namespace avx2

const Kernels& avx2_kernels() {
  static const Kernels kernels{
      .name = "avx2",
      .products = avx2::products,
      .grouped_products = avx2::grouped_products,
      .product_burst = avx2::product_burst,
      .requantise_narrow = avx2::requantise_narrow,
      .requantise_wide = avx2::requantise_wide,
      .scores = avx2::scores,
      .exps = avx2::exps,
      .maximum = avx2::maximum,
      .sum = avx2::sum,
      .mix = avx2::mix,
      .narrow = avx2::narrow,
      .sum_squares = avx2::sum_squares,
      .scale_narrowed = avx2::scale_narrowed,
      .scale_mixed = avx2::scale_mixed,
      .add = avx2::add,
      .multiply = avx2::multiply,
      .rope_pairs = avx2::rope_pairs,
  };
  return kernels;
}

const Kernels& avx512_kernels() {
  static const Kernels kernels = [] {
    Kernels made = avx2_kernels();
    made.name = "avx512";
    made.products = avx512::products;
    made.grouped_products = avx512::grouped_products;
    made.product_burst = avx512::product_burst;
    return made;
  }();
  return kernels;
}

}  // namespace imo::engine
