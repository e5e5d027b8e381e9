#include "imo/base/file.hpp"

#include "imo/base/file_descriptor.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace imo {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// A file beside its future place, gone again unless keep() was called.
class TemporaryFile {
 public:
  static Result<TemporaryFile> create(const fs::path& target) {
    const fs::path folder = folder_of(target);
    std::string name = (folder / ("." + target.filename().string() + ".XXXXXX")).string();
    const int fd = ::mkostemp(name.data(), O_CLOEXEC);
    if (fd < 0) return system_error("cannot make a file in " + folder.string());
    return TemporaryFile(FileDescriptor(fd), std::move(name));
  }

  TemporaryFile(TemporaryFile&& other) noexcept
      : fd_(std::move(other.fd_)), name_(std::exchange(other.name_, {})) {}
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  ~TemporaryFile() {
    if (!name_.empty()) ::unlink(name_.c_str());
  }

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const std::string& name() const { return name_; }
  void keep() { name_.clear(); }

 private:
  TemporaryFile(FileDescriptor fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

  FileDescriptor fd_;
  std::string name_;
};

/// The name of a file is on disk only when its folder is.
Result<void> sync_folder_of(const fs::path& path) {
  const fs::path folder = folder_of(path);
  const FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return system_error("cannot open " + folder.string());
  // Some file systems cannot sync folders and say EINVAL; then there is nothing more to do.
  if (::fsync(fd.get()) != 0 && errno != EINVAL) {
    return system_error("cannot sync " + folder.string());
  }
  return {};
}

Result<TemporaryFile> create_temporary(const fs::path& path, FileMode mode) {
  IMO_TRY(auto temporary, TemporaryFile::create(path));
  if (::fchmod(temporary.fd(), static_cast<mode_t>(mode)) != 0) {
    return system_error("cannot set permissions of " + path.string());
  }
  return temporary;
}

/// Renames a file whose content is complete.
Result<void> put_in_place(TemporaryFile& temporary, const fs::path& path) {
  if (::rename(temporary.name().c_str(), path.c_str()) != 0) {
    return system_error("cannot write " + path.string());
  }
  temporary.keep();
  return sync_folder_of(path);
}

Result<TemporaryFile> write_temporary(const fs::path& path, BytesView content, FileMode mode) {
  IMO_TRY(auto temporary, create_temporary(path, mode));
  IMO_TRY_VOID(write_all(temporary.fd(), content, path.string()));
  if (::fsync(temporary.fd()) != 0) return system_error("cannot sync " + path.string());
  return temporary;
}

tl::unexpected<Error> too_large(const fs::path& path, std::size_t max_size) {
  return invalid(fmt::format("{} is larger than the {} bytes allowed", path.string(), max_size));
}

/// Appends to `content` (a Bytes or a string) until the end of the file.
template <typename Content>
Result<Content> read_whole(const fs::path& path, std::size_t max_size) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return system_error("cannot open " + path.string());
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return system_error("cannot read " + path.string());
  if (S_ISDIR(status.st_mode)) {
    return invalid(path.string() + " is a folder; a file is needed");
  }
  const auto stated = static_cast<std::uint64_t>(std::max<off_t>(status.st_size, 0));
  if (S_ISREG(status.st_mode) && stated > max_size) return too_large(path, max_size);

  // Files of /proc and pipes state no size, so the end is where read() says it is.
  constexpr std::size_t kStep = 64 * 1024;
  Content content;
  std::size_t filled = 0;
  content.resize(std::min(max_size, static_cast<std::size_t>(stated)));
  while (true) {
    if (filled == content.size()) content.resize(filled + kStep);
    const ssize_t got = ::read(fd.get(), content.data() + filled, content.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("cannot read " + path.string());
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
    if (filled > max_size) return too_large(path, max_size);
  }
  content.resize(filled);
  return content;
}

}  // namespace

Result<Bytes> read_file(const fs::path& path, std::size_t max_size) {
  return read_whole<Bytes>(path, max_size);
}

Result<std::string> read_text_file(const fs::path& path, std::size_t max_size) {
  return read_whole<std::string>(path, max_size);
}

Result<void> write_file_atomic(const fs::path& path, BytesView content, FileMode mode) {
  IMO_TRY(auto temporary, write_temporary(path, content, mode));
  return put_in_place(temporary, path);
}

struct FileWriter::State {
  TemporaryFile temporary;
  fs::path path;
};

FileWriter::FileWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
FileWriter::FileWriter(FileWriter&& other) noexcept = default;
FileWriter::~FileWriter() = default;

Result<FileWriter> FileWriter::create(const fs::path& path, FileMode mode) {
  IMO_TRY(auto temporary, create_temporary(path, mode));
  return FileWriter(std::make_unique<State>(State{std::move(temporary), path}));
}

Result<void> FileWriter::append(BytesView piece) {
  return write_all(state_->temporary.fd(), piece, state_->path.string());
}

Result<void> FileWriter::commit() {
  if (::fsync(state_->temporary.fd()) != 0) {
    return system_error("cannot sync " + state_->path.string());
  }
  return put_in_place(state_->temporary, state_->path);
}

Result<void> write_new_file(const fs::path& path, BytesView content, FileMode mode) {
  IMO_TRY(auto temporary, write_temporary(path, content, mode));
  // Unlike rename(2), link(2) fails when the name is taken.
  if (::link(temporary.name().c_str(), path.c_str()) != 0) {
    if (errno == EEXIST) return invalid(path.string() + " exists and is not overwritten");
    return system_error("cannot write " + path.string());
  }
  return sync_folder_of(path);
}

Result<void> make_directories(const fs::path& path, FileMode mode) {
  std::error_code error;
  fs::create_directories(folder_of(path), error);
  if (!error && ::mkdir(path.c_str(), mode == FileMode::kSecret ? 0700 : 0755) != 0 &&
      !fs::is_directory(path, error)) {
    error = std::error_code(errno, std::generic_category());
  }
  if (error) {
    return fail(ErrorKind::kIo,
                fmt::format("cannot make the folder {}: {}", path.string(), error.message()));
  }
  return {};
}

Result<TemporaryDirectory> TemporaryDirectory::create() {
  std::error_code error;
  const fs::path parent = fs::temp_directory_path(error);
  if (error) return fail(ErrorKind::kIo, "no temporary folder: " + error.message());
  std::string name = (parent / "imo-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    return system_error("cannot make a folder in " + parent.string());
  }
  return TemporaryDirectory(fs::path(name));
}

TemporaryDirectory::TemporaryDirectory(TemporaryDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

TemporaryDirectory& TemporaryDirectory::operator=(TemporaryDirectory&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

}  // namespace imo
