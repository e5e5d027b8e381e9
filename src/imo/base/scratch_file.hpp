/// A file without a name, for results that are larger than memory should hold.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/file_descriptor.hpp"
#include "imo/base/mapped_file.hpp"
#include "imo/base/result.hpp"

#include <cstdint>
#include <filesystem>

namespace imo {

/// Written piece by piece, then read as memory. The system forgets it with its last mapping.
class ScratchFile {
 public:
  /// Where every piece begins at a multiple of.
  static constexpr std::size_t kAlignment = 64;

  /// In `folder`, which must exist; empty: the system's temporary one.
  static Result<ScratchFile> create(const std::filesystem::path& folder = {});

  /// Returns the offset at which the piece lies in the mapping.
  Result<std::uint64_t> append(BytesView piece);

  /// All of it. Nothing is appended afterwards.
  [[nodiscard]] Result<MappedFile> map() const;

 private:
  ScratchFile(FileDescriptor file, std::string place)
      : file_(std::move(file)), place_(std::move(place)) {}

  FileDescriptor file_;
  std::string place_;
  std::uint64_t size_ = 0;
};

}  // namespace imo
