#include "imo/base/file_descriptor.hpp"

#include <cerrno>
#include <system_error>

#include <unistd.h>

namespace imo {

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void FileDescriptor::close() noexcept {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

tl::unexpected<Error> system_error(std::string what) {
  const int code = errno;
  const ErrorKind kind = code == ENOENT ? ErrorKind::kNotFound : ErrorKind::kIo;
  return fail(kind, std::move(what) + ": " + std::generic_category().message(code));
}

Result<void> write_all(int fd, BytesView content, const std::string& name) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error("cannot write " + name);
    content = content.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace imo
