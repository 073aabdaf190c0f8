// Processes that a command starts and answers for.
#ifndef KILN_TOOLS_CHILD_PROCESS_H_
#define KILN_TOOLS_CHILD_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace kiln::tools {

// What a process has used since it started.
struct ProcessUsage {
  double cpu_seconds = 0;      // user and system, all threads
  uint64_t bytes_written = 0;  // caused to be sent to the disk; known once the process has ended
};

// Of one process, in bytes; shared pages of its libraries included.
struct ResidentMemory {
  uint64_t now = 0;
  uint64_t highest = 0;  // since it started
};

// One child process. It is killed with SIGKILL when this object is destroyed before it ended, and
// by the kernel when this process dies. Not thread-safe.
class ChildProcess {
 public:
  // `arguments[0]` is the path of the program. Its output is appended to `log_file`.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(
      const std::vector<std::string>& arguments, const std::string& log_file);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // False once it has ended; its exit status is then in the error of Stop.
  bool IsRunning();
  // CPU time so far.
  absl::StatusOr<double> CpuSeconds() const;
  absl::StatusOr<ResidentMemory> Memory() const;
  // SIGTERM, and SIGKILL when it is still there after `patience`. OK when it ended with status 0.
  absl::Status Stop(absl::Duration patience);
  // REQUIRES: it has ended.
  const ProcessUsage& final_usage() const { return usage_; }

 private:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}
  // Takes the child's status when it has ended; waits for that when `block`.
  bool Reap(bool block);

  const pid_t pid_;
  bool ended_ = false;
  int wait_status_ = 0;
  ProcessUsage usage_;
};

// The path of the program that is running.
absl::StatusOr<std::string> OwnExecutable();

// CPU seconds of a process in the text of its /proc/PID/stat.
absl::StatusOr<double> ParseCpuSeconds(const std::string& stat, int64_t ticks_per_second);

// In the text of its /proc/PID/status.
absl::StatusOr<ResidentMemory> ParseResidentMemory(const std::string& status);

// Of this process itself, all threads.
double OwnCpuSeconds();

}  // namespace kiln::tools

#endif  // KILN_TOOLS_CHILD_PROCESS_H_
