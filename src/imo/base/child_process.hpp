/// Programs run as children: started without a shell, and never left behind.
#pragma once

#include "imo/base/file_descriptor.hpp"
#include "imo/base/result.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace imo {

/// The program called `name`: itself when it has a slash, else the first executable of that name
/// in PATH.
std::optional<std::filesystem::path> find_program(std::string_view name);

/// Where a child's standard output and standard error go; standard input is always empty.
enum class ChildOutput {
  kInherit,  ///< where ours go
  kDiscard,  ///< nowhere
  kFile,     ///< both into ChildOptions::log_file, which is made anew
  kPipe,     ///< to us: read_line() and read_all()
};

struct ChildOptions {
  ChildOutput output = ChildOutput::kDiscard;
  std::filesystem::path log_file;
  std::filesystem::path working_directory;                       ///< ours when empty
  std::vector<std::pair<std::string, std::string>> environment;  ///< added to ours, or in its place
};

/// How a child ended.
struct ExitStatus {
  int code = 0;    ///< what it returned, when `signal` is 0
  int signal = 0;  ///< what killed it, or 0

  [[nodiscard]] bool success() const { return code == 0 && signal == 0; }
  /// `exit code 3`, `signal 9 (Killed)`.
  [[nodiscard]] std::string describe() const;
};

/// One running child, leader of its own process group. It ends with its owner: on destruction the
/// group gets SIGTERM and after a grace period SIGKILL, and when the thread that started it dies in
/// any way, kill -9 included, the kernel kills the child (PR_SET_PDEATHSIG). So start long-lived
/// children from a thread that lives as long as they shall. Not for use by two threads at once.
class ChildProcess {
 public:
  /// Runs `arguments[0]`, looked up in PATH, with the arguments after it. A program that cannot be
  /// started is an error here, not an exit code later.
  static Result<ChildProcess> spawn(const std::vector<std::string>& arguments,
                                    const ChildOptions& options = {});

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool running();
  /// kTimeout when it still runs after `timeout`; may be called again.
  Result<ExitStatus> wait(std::chrono::milliseconds timeout);
  /// SIGTERM, and SIGKILL when it has not ended within `grace`. Does nothing to one that ended.
  void terminate(std::chrono::milliseconds grace = std::chrono::milliseconds(3000));

  /// With kPipe: the next line (at most 1 MiB) of output or error output, without its newline.
  /// kTimeout when none came in time, kNotFound at the end of the output.
  Result<std::string> read_line(std::chrono::milliseconds timeout);
  /// With kPipe: everything to the end of the output, at most `max_size` bytes.
  Result<std::string> read_all(std::size_t max_size, std::chrono::milliseconds timeout);

 private:
  static constexpr std::size_t kMaxLine = 1 << 20;

  ChildProcess(pid_t pid, FileDescriptor pipe);
  [[nodiscard]] bool ended() const;
  [[nodiscard]] ExitStatus reap() const;
  Result<bool> fill(std::chrono::steady_clock::time_point deadline);

  pid_t pid_ = -1;
  FileDescriptor pipe_;
  std::string pending_;
  std::optional<ExitStatus> status_;
};

/// What a short program printed and how it ended.
struct CommandOutput {
  ExitStatus status;
  std::string text;  ///< standard output and standard error, as they came
};

/// Runs a program to its end, reading at most 16 MiB of output; kTimeout, and the child killed,
/// when it takes longer than `timeout`.
Result<CommandOutput> run_command(const std::vector<std::string>& arguments,
                                  std::chrono::milliseconds timeout,
                                  const ChildOptions& options = {});

}  // namespace imo
