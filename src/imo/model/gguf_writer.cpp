#include "imo/model/gguf_writer.hpp"

#include "imo/base/check.hpp"

#include <bit>

namespace imo::model {
namespace {

template <typename Integer>
void put(Bytes& out, Integer value) {
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
}

void put_u32(Bytes& out, std::uint32_t value) {
  put(out, value);
}
void put_u64(Bytes& out, std::uint64_t value) {
  put(out, value);
}

void put_string(Bytes& out, std::string_view text) {
  put_u64(out, text.size());
  append(out, as_bytes(text));
}

void put_type(Bytes& out, GgufValueType type) {
  put_u32(out, static_cast<std::uint32_t>(type));
}

std::uint64_t aligned(std::uint64_t size) {
  constexpr std::uint64_t kAlignment = GgufWriter::kAlignment;
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

void pad(Bytes& out) {
  out.resize(aligned(out.size()));
}

void put_array_head(Bytes& out, std::string_view key, GgufValueType type, std::size_t count) {
  put_string(out, key);
  put_type(out, GgufValueType::kArray);
  put_type(out, type);
  put_u64(out, count);
}

}  // namespace

void GgufWriter::add_uint32(std::string_view key, std::uint32_t value) {
  put_string(metadata_, key);
  put_type(metadata_, GgufValueType::kUint32);
  put_u32(metadata_, value);
  ++metadata_count_;
}

void GgufWriter::add_float32(std::string_view key, float value) {
  put_string(metadata_, key);
  put_type(metadata_, GgufValueType::kFloat32);
  put_u32(metadata_, std::bit_cast<std::uint32_t>(value));
  ++metadata_count_;
}

void GgufWriter::add_bool(std::string_view key, bool value) {
  put_string(metadata_, key);
  put_type(metadata_, GgufValueType::kBool);
  metadata_.push_back(value ? 1 : 0);
  ++metadata_count_;
}

void GgufWriter::add_string(std::string_view key, std::string_view value) {
  put_string(metadata_, key);
  put_type(metadata_, GgufValueType::kString);
  put_string(metadata_, value);
  ++metadata_count_;
}

void GgufWriter::add_strings(std::string_view key, std::span<const std::string> values) {
  put_array_head(metadata_, key, GgufValueType::kString, values.size());
  for (const std::string& value : values) put_string(metadata_, value);
  ++metadata_count_;
}

void GgufWriter::add_floats(std::string_view key, std::span<const float> values) {
  put_array_head(metadata_, key, GgufValueType::kFloat32, values.size());
  for (const float value : values) put_u32(metadata_, std::bit_cast<std::uint32_t>(value));
  ++metadata_count_;
}

void GgufWriter::add_int32s(std::string_view key, std::span<const std::int32_t> values) {
  put_array_head(metadata_, key, GgufValueType::kInt32, values.size());
  for (const std::int32_t value : values) put_u32(metadata_, static_cast<std::uint32_t>(value));
  ++metadata_count_;
}

void GgufWriter::add_tensor(std::string_view name, TensorType type,
                            std::span<const std::uint64_t> dimensions, Bytes data) {
  declare_tensor(name, type, dimensions);
  IMO_CHECK(data.size() == tensors_.back().size,
            "the data does not have the size that the dimensions say");
  tensors_.back().data = std::move(data);
}

void GgufWriter::declare_tensor(std::string_view name, TensorType type,
                                std::span<const std::uint64_t> dimensions) {
  const TensorTypeTraits traits = tensor_type_traits(type);
  std::uint64_t values = 1;
  for (const std::uint64_t dimension : dimensions) values *= dimension;
  IMO_CHECK(!dimensions.empty() && dimensions.size() <= 4, "a tensor has 1 to 4 dimensions");
  IMO_CHECK(dimensions[0] % traits.block_values == 0, "a row is not a whole number of blocks");
  tensors_.push_back({std::string(name),
                      type,
                      {dimensions.begin(), dimensions.end()},
                      values / traits.block_values * traits.block_bytes,
                      {}});
}

void GgufWriter::add_tensor_f32(std::string_view name, std::span<const std::uint64_t> dimensions,
                                std::span<const float> values) {
  Bytes data;
  data.reserve(4 * values.size());
  for (const float value : values) put_u32(data, std::bit_cast<std::uint32_t>(value));
  add_tensor(name, TensorType::kF32, dimensions, std::move(data));
}

Bytes GgufWriter::head() const {
  Bytes out;
  append(out, as_bytes("GGUF"));
  put_u32(out, 3);
  put_u64(out, tensors_.size());
  put_u64(out, metadata_count_);
  append(out, metadata_);
  std::uint64_t offset = 0;
  for (const Tensor& tensor : tensors_) {
    put_string(out, tensor.name);
    put_u32(out, static_cast<std::uint32_t>(tensor.dimensions.size()));
    for (const std::uint64_t dimension : tensor.dimensions) put_u64(out, dimension);
    put_u32(out, static_cast<std::uint32_t>(tensor.type));
    put_u64(out, offset);
    offset += aligned(tensor.size);
  }
  pad(out);
  return out;
}

Bytes GgufWriter::finish() const {
  Bytes out = head();
  for (const Tensor& tensor : tensors_) {
    IMO_CHECK(tensor.data.size() == tensor.size, "a tensor was declared and has no data");
    append(out, tensor.data);
    pad(out);
  }
  return out;
}

}  // namespace imo::model
