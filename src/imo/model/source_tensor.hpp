/// One tensor of a model file, whatever the file's format: rows of numbers, borrowed from it.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/model/tensor_type.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace imo::model {

/// Rows of `columns()` numbers, the columns being the first dimension.
struct SourceTensor {
  std::string_view name;
  TensorType type{};
  std::array<std::uint64_t, 4> dimensions{1, 1, 1, 1};  ///< as in GGUF: [0] runs fastest
  std::uint32_t rank = 0;
  std::uint64_t offset = 0;  ///< of `bytes` in the file
  BytesView bytes;           ///< all rows, borrowed from the mapping
  /// Not 0: rows belong to so many heads, and the file has the first elements of all rotary pairs
  /// of a head before all second ones. row() gives them pair by pair, as GGUF's `llama` has them.
  std::uint32_t turned_heads = 0;

  [[nodiscard]] std::uint64_t columns() const { return dimensions[0]; }
  [[nodiscard]] std::uint64_t rows() const { return dimensions[1] * dimensions[2] * dimensions[3]; }
  /// The bytes of row `index` < rows().
  [[nodiscard]] BytesView row(std::uint64_t index) const;
};

/// Row `index` of `tensor` as floats; `out.size()` == columns(). Fails on NaN and infinity, naming
/// the tensor, the element and its block's offset in the file.
Result<void> read_row(const SourceTensor& tensor, std::uint64_t index, std::span<float> out);

/// All rows of `tensor`, one after the other, checked as read_row does.
Result<std::vector<float>> read_tensor(const SourceTensor& tensor);

}  // namespace imo::model
