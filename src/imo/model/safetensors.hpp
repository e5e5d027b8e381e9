/// Reads safetensors files, mapped into memory.
///
/// Everything is checked before it is used, as in gguf.hpp: a header that lies about names, types,
/// shapes or places gets one error that names the tensor, and no number of the file decides an
/// allocation.
///
/// Source: the format's description (huggingface/safetensors, README, "Format").
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/mapped_file.hpp"
#include "imo/base/result.hpp"
#include "imo/model/source_tensor.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace imo::model {

/// A checked file. Copies share names and mapping; views stay valid while any copy lives.
class SafetensorsFile {
 public:
  /// Headers beyond this are refused, as the format's own reader does.
  static constexpr std::uint64_t kLongestHeader = 100'000'000;
  /// Nor tensors of more values, so that sizes in bytes cannot wrap.
  static constexpr std::uint64_t kMostValues = std::uint64_t{1} << 48;

  /// Maps and checks the file at `path`.
  static Result<SafetensorsFile> open(const std::filesystem::path& path);

  /// Checks bytes that the caller keeps alive as long as the result and its copies.
  static Result<SafetensorsFile> parse(BytesView bytes);

  /// In the order of the names.
  [[nodiscard]] std::vector<std::string_view> names() const;

  [[nodiscard]] bool has(std::string_view name) const;
  /// Fails when there is no such tensor, and when its numbers are of a type that is not read.
  [[nodiscard]] Result<SourceTensor> tensor(std::string_view name) const;

  /// What the views point into; null when parse() was given the bytes.
  [[nodiscard]] const std::shared_ptr<const MappedFile>& mapping() const { return mapped_; }

 private:
  struct Entry {
    std::string name;
    std::string type;
    SourceTensor tensor;  ///< its `name` is set when it is asked for: strings move
  };
  class Parser;

  [[nodiscard]] const Entry* find(std::string_view name) const;

  std::shared_ptr<const MappedFile> mapped_;
  std::shared_ptr<const std::vector<Entry>> entries_;  ///< ordered by name
};

}  // namespace imo::model
