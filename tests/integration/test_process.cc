#include "tests/integration/test_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/check.h"

namespace kiln::integration {
namespace {

constexpr absl::Duration kPollInterval = absl::Milliseconds(20);

// Runs in the child between fork and exec: async-signal-safe calls only.
[[noreturn]] void BecomeProgram(char* const* argv, int output, int errors) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setpgid(0, 0);  // Ctrl-C is for the test alone
  dup2(output, STDOUT_FILENO);
  dup2(errors, STDERR_FILENO);
  execv(argv[0], argv);
  _exit(127);
}

int OpenForAppending(const std::string& path, int more_flags = 0) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | more_flags, 0600);
  KILN_CHECK_GE(fd, 0) << path;
  return fd;
}

pid_t Spawn(const std::vector<std::string>& arguments, int output, int errors) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid == 0) BecomeProgram(argv.data(), output, errors);
  KILN_CHECK_GT(pid, 0) << "fork";
  return pid;
}

}  // namespace

bool WaitUntil(const std::function<bool()>& is_true, absl::Duration patience) {
  const absl::Time give_up = absl::Now() + patience;
  while (!is_true()) {
    if (absl::Now() > give_up) return false;
    absl::SleepFor(kPollInterval);
  }
  return true;
}

std::string BuiltProgram(const std::string& name) {
  return absl::StrCat(KILN_BINARY_DIR, "/", name);
}

std::unique_ptr<TestProcess> TestProcess::Start(const std::vector<std::string>& arguments,
                                                const std::string& log_file) {
  const int log = OpenForAppending(log_file);
  const pid_t pid = Spawn(arguments, log, log);
  close(log);
  return std::unique_ptr<TestProcess>(new TestProcess(pid));
}

TestProcess::~TestProcess() {
  Kill();
}

bool TestProcess::IsRunning() {
  if (wait_status_.has_value()) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == pid_) wait_status_ = status;
  return !wait_status_.has_value();
}

void TestProcess::Signal(int signal_number) const {
  if (!wait_status_.has_value()) kill(pid_, signal_number);
}

void TestProcess::Kill() {
  if (!IsRunning()) return;
  kill(pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  wait_status_ = status;
}

int TestProcess::WaitForEnd(absl::Duration patience) {
  if (!WaitUntil([this] { return !IsRunning(); }, patience)) return -1;
  return WIFEXITED(*wait_status_) ? WEXITSTATUS(*wait_status_) : 128 + WTERMSIG(*wait_status_);
}

CommandResult RunCommand(const std::vector<std::string>& arguments, const std::string& log_file) {
  const std::string output_file = absl::StrCat(log_file, ".out");
  const int output = OpenForAppending(output_file, O_TRUNC);
  const int errors = OpenForAppending(log_file);
  const pid_t pid = Spawn(arguments, output, errors);
  close(output);
  close(errors);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return {.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          .output = ReadFile(output_file)};
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string LastLine(const std::string& text) {
  absl::string_view stripped = text;
  while (absl::ConsumeSuffix(&stripped, "\n")) {
  }
  return std::vector<std::string>(absl::StrSplit(stripped, '\n')).back();
}

}  // namespace kiln::integration
