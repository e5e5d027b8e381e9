/// Open files, closed when their owner goes, and errors of the operating system.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"

#include <string>
#include <utility>

namespace imo {

/// Owns a file descriptor, or none (-1).
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() { close(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  void close() noexcept;

 private:
  int fd_ = -1;
};

/// `what: <text of errno>`; kNotFound when the file or folder does not exist, else kIo. Call it
/// before anything else changes errno.
tl::unexpected<Error> system_error(std::string what);

/// All of `content` to the open file `fd`; `name` is for messages.
Result<void> write_all(int fd, BytesView content, const std::string& name);

}  // namespace imo
