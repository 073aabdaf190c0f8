#include "tools/child_process.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/check.h"
#include "base/clock.h"

namespace kiln::tools {
namespace {

constexpr absl::Duration kPollInterval = absl::Milliseconds(5);
constexpr uint64_t kBytesPerBlock = 512;  // getrusage(2) counts output in these
// Positions in /proc/PID/stat after the program's name, which ends in the last ')'.
constexpr size_t kUserTicksField = 11;
constexpr size_t kSystemTicksField = 12;

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double CpuOf(const rusage& usage) {
  return Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
}

// Runs in the child between fork and exec: async-signal-safe calls only.
[[noreturn]] void BecomeProgram(char* const* argv, int log) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setpgid(0, 0);  // Ctrl-C on the terminal is the parent's to handle
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execv(argv[0], argv);
  _exit(127);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(
    const std::vector<std::string>& arguments, const std::string& log_file) {
  KILN_CHECK(!arguments.empty());
  const int log = open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) return absl::UnavailableError(absl::StrCat(log_file, ": ", std::strerror(errno)));
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid == 0) BecomeProgram(argv.data(), log);
  const int fork_error = errno;
  close(log);
  if (pid < 0) return absl::UnavailableError(absl::StrCat("fork: ", std::strerror(fork_error)));
  return std::unique_ptr<ChildProcess>(new ChildProcess(pid));
}

ChildProcess::~ChildProcess() {
  if (!IsRunning()) return;
  kill(pid_, SIGKILL);
  Reap(/*block=*/true);
}

bool ChildProcess::Reap(bool block) {
  if (ended_) return true;
  rusage usage{};
  pid_t result = 0;
  do {
    result = wait4(pid_, &wait_status_, block ? 0 : WNOHANG, &usage);
  } while (result < 0 && errno == EINTR);
  if (result != pid_) return false;
  ended_ = true;
  usage_.cpu_seconds = CpuOf(usage);
  usage_.bytes_written = static_cast<uint64_t>(usage.ru_oublock) * kBytesPerBlock;
  return true;
}

bool ChildProcess::IsRunning() {
  return !Reap(/*block=*/false);
}

absl::StatusOr<double> ChildProcess::CpuSeconds() const {
  std::ifstream file(absl::StrCat("/proc/", pid_, "/stat"));
  const std::string stat((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return ParseCpuSeconds(stat, sysconf(_SC_CLK_TCK));
}

absl::StatusOr<ResidentMemory> ChildProcess::Memory() const {
  std::ifstream file(absl::StrCat("/proc/", pid_, "/status"));
  return ParseResidentMemory(
      std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>()));
}

absl::Status ChildProcess::Stop(absl::Duration patience) {
  if (IsRunning()) kill(pid_, SIGTERM);
  const uint64_t give_up_us = SystemClock()->Read().monotonic_us +
                              static_cast<uint64_t>(absl::ToInt64Microseconds(patience));
  while (IsRunning()) {
    if (SystemClock()->Read().monotonic_us >= give_up_us) {
      kill(pid_, SIGKILL);
      Reap(/*block=*/true);
      return absl::DeadlineExceededError(absl::StrCat(
          "process ", pid_, " did not end within ", absl::FormatDuration(patience), " of SIGTERM"));
    }
    absl::SleepFor(kPollInterval);
  }
  if (WIFEXITED(wait_status_) && WEXITSTATUS(wait_status_) == 0) return absl::OkStatus();
  if (WIFEXITED(wait_status_)) {
    return absl::AbortedError(
        absl::StrCat("process ", pid_, " ended with status ", WEXITSTATUS(wait_status_)));
  }
  return absl::AbortedError(
      absl::StrCat("process ", pid_, " was ended by signal ", WTERMSIG(wait_status_)));
}

absl::StatusOr<std::string> OwnExecutable() {
  std::string path(PATH_MAX, '\0');
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0) {
    return absl::UnavailableError(absl::StrCat("/proc/self/exe: ", std::strerror(errno)));
  }
  path.resize(static_cast<size_t>(length));
  return path;
}

absl::StatusOr<double> ParseCpuSeconds(const std::string& stat, int64_t ticks_per_second) {
  const size_t name_end = stat.rfind(") ");
  if (name_end == std::string::npos) return absl::NotFoundError("the process has ended");
  const std::vector<absl::string_view> fields =
      absl::StrSplit(absl::string_view(stat).substr(name_end + 2), ' ');
  int64_t user = 0;
  int64_t system = 0;
  if (fields.size() <= kSystemTicksField || !absl::SimpleAtoi(fields[kUserTicksField], &user) ||
      !absl::SimpleAtoi(fields[kSystemTicksField], &system)) {
    return absl::DataLossError("/proc/PID/stat has another layout than expected");
  }
  return static_cast<double>(user + system) / static_cast<double>(ticks_per_second);
}

absl::StatusOr<ResidentMemory> ParseResidentMemory(const std::string& status) {
  ResidentMemory memory;
  int found = 0;
  for (absl::string_view line : absl::StrSplit(status, '\n')) {
    const bool is_highest = absl::StartsWith(line, "VmHWM:");
    if (!is_highest && !absl::StartsWith(line, "VmRSS:")) continue;
    line.remove_prefix(line.find(':') + 1);
    uint64_t kibibytes = 0;
    if (!absl::ConsumeSuffix(&line, " kB") || !absl::SimpleAtoi(line, &kibibytes)) {
      return absl::DataLossError("/proc/PID/status has another layout than expected");
    }
    (is_highest ? memory.highest : memory.now) = kibibytes << 10;
    ++found;
  }
  if (found < 2) return absl::NotFoundError("the process has ended");
  return memory;
}

double OwnCpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return CpuOf(usage);
}

}  // namespace kiln::tools
