#include "imo/base/scratch_file.hpp"

#include <array>
#include <cstdlib>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace imo {

Result<ScratchFile> ScratchFile::create(const std::filesystem::path& folder) {
  std::error_code error;
  const auto place = folder.empty() ? std::filesystem::temp_directory_path(error) : folder;
  if (error) return fail(ErrorKind::kIo, "no folder for temporary files: " + error.message());
  std::string name = (place / ".imo-scratch.XXXXXX").string();
  FileDescriptor file(::mkostemp(name.data(), O_CLOEXEC));
  if (!file.valid()) return system_error("cannot make a temporary file in " + place.string());
  ::unlink(name.c_str());  // open files live on without a name
  return ScratchFile(std::move(file), "a temporary file in " + place.string());
}

Result<std::uint64_t> ScratchFile::append(BytesView piece) {
  static constexpr std::array<std::uint8_t, kAlignment> kZeros{};
  const std::uint64_t begin = (size_ + kAlignment - 1) / kAlignment * kAlignment;
  IMO_TRY_VOID(write_all(file_.get(), BytesView(kZeros).first(begin - size_), place_));
  IMO_TRY_VOID(write_all(file_.get(), piece, place_));
  size_ = begin + piece.size();
  return begin;
}

Result<MappedFile> ScratchFile::map() const {
  return MappedFile::map(file_, place_);
}

}  // namespace imo
