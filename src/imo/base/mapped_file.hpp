/// A whole file as memory, read-only: how models of many gigabytes are read.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/file_descriptor.hpp"
#include "imo/base/result.hpp"

#include <filesystem>
#include <string>

namespace imo {

/// Owns one mmap(2) of a regular file. The bytes stay where they are when the object is moved.
/// Whoever shortens the file while it is mapped gets us a SIGBUS: map files that nobody rewrites
/// in place (write_file_atomic does not).
class MappedFile {
 public:
  /// How the bytes will be read, told to the kernel's read-ahead.
  enum class Access { kAnyOrder, kSequential };

  /// An empty file maps to an empty view. Fails on anything but a readable regular file.
  static Result<MappedFile> open(const std::filesystem::path& path,
                                 Access access = Access::kAnyOrder);
  /// The same of an open file, which may be closed afterwards; `name` is for messages.
  static Result<MappedFile> map(const FileDescriptor& file, const std::string& name,
                                Access access = Access::kAnyOrder);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  /// Valid as long as this object, or the one it was moved into, lives.
  [[nodiscard]] BytesView bytes() const { return bytes_; }

  /// Says that `part` (of bytes()) is not needed at the moment: its pages no longer count as this
  /// process's memory. Reading it again is right, and brings them back.
  void release(BytesView part) const;

 private:
  explicit MappedFile(BytesView bytes) : bytes_(bytes) {}

  BytesView bytes_;
};

}  // namespace imo
