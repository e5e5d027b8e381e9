#include "imo/base/mapped_file.hpp"

#include <cstdint>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace imo {

Result<MappedFile> MappedFile::open(const std::filesystem::path& path, Access access) {
  // Without O_NONBLOCK, opening a named pipe would wait for somebody to write to it.
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return system_error("cannot open " + path.string());
  return map(fd, path.string(), access);
}

Result<MappedFile> MappedFile::map(const FileDescriptor& file, const std::string& name,
                                   Access access) {
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return system_error("cannot read " + name);
  if (!S_ISREG(status.st_mode)) return invalid(name + " is not a regular file");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return MappedFile(BytesView{});

  void* const memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (memory == MAP_FAILED) return system_error("cannot map " + name);
  // Only a hint: a kernel that ignores it is as right.
  ::madvise(memory, size, access == Access::kSequential ? MADV_SEQUENTIAL : MADV_NORMAL);
  return MappedFile(BytesView(static_cast<const std::uint8_t*>(memory), size));
}

void MappedFile::release(BytesView part) const {
  if (part.empty()) return;
  static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(part.data());
  const auto first = begin / page * page;
  const auto last = begin + part.size();
  // The mapping is read-only and of a file, so nothing is lost. Only a hint, as above.
  ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::uint8_t*>(bytes_.data()), bytes_.size());
}

}  // namespace imo
