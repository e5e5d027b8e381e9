#include "imo/base/child_process.hpp"

#include "imo/base/file.hpp"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace imo {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

Result<ChildProcess> shell(const std::string& script,
                           const ChildOptions& options = {ChildOutput::kPipe, {}, {}, {}}) {
  return ChildProcess::spawn({"sh", "-c", script}, options);
}

bool exists(pid_t pid) {
  return ::kill(pid, 0) == 0;
}

TEST(FindProgram, LooksInPathAndTakesPaths) {
  EXPECT_TRUE(find_program("sh").value().is_absolute());
  EXPECT_EQ(find_program("/bin/sh"), "/bin/sh");
  EXPECT_EQ(find_program("no-such-program-anywhere"), std::nullopt);
  EXPECT_EQ(find_program("/etc/passwd"), std::nullopt);  // not executable
  EXPECT_EQ(find_program("/bin"), std::nullopt);         // not a file
  EXPECT_EQ(find_program(""), std::nullopt);
}

TEST(RunCommand, GivesOutputAndStatus) {
  const auto good = run_command({"echo", "two words", "$HOME;"}, seconds(10)).value();
  EXPECT_TRUE(good.status.success());
  EXPECT_EQ(good.text, "two words $HOME;\n");  // there is no shell in between
  const auto bad = run_command({"sh", "-c", "echo oh >&2; exit 3"}, seconds(10)).value();
  EXPECT_EQ(bad.text, "oh\n");
  EXPECT_EQ(bad.status.describe(), "exit code 3");
  const auto killed = run_command({"sh", "-c", "kill -9 $$"}, seconds(10)).value();
  EXPECT_FALSE(killed.status.success());
  EXPECT_EQ(killed.status.describe(), "signal 9 (Killed)");
}

TEST(RunCommand, KillsWhatTakesTooLong) {
  const auto result = run_command({"sleep", "1000"}, milliseconds(50));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kTimeout);
}

TEST(RunCommand, BoundsWhatItKeeps) {
  const auto result = run_command({"cat", "/dev/zero"}, seconds(60));
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("printed more than 16777216 bytes"));
}

TEST(RunCommand, StandardInputIsEmpty) {
  EXPECT_EQ(run_command({"cat"}, seconds(10)).value().text, "");
}

TEST(RunCommand, EnvironmentIsOursWithChanges) {
  ::setenv("IMO_TEST_KEPT", "kept", 1);
  ::setenv("IMO_TEST_CHANGED", "old", 1);
  ChildOptions options;
  options.environment = {{"IMO_TEST_CHANGED", "new"}, {"IMO_TEST_ADDED", "added"}};
  options.working_directory = "/";
  const auto output =
      run_command({"sh", "-c", "echo $IMO_TEST_KEPT $IMO_TEST_CHANGED $IMO_TEST_ADDED; pwd"},
                  seconds(10), options);
  EXPECT_EQ(output.value().text, "kept new added\n/\n");
}

TEST(ChildProcess, ThatCannotStartIsAnError) {
  EXPECT_EQ(ChildProcess::spawn({"no-such-program-anywhere"}).error().message,
            "program 'no-such-program-anywhere' is not installed or not in PATH");
  ChildOptions nowhere;
  nowhere.working_directory = "/no/such/folder";
  EXPECT_EQ(ChildProcess::spawn({"true"}, nowhere).error().message,
            "cannot start true: No such file or directory");
  const auto folder = TemporaryDirectory::create().value();
  const auto broken = folder.path() / "broken";
  ASSERT_TRUE(write_file_atomic(broken, as_bytes("#!/no/such/interpreter\n")));
  std::filesystem::permissions(broken, std::filesystem::perms::owner_all);
  EXPECT_THAT(ChildProcess::spawn({broken.string()}).error().message, HasSubstr("cannot start"));
}

TEST(ChildProcess, IsReadLineByLine) {
  auto child = shell("echo one; echo two >&2; printf three").value();
  EXPECT_EQ(child.read_line(seconds(10)).value(), "one");
  EXPECT_EQ(child.read_line(seconds(10)).value(), "two");
  EXPECT_EQ(child.read_line(seconds(10)).value(), "three");
  EXPECT_EQ(child.read_line(seconds(10)).error().kind, ErrorKind::kNotFound);
  EXPECT_TRUE(child.wait(seconds(10)).value().success());
}

TEST(ChildProcess, WaitsNoLongerThanToldTo) {
  auto child = shell("sleep 1000").value();
  EXPECT_TRUE(child.running());
  EXPECT_EQ(child.wait(milliseconds(20)).error().kind, ErrorKind::kTimeout);
  EXPECT_EQ(child.read_line(milliseconds(20)).error().kind, ErrorKind::kTimeout);
  child.terminate();
  EXPECT_FALSE(child.running());
  EXPECT_EQ(child.wait(milliseconds(0)).value().signal, SIGTERM);
}

TEST(ChildProcess, OutputGoesToAFile) {
  const auto folder = TemporaryDirectory::create().value();
  const auto log = folder.path() / "log";
  auto child = shell("echo out; echo err >&2", {ChildOutput::kFile, log, {}, {}}).value();
  EXPECT_TRUE(child.wait(seconds(10)).value().success());
  EXPECT_EQ(read_text_file(log, 100).value(), "out\nerr\n");
}

TEST(ChildProcess, EndsWithItsOwner) {
  pid_t pid = 0;
  {
    const auto child = shell("sleep 1000").value();
    pid = child.pid();
    EXPECT_TRUE(exists(pid));
  }
  EXPECT_FALSE(exists(pid));
}

TEST(ChildProcess, ThatIgnoresTermIsKilled) {
  auto child = shell("trap '' TERM; echo ready; while true; do sleep 0.01; done").value();
  ASSERT_EQ(child.read_line(seconds(10)).value(), "ready");
  child.terminate(milliseconds(50));
  EXPECT_EQ(child.wait(milliseconds(0)).value().signal, SIGKILL);
}

TEST(ChildProcess, TakesItsOwnChildrenWithIt) {
  auto child = shell("sleep 1000 & echo $!; exit 0").value();
  const auto grandchild = static_cast<pid_t>(std::stoi(child.read_line(seconds(10)).value()));
  EXPECT_TRUE(child.wait(seconds(10)).value().success());
  // The pipe ends when the last process that holds it is gone.
  EXPECT_EQ(child.read_line(seconds(10)).error().kind, ErrorKind::kNotFound) << grandchild;
}

TEST(ChildProcess, CanBeMoved) {
  auto first = shell("echo one; sleep 1000").value();
  const pid_t pid = first.pid();
  ChildProcess second = std::move(first);
  EXPECT_EQ(second.read_line(seconds(10)).value(), "one");
  second = shell("echo two").value();
  EXPECT_FALSE(exists(pid));
  EXPECT_EQ(second.read_line(seconds(10)).value(), "two");
}

// kill -9 of the owner leaves no time for destructors; the kernel does it.
TEST(ChildProcess, DiesWhenItsOwnerIsKilled) {
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);  // orphans come to us, so we see how they end
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const pid_t owner = ::fork();
  ASSERT_GE(owner, 0);
  if (owner == 0) {
    auto child = ChildProcess::spawn({"sleep", "1000"});
    const pid_t pid = child ? child->pid() : 0;
    if (::write(pipe[1], &pid, sizeof pid) != sizeof pid) ::_exit(1);
    while (true) ::pause();
  }
  pid_t orphan = 0;
  ASSERT_EQ(::read(pipe[0], &orphan, sizeof orphan), static_cast<ssize_t>(sizeof orphan));
  ASSERT_GT(orphan, 0);
  ASSERT_TRUE(exists(orphan));
  ::kill(owner, SIGKILL);
  ASSERT_EQ(::waitpid(owner, nullptr, 0), owner);
  int status = 0;
  ASSERT_EQ(::waitpid(orphan, &status, 0), orphan);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  ::close(pipe[0]);
  ::close(pipe[1]);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

}  // namespace
}  // namespace imo
