#include "imo/base/child_process.hpp"

#include "imo/base/check.hpp"
#include "imo/base/file_descriptor.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace imo {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

bool is_program(const std::filesystem::path& path) {
  std::error_code ignored;
  return ::access(path.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(path, ignored);
}

/// Pointers to `strings`, closed by a null as exec wants them; borrowed.
std::vector<char*> null_terminated(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& string : strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> environment_with(
    const std::vector<std::pair<std::string, std::string>>& changes) {
  std::vector<std::string> result;
  for (const auto& [name, value] : changes) result.push_back(fmt::format("{}={}", name, value));
  for (char** entry = ::environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string_view name = text.substr(0, text.find('='));
    const bool changed = std::any_of(changes.begin(), changes.end(),
                                     [name](const auto& change) { return change.first == name; });
    if (!changed) result.emplace_back(text);
  }
  return result;
}

struct Pipe {
  FileDescriptor read;
  FileDescriptor write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_error("cannot make a pipe");
  return Pipe{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

/// Everything the child needs, made before fork(): between fork() and exec() of a program with
/// threads only async-signal-safe calls are allowed, so no memory may be taken there.
struct Launch {
  const char* program;
  char* const* arguments;
  char* const* environment;
  const char* directory;  ///< null: ours
  int input;
  int output;  ///< -1: inherited
  int report;  ///< gets errno when something fails; closed by exec
  pid_t parent;
};

[[noreturn]] void become(const Launch& launch) {
  const auto give_up = [&launch] {
    const int code = errno;
    [[maybe_unused]] const ssize_t written = ::write(launch.report, &code, sizeof code);
    ::_exit(127);
  };
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != launch.parent) ::_exit(127);  // the parent died before the line above
  // An ignored SIGPIPE and a blocked signal would survive exec.
  ::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (launch.directory != nullptr && ::chdir(launch.directory) != 0) give_up();
  if (::dup2(launch.input, STDIN_FILENO) < 0) give_up();
  if (launch.output >= 0 &&
      (::dup2(launch.output, STDOUT_FILENO) < 0 || ::dup2(launch.output, STDERR_FILENO) < 0)) {
    give_up();
  }
  ::execve(launch.program, launch.arguments, launch.environment);
  give_up();
  ::_exit(127);
}

/// Waits for exec() to have happened: the pipe closes without a word, or brings errno.
Result<void> await_start(FileDescriptor& report, const std::string& what) {
  int code = 0;
  ssize_t got = 0;
  do {
    got = ::read(report.get(), &code, sizeof code);
  } while (got < 0 && errno == EINTR);
  if (got != sizeof code) return {};
  errno = code;
  return system_error("cannot start " + what);
}

/// The output end for the child, and what to read from when it is a pipe.
Result<Pipe> open_output(const ChildOptions& options) {
  switch (options.output) {
    case ChildOutput::kInherit:
      return Pipe{};
    case ChildOutput::kPipe:
      return make_pipe();
    case ChildOutput::kDiscard:
    case ChildOutput::kFile:
      break;
  }
  const bool discard = options.output == ChildOutput::kDiscard;
  const std::string path = discard ? "/dev/null" : options.log_file.string();
  FileDescriptor fd(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644));
  if (!fd.valid()) return system_error("cannot write " + path);
  return Pipe{FileDescriptor(), std::move(fd)};
}

milliseconds until(Clock::time_point deadline) {
  return std::max(milliseconds(0),
                  std::chrono::duration_cast<milliseconds>(deadline - Clock::now()));
}

constexpr std::string_view kPipeNeeded = "reading from a child that was not started with kPipe";

}  // namespace

std::optional<std::filesystem::path> find_program(std::string_view name) {
  if (name.find('/') != std::string_view::npos) {
    return is_program(name) ? std::optional<std::filesystem::path>(name) : std::nullopt;
  }
  const char* const variable = std::getenv("PATH");
  std::string_view folders = variable == nullptr ? "/usr/local/bin:/usr/bin:/bin" : variable;
  while (!name.empty() && !folders.empty()) {
    const std::size_t end = std::min(folders.find(':'), folders.size());
    const std::filesystem::path candidate = std::filesystem::path(folders.substr(0, end)) / name;
    if (end != 0 && is_program(candidate)) return candidate;
    folders.remove_prefix(std::min(end + 1, folders.size()));
  }
  return std::nullopt;
}

std::string ExitStatus::describe() const {
  if (signal == 0) return fmt::format("exit code {}", code);
  const char* const name = ::strsignal(signal);
  return fmt::format("signal {} ({})", signal, name == nullptr ? "unknown" : name);
}

Result<ChildProcess> ChildProcess::spawn(const std::vector<std::string>& arguments,
                                         const ChildOptions& options) {
  IMO_CHECK(!arguments.empty(), "a child process needs a program");
  const auto program = find_program(arguments[0]);
  if (!program) {
    return fail(ErrorKind::kNotFound,
                fmt::format("program '{}' is not installed or not in PATH", arguments[0]));
  }
  std::vector<std::string> argument_texts = arguments;
  std::vector<std::string> environment_texts = environment_with(options.environment);
  const std::vector<char*> argument_pointers = null_terminated(argument_texts);
  const std::vector<char*> environment_pointers = null_terminated(environment_texts);

  const FileDescriptor input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!input.valid()) return system_error("cannot open /dev/null");
  IMO_TRY(Pipe output, open_output(options));
  IMO_TRY(Pipe report, make_pipe());
  const Launch launch{
      program->c_str(),
      argument_pointers.data(),
      environment_pointers.data(),
      options.working_directory.empty() ? nullptr : options.working_directory.c_str(),
      input.get(),
      output.write.get(),
      report.write.get(),
      ::getpid()};
  const pid_t pid = ::fork();
  if (pid < 0) return system_error("cannot start " + arguments[0]);
  if (pid == 0) become(launch);

  ::setpgid(pid, pid);  // here too: whoever comes first, the group exists before we signal it
  report.write.close();
  ChildProcess child(pid, std::move(output.read));
  IMO_TRY_VOID(await_start(report.read, arguments[0]));
  return child;
}

ChildProcess::ChildProcess(pid_t pid, FileDescriptor pipe) : pid_(pid), pipe_(std::move(pipe)) {}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pipe_(std::move(other.pipe_)),
      pending_(std::move(other.pending_)),
      status_(other.status_) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    terminate();
    pid_ = std::exchange(other.pid_, -1);
    pipe_ = std::move(other.pipe_);
    pending_ = std::move(other.pending_);
    status_ = other.status_;
  }
  return *this;
}

ChildProcess::~ChildProcess() {
  terminate();
}

bool ChildProcess::running() {
  return !wait(milliseconds(0)).has_value();
}

Result<ExitStatus> ChildProcess::wait(milliseconds timeout) {
  IMO_CHECK(pid_ > 0, "waiting for a child that was moved away");
  const auto deadline = Clock::now() + timeout;
  milliseconds pause(1);
  while (!status_ && !ended()) {
    if (Clock::now() >= deadline) {
      return fail(ErrorKind::kTimeout, fmt::format("process {} is still running", pid_));
    }
    std::this_thread::sleep_for(std::min(pause, until(deadline) + milliseconds(1)));
    pause = std::min(pause * 2, milliseconds(20));
  }
  if (!status_) status_ = reap();
  return *status_;
}

bool ChildProcess::ended() const {
  siginfo_t info{};
  const int found = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
  return found == 0 && info.si_pid == pid_;
}

ExitStatus ChildProcess::reap() const {
  // While the dead leader is not reaped its group id cannot be anybody else's: end its children
  // now.
  ::kill(-pid_, SIGKILL);
  int raw = 0;
  while (::waitpid(pid_, &raw, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(raw) ? ExitStatus{0, WTERMSIG(raw)} : ExitStatus{WEXITSTATUS(raw), 0};
}

void ChildProcess::terminate(milliseconds grace) {
  if (pid_ <= 0 || status_) return;
  ::kill(-pid_, SIGTERM);
  if (!wait(grace)) status_ = reap();
}

/// Appends what the pipe has; false at its end.
Result<bool> ChildProcess::fill(Clock::time_point deadline) {
  IMO_CHECK(pipe_.valid(), kPipeNeeded);
  pollfd waiting{pipe_.get(), POLLIN, 0};
  const int ready = ::poll(&waiting, 1, static_cast<int>(until(deadline).count()));
  if (ready < 0 && errno == EINTR) return true;
  if (ready < 0) return system_error("cannot wait for a child's output");
  if (ready == 0) {
    return fail(ErrorKind::kTimeout, fmt::format("process {} printed nothing in time", pid_));
  }
  std::array<char, 64 * 1024> buffer{};
  const ssize_t got = ::read(pipe_.get(), buffer.data(), buffer.size());
  if (got < 0 && errno == EINTR) return true;
  if (got < 0) return system_error("cannot read a child's output");
  pending_.append(buffer.data(), static_cast<std::size_t>(got));
  return got > 0;
}

Result<std::string> ChildProcess::read_line(milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  bool more = true;
  std::size_t end = pending_.find('\n');
  while (end == std::string::npos && more) {
    if (pending_.size() > kMaxLine) return invalid("a child printed a line of over 1 MiB");
    IMO_TRY(more, fill(deadline));
    end = pending_.find('\n');
  }
  if (end == std::string::npos && pending_.empty()) {
    return fail(ErrorKind::kNotFound, fmt::format("process {} closed its output", pid_));
  }
  std::string line = pending_.substr(0, end);
  pending_.erase(0, end == std::string::npos ? end : end + 1);
  return line;
}

Result<std::string> ChildProcess::read_all(std::size_t max_size, milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  for (bool more = true; more;) {
    if (pending_.size() > max_size) {
      return invalid(fmt::format("process {} printed more than {} bytes", pid_, max_size));
    }
    IMO_TRY(more, fill(deadline));
  }
  return std::exchange(pending_, {});
}

Result<CommandOutput> run_command(const std::vector<std::string>& arguments, milliseconds timeout,
                                  const ChildOptions& options) {
  constexpr std::size_t kMaxOutput = std::size_t{16} << 20;
  const auto deadline = Clock::now() + timeout;
  ChildOptions piped = options;
  piped.output = ChildOutput::kPipe;
  IMO_TRY(ChildProcess child, ChildProcess::spawn(arguments, piped));
  CommandOutput result;
  const auto collect = [&]() -> Result<void> {
    IMO_TRY(result.text, child.read_all(kMaxOutput, timeout));
    IMO_TRY(result.status, child.wait(until(deadline)));
    return {};
  };
  if (auto done = collect(); !done) {
    child.terminate(milliseconds(0));
    return tl::unexpected(done.error().within(arguments[0]));
  }
  return result;
}

}  // namespace imo
