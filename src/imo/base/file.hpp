/// Whole files in and out, bounded and atomic.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"

#include <filesystem>
#include <memory>
#include <string>

#include <sys/types.h>

namespace imo {

/// Permissions of what is written: for everybody to read, or for the owner alone (keys, tokens).
enum class FileMode : mode_t { kPublic = 0644, kSecret = 0600 };

/// All of a file of at most `max_size` bytes. The bound is checked before memory is taken, and
/// again while reading, so a growing file or a device cannot exceed it.
Result<Bytes> read_file(const std::filesystem::path& path, std::size_t max_size);

/// As read_file, as text of unchecked encoding.
Result<std::string> read_text_file(const std::filesystem::path& path, std::size_t max_size);

/// Replaces `path` by `content` so that every reader, and a machine that loses power, sees the old
/// file or the new one: a temporary file in the same folder, fsync, rename, fsync of the folder.
/// On failure nothing is left behind. The folder must exist.
Result<void> write_file_atomic(const std::filesystem::path& path, BytesView content,
                               FileMode mode = FileMode::kPublic);

/// As write_file_atomic, but fails with kInvalidInput when `path` exists: for keys, which nothing
/// may overwrite.
Result<void> write_new_file(const std::filesystem::path& path, BytesView content, FileMode mode);

/// write_file_atomic for content that arrives in pieces: nothing is at `path` before commit(), and
/// what was written is removed when the object goes without it.
class FileWriter {
 public:
  static Result<FileWriter> create(const std::filesystem::path& path,
                                   FileMode mode = FileMode::kPublic);

  FileWriter(FileWriter&& other) noexcept;
  FileWriter& operator=(FileWriter&&) = delete;
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;
  ~FileWriter();

  Result<void> append(BytesView piece);
  /// Puts the file into its place; once, and the last thing done with the object.
  Result<void> commit();

 private:
  struct State;
  explicit FileWriter(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

/// Makes `path` and its parents. With kSecret, `path` itself, if it is made here, is 0700.
Result<void> make_directories(const std::filesystem::path& path, FileMode mode = FileMode::kPublic);

/// A fresh folder under the system's temporary directory, removed with all it holds at the end.
class TemporaryDirectory {
 public:
  static Result<TemporaryDirectory> create();

  TemporaryDirectory(TemporaryDirectory&& other) noexcept;
  TemporaryDirectory& operator=(TemporaryDirectory&& other) noexcept;
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit TemporaryDirectory(std::filesystem::path path) : path_(std::move(path)) {}

  std::filesystem::path path_;
};

}  // namespace imo
