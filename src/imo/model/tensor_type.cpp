#include "imo/model/tensor_type.hpp"

#include "imo/base/check.hpp"
#include "imo/model/little_endian.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace imo::model {
namespace {

// Elements of a K-quant block; its scales are packed at 6 or 8 bits.
constexpr std::size_t kSuperBlock = 256;

float load_half(const std::uint8_t* p) {
  return half_to_float(load_u16(p));
}

float load_f32(const std::uint8_t* p) {
  return std::bit_cast<float>(load_u32(p));
}

int as_int8(std::uint8_t byte) {
  return static_cast<std::int8_t>(byte);
}

// Layout: half d; 32 x int8. Value: d * q.
void block_q8_0(const std::uint8_t* p, float* out) {
  // In vectors because it is what calibration spends its time on.
  using Bytes8 = std::int8_t __attribute__((vector_size(8)));
  using Integers = std::int32_t __attribute__((vector_size(32)));
  using Floats = float __attribute__((vector_size(32)));
  const float d = load_half(p);
  for (std::size_t i = 0; i < 32; i += sizeof(Bytes8)) {
    Bytes8 q;
    std::memcpy(&q, p + 2 + i, sizeof q);
    const Floats values = d * __builtin_convertvector(__builtin_convertvector(q, Integers), Floats);
    std::memcpy(out + i, &values, sizeof values);
  }
}

// Layout: half d; 16 bytes, the low nibbles first. Value: d * (q - 8).
void block_q4_0(const std::uint8_t* p, float* out) {
  const float d = load_half(p);
  for (std::size_t i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>((p[2 + i] & 15) - 8);
    out[i + 16] = d * static_cast<float>((p[2 + i] >> 4) - 8);
  }
}

// Eight 6-bit scales and eight 6-bit minima in 12 bytes: the first four of each lie whole in
// bytes 0..3 and 4..7, whose two top bits complete the nibbles of bytes 8..11.
struct ScaleAndMin {
  int scale;
  int min;
};

ScaleAndMin q4_k_scale(const std::uint8_t* packed, std::size_t j) {
  if (j < 4) return {packed[j] & 63, packed[j + 4] & 63};
  return {(packed[j + 4] & 15) | ((packed[j - 4] >> 6) << 4),
          (packed[j + 4] >> 4) | ((packed[j] >> 6) << 4)};
}

// Layout: half d, half dmin; 12 bytes of scales; 128 bytes of nibbles, 32 bytes for each pair of
// sub-blocks of 32. Value: d * scale * q - dmin * min.
void block_q4_k(const std::uint8_t* p, float* out) {
  const float d = load_half(p);
  const float dmin = load_half(p + 2);
  const std::uint8_t* scales = p + 4;
  const std::uint8_t* nibbles = p + 16;
  for (std::size_t pair = 0; pair < 4; ++pair) {
    const ScaleAndMin low = q4_k_scale(scales, 2 * pair);
    const ScaleAndMin high = q4_k_scale(scales, 2 * pair + 1);
    const float low_d = d * static_cast<float>(low.scale);
    const float low_m = dmin * static_cast<float>(low.min);
    const float high_d = d * static_cast<float>(high.scale);
    const float high_m = dmin * static_cast<float>(high.min);
    for (std::size_t i = 0; i < 32; ++i) {
      const std::uint8_t byte = nibbles[32 * pair + i];
      out[64 * pair + i] = low_d * static_cast<float>(byte & 15) - low_m;
      out[64 * pair + 32 + i] = high_d * static_cast<float>(byte >> 4) - high_m;
    }
  }
}

// Layout: 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 x int8 scales, half d; in two
// halves of 128 values. Value: d * scale * (q - 32), one scale for 16 values.
void block_q6_k(const std::uint8_t* p, float* out) {
  const float d = load_half(p + 208);
  for (std::size_t half = 0; half < 2; ++half) {
    const std::uint8_t* low = p + 64 * half;
    const std::uint8_t* high = p + 128 + 32 * half;
    const std::uint8_t* scales = p + 192 + 8 * half;
    float* to = out + 128 * half;
    for (std::size_t i = 0; i < 32; ++i) {
      for (std::size_t quarter = 0; quarter < 4; ++quarter) {
        const std::uint8_t byte = low[32 * (quarter % 2) + i];
        const int nibble = quarter < 2 ? byte & 15 : byte >> 4;
        const int top = (high[i] >> (2 * quarter)) & 3;
        const int scale = as_int8(scales[2 * quarter + i / 16]);
        to[32 * quarter + i] =
            d * static_cast<float>(scale) * static_cast<float>((nibble | (top << 4)) - 32);
      }
    }
  }
}

void block_one(TensorType type, const std::uint8_t* p, float* out) {
  switch (type) {
    case TensorType::kF32:
      *out = load_f32(p);
      return;
    case TensorType::kF16:
      *out = load_half(p);
      return;
    case TensorType::kBF16:
      *out = std::bit_cast<float>(std::uint32_t{load_u16(p)} << 16);
      return;
    case TensorType::kQ8_0:
      block_q8_0(p, out);
      return;
    case TensorType::kQ4_0:
      block_q4_0(p, out);
      return;
    case TensorType::kQ4_K:
      block_q4_k(p, out);
      return;
    case TensorType::kQ6_K:
      block_q6_k(p, out);
      return;
  }
}

}  // namespace

std::optional<TensorTypeTraits> tensor_type_traits(std::uint32_t type) {
  switch (static_cast<TensorType>(type)) {
    case TensorType::kF32:
      return TensorTypeTraits{"F32", 1, 4};
    case TensorType::kF16:
      return TensorTypeTraits{"F16", 1, 2};
    case TensorType::kBF16:
      return TensorTypeTraits{"BF16", 1, 2};
    case TensorType::kQ8_0:
      return TensorTypeTraits{"Q8_0", 32, 34};
    case TensorType::kQ4_0:
      return TensorTypeTraits{"Q4_0", 32, 18};
    case TensorType::kQ4_K:
      return TensorTypeTraits{"Q4_K", kSuperBlock, 144};
    case TensorType::kQ6_K:
      return TensorTypeTraits{"Q6_K", kSuperBlock, 210};
  }
  return std::nullopt;
}

TensorTypeTraits tensor_type_traits(TensorType type) {
  const auto traits = tensor_type_traits(static_cast<std::uint32_t>(type));
  IMO_CHECK(traits.has_value(), "a TensorType that imo does not read");
  return *traits;
}

float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t{half & 0x8000U} << 16;
  const std::uint32_t exponent = (half >> 10) & 31;
  const std::uint32_t fraction = half & 1023;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000U | (fraction << 13));
  if (exponent == 0) {  // zero or subnormal: fraction * 2^-24, exact in single precision
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
}

std::uint16_t float_to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) return static_cast<std::uint16_t>(sign | 0x7E00U);
  if (magnitude >= 0x477FF000U) return static_cast<std::uint16_t>(sign | 0x7C00U);
  if (magnitude < 0x38800000U) {
    // Subnormal: adding 0.5 puts the unit of the sum's last place at 2^-24, so the addition
    // itself rounds to nearest even.
    const float sum = std::bit_cast<float>(magnitude) + 0.5F;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(sum) - 0x3F000000U));
  }
  const std::uint32_t odd = (magnitude >> 13) & 1;
  return static_cast<std::uint16_t>(sign | ((magnitude - 0x38000000U + 0xFFFU + odd) >> 13));
}

namespace {

void group_q4_0(const std::uint8_t* p, SourceGroup& out) {
  out.scale = load_half(p);
  out.offset = 0;
  std::copy_n(p + 2, out.bits.size(), out.bits.begin());
}

// Its number is d * scale * q - dmin * min, with q counted from 0.
void groups_q4_k(const std::uint8_t* p, SourceGroup* out) {
  const double d = load_half(p);
  const double dmin = load_half(p + 2);
  for (std::size_t j = 0; j < kSuperBlock / 32; ++j) {
    const ScaleAndMin packed = q4_k_scale(p + 4, j);
    out[j].scale = d * packed.scale;
    out[j].offset = 8 * out[j].scale - dmin * packed.min;
    const std::uint8_t* pairs = p + 16 + 32 * (j / 2);
    const unsigned half = 4 * (j % 2);
    for (std::size_t i = 0; i < out[j].bits.size(); ++i) {
      const auto low = (pairs[i] >> half) & 15;
      const auto high = (pairs[i + 16] >> half) & 15;
      out[j].bits[i] = static_cast<std::uint8_t>(low | high << 4);
    }
  }
}

}  // namespace

bool has_groups(TensorType type) {
  return type == TensorType::kQ4_0 || type == TensorType::kQ4_K;
}

void read_groups(TensorType type, BytesView row, std::span<SourceGroup> out) {
  IMO_CHECK(has_groups(type), "a format without groups of 32");
  const TensorTypeTraits traits = tensor_type_traits(type);
  const std::size_t of_block = traits.block_values / 32;
  IMO_CHECK(row.size() * of_block == out.size() * traits.block_bytes, "a row of another length");
  for (std::size_t i = 0; i < out.size(); i += of_block) {
    const std::uint8_t* block = row.data() + i / of_block * traits.block_bytes;
    type == TensorType::kQ4_0 ? group_q4_0(block, out[i]) : groups_q4_k(block, &out[i]);
  }
}

void dequantize_row(TensorType type, BytesView row, std::span<float> out) {
  const TensorTypeTraits traits = tensor_type_traits(type);
  IMO_CHECK(out.size() % traits.block_values == 0, "a row is not a whole number of blocks");
  const std::size_t blocks = out.size() / traits.block_values;
  IMO_CHECK(row.size() == blocks * traits.block_bytes, "a row has the wrong number of bytes");
  for (std::size_t b = 0; b < blocks; ++b) {
    block_one(type, row.data() + b * traits.block_bytes, out.data() + b * traits.block_values);
  }
}

}  // namespace imo::model
