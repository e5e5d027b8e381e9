/// How GGUF stores numbers: the block formats, and their way back to float.
///
/// Source: the GGUF specification (ggml-org/ggml, docs/gguf.md) and the block layouts it names.
#pragma once

#include "imo/base/bytes.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace imo::model {

/// The formats imo reads; the values are the numbers in the file.
enum class TensorType : std::uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ8_0 = 8,
  kQ4_K = 12,
  kQ6_K = 14,
  kBF16 = 30,
};

/// A row is a sequence of blocks: `block_values` numbers in `block_bytes` bytes.
struct TensorTypeTraits {
  std::string_view name;
  std::uint32_t block_values;
  std::uint32_t block_bytes;
};

/// The traits of the format numbered `type` in a file; nothing when imo does not read it.
std::optional<TensorTypeTraits> tensor_type_traits(std::uint32_t type);

/// The traits of a format imo reads.
TensorTypeTraits tensor_type_traits(TensorType type);

/// IEEE 754 half precision to single, exactly.
float half_to_float(std::uint16_t half);

/// IEEE 754 single precision to half, to nearest with ties to even; too large becomes infinity.
std::uint16_t float_to_half(float value);

/// Turns the blocks of `row` into `out.size()` floats. `out.size()` is a multiple of the block,
/// and `row` holds exactly that many blocks (checked: a caller's mistake, not the file's).
void dequantize_row(TensorType type, BytesView row, std::span<float> out);

/// 32 numbers of four bits: number j is scale * (bits - 8) + offset, with the bits of j in the low
/// half of byte j and those of j + 16 in its high half.
struct SourceGroup {
  double scale = 0;
  double offset = 0;
  std::array<std::uint8_t, 16> bits{};
};

/// Whether rows of this format are such groups as they stand: Q4_0 and Q4_K.
bool has_groups(TensorType type);

/// The groups of `row`, which holds exactly `out.size()` of them, of a format that has_groups().
void read_groups(TensorType type, BytesView row, std::span<SourceGroup> out);

}  // namespace imo::model
