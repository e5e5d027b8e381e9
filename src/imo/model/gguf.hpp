/// Reads GGUF files, versions 2 and 3, little-endian, mapped into memory.
///
/// Everything is checked before it is used: a file that lies gets one error that names the field
/// and its offset in the file. No number of the file decides an allocation before the file has
/// been shown to be long enough for it.
///
/// Source: the GGUF specification (ggml-org/ggml, docs/gguf.md).
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/mapped_file.hpp"
#include "imo/base/result.hpp"
#include "imo/model/source_tensor.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace imo::model {

/// The types of a metadata value; the values are the numbers in the file.
enum class GgufValueType : std::uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

/// One metadata entry. Its bytes have been walked: they hold what type and count promise.
struct GgufValue {
  std::string_view key;
  GgufValueType type{};  ///< of the value, or of the elements when it is an array
  bool is_array = false;
  std::uint64_t count = 1;   ///< elements
  std::uint64_t offset = 0;  ///< of `bytes` in the file
  BytesView bytes;           ///< the elements as the file has them, one after the other
};

/// A checked file. Copies share the mapping; views stay valid while any copy lives.
class GgufFile {
 public:
  /// Maps and checks the file at `path`.
  static Result<GgufFile> open(const std::filesystem::path& path);

  /// Checks bytes that the caller keeps alive as long as the result and its copies.
  static Result<GgufFile> parse(BytesView bytes);

  [[nodiscard]] std::uint32_t version() const { return version_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// What the views point into; null when parse() was given the bytes.
  [[nodiscard]] const std::shared_ptr<const MappedFile>& mapping() const { return mapped_; }

  /// In the order of the file.
  [[nodiscard]] const std::vector<GgufValue>& metadata() const { return metadata_; }
  [[nodiscard]] const std::vector<SourceTensor>& tensors() const { return tensors_; }

  /// Null when there is no such key or tensor.
  [[nodiscard]] const GgufValue* find(std::string_view key) const;
  [[nodiscard]] const SourceTensor* find_tensor(std::string_view name) const;

  // Typed access. Each fails when the key is missing or its value is of another kind; integers of
  // any width and sign are accepted where the value fits.
  [[nodiscard]] Result<std::uint64_t> unsigned_value(std::string_view key) const;
  [[nodiscard]] Result<double> real_value(std::string_view key) const;
  [[nodiscard]] Result<bool> bool_value(std::string_view key) const;
  [[nodiscard]] Result<std::string_view> string_value(std::string_view key) const;
  [[nodiscard]] Result<std::vector<std::string_view>> string_array(std::string_view key) const;
  [[nodiscard]] Result<std::vector<float>> float_array(std::string_view key) const;
  [[nodiscard]] Result<std::vector<std::int64_t>> integer_array(std::string_view key) const;

  // The same with a default for a missing key; a value of another kind still fails.
  [[nodiscard]] Result<std::uint64_t> unsigned_or(std::string_view key, std::uint64_t other) const;
  [[nodiscard]] Result<double> real_or(std::string_view key, double other) const;
  [[nodiscard]] Result<bool> bool_or(std::string_view key, bool other) const;
  [[nodiscard]] Result<std::string_view> string_or(std::string_view key,
                                                   std::string_view other) const;

 private:
  friend class GgufParser;

  std::shared_ptr<const MappedFile> mapped_;  ///< null when the bytes are the caller's
  std::uint32_t version_ = 0;
  std::uint64_t size_ = 0;
  std::vector<GgufValue> metadata_;
  std::vector<SourceTensor> tensors_;
  std::vector<std::uint32_t> metadata_by_key_;  ///< indices, ordered by key
  std::vector<std::uint32_t> tensors_by_name_;  ///< indices, ordered by name
};

}  // namespace imo::model
