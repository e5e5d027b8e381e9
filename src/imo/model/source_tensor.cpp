#include "imo/model/source_tensor.hpp"

#include "imo/base/check.hpp"

#include <cmath>

#include <fmt/format.h>

namespace imo::model {

BytesView SourceTensor::row(std::uint64_t index) const {
  const std::size_t stride = bytes.size() / rows();
  IMO_CHECK(index < rows(), "row outside the tensor");
  if (turned_heads != 0) {
    const std::uint64_t length = rows() / turned_heads;
    const std::uint64_t within = index % length;
    index += (within % 2) * (length / 2) + within / 2 - within;
  }
  return bytes.subspan(index * stride, stride);
}

Result<void> read_row(const SourceTensor& tensor, std::uint64_t index, std::span<float> out) {
  const BytesView row = tensor.row(index);
  dequantize_row(tensor.type, row, out);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (std::isfinite(out[i])) continue;
    const TensorTypeTraits traits = tensor_type_traits(tensor.type);
    const auto offset = static_cast<std::uint64_t>(row.data() - tensor.bytes.data()) +
                        i / traits.block_values * traits.block_bytes;
    return invalid(fmt::format(
        "tensor '{}' row {} column {} is {} (offset {}); the model is damaged", tensor.name, index,
        i, std::isnan(out[i]) ? "NaN" : "infinite", tensor.offset + offset));
  }
  return {};
}

Result<std::vector<float>> read_tensor(const SourceTensor& tensor) {
  const std::size_t columns = tensor.columns();
  std::vector<float> values(tensor.rows() * columns);
  for (std::uint64_t i = 0; i < tensor.rows(); ++i) {
    IMO_TRY_VOID(read_row(tensor, i, std::span(values).subspan(i * columns, columns)));
  }
  return values;
}

}  // namespace imo::model
