#include "sim/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace kiln::sim {
namespace {

constexpr size_t kErrorBytesRead = 4096;

double Seconds(const rusage& usage) {
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void Close(int* descriptor) {
  if (*descriptor >= 0) close(*descriptor);
  *descriptor = -1;
}

// A worker that outlives its command would work for nobody.
void DieWithParent(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
}

std::string EndText(int status) {
  if (WIFSIGNALED(status)) {
    return absl::StrCat("ended by signal ", WTERMSIG(status), " (", strsignal(WTERMSIG(status)),
                        ")");
  }
  return absl::StrCat("ended with exit status ", WEXITSTATUS(status));
}

}  // namespace

Child::Child(const std::function<void(int input, int output)>& body) {
  int down[2];
  int up[2];
  KILN_CHECK(pipe2(down, O_CLOEXEC) == 0 && pipe2(up, O_CLOEXEC) == 0) << std::strerror(errno);
  error_file_ = memfd_create("stderr", MFD_CLOEXEC);
  KILN_CHECK(error_file_ >= 0) << std::strerror(errno);
  std::fflush(nullptr);  // what is buffered is to be written once
  const pid_t parent = getpid();
  pid_ = fork();
  KILN_CHECK(pid_ >= 0) << std::strerror(errno);
  if (pid_ == 0) {
    DieWithParent(parent);
    signal(SIGPIPE, SIG_DFL);
    close(down[1]);
    close(up[0]);
    dup2(error_file_, STDERR_FILENO);
    body(down[0], up[1]);
    std::fflush(nullptr);
    _exit(0);
  }
  close(down[0]);
  close(up[1]);
  to_child_ = down[1];
  from_child_ = up[0];
}

Child::~Child() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Close(&to_child_);
  Close(&from_child_);
  Close(&error_file_);
}

void Child::CloseInput() {
  Close(&to_child_);
}

std::string Child::Wait() {
  KILN_CHECK(pid_ > 0);
  CloseInput();
  int status = 0;
  rusage usage = {};
  while (wait4(pid_, &status, 0, &usage) < 0) {
    KILN_CHECK(errno == EINTR) << std::strerror(errno);
  }
  pid_ = -1;
  cpu_seconds_ = Seconds(usage);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "";
  const std::string line = LastErrorLine();
  return line.empty() ? EndText(status) : line;
}

std::string Child::LastErrorLine() const {
  const off_t size = lseek(error_file_, 0, SEEK_END);
  const off_t from =
      size > static_cast<off_t>(kErrorBytesRead) ? size - static_cast<off_t>(kErrorBytesRead) : 0;
  std::string text(kErrorBytesRead, '\0');
  const ssize_t read = pread(error_file_, text.data(), text.size(), from);
  if (read <= 0) return "";
  text.resize(static_cast<size_t>(read));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const size_t start = text.rfind('\n');
  return start == std::string::npos ? text : text.substr(start + 1);
}

bool WriteFully(int descriptor, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

double ProcessCpuSeconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return Seconds(usage);
}

}  // namespace kiln::sim
