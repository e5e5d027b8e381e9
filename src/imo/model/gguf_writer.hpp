/// Writes GGUF version 3, little-endian: for models made here, and for the tests of the reader.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/model/gguf.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace imo::model {

/// Collects metadata and tensors, in order, then gives the bytes of the file.
class GgufWriter {
 public:
  void add_uint32(std::string_view key, std::uint32_t value);
  void add_float32(std::string_view key, float value);
  void add_bool(std::string_view key, bool value);
  void add_string(std::string_view key, std::string_view value);
  void add_strings(std::string_view key, std::span<const std::string> values);
  void add_floats(std::string_view key, std::span<const float> values);
  void add_int32s(std::string_view key, std::span<const std::int32_t> values);

  /// `data` holds the blocks of `dimensions` (the first runs fastest) in the format `type`.
  void add_tensor(std::string_view name, TensorType type, std::span<const std::uint64_t> dimensions,
                  Bytes data);

  /// As add_tensor, from floats, as F32.
  void add_tensor_f32(std::string_view name, std::span<const std::uint64_t> dimensions,
                      std::span<const float> values);

  /// As add_tensor, for a file whose data the caller writes behind head() himself: all tensors in
  /// order, each filled up with zeros to a multiple of kAlignment.
  void declare_tensor(std::string_view name, TensorType type,
                      std::span<const std::uint64_t> dimensions);

  /// The file up to the data of its first tensor.
  [[nodiscard]] Bytes head() const;

  /// The whole file. Every tensor has its data.
  [[nodiscard]] Bytes finish() const;

  static constexpr std::size_t kAlignment = 32;

 private:
  struct Tensor {
    std::string name;
    TensorType type;
    std::vector<std::uint64_t> dimensions;
    std::uint64_t size;  ///< bytes of its data
    Bytes data;          ///< empty when only declared
  };

  Bytes metadata_;
  std::uint64_t metadata_count_ = 0;
  std::vector<Tensor> tensors_;
};

}  // namespace imo::model
