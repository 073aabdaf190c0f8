// Child processes of tests, and waiting for things to come true.
#ifndef KILN_TESTS_INTEGRATION_TEST_PROCESS_H_
#define KILN_TESTS_INTEGRATION_TEST_PROCESS_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace kiln::integration {

// How long a test waits for what has to happen before it gives up. Far above what it takes on a
// machine that has other things to do.
inline constexpr absl::Duration kPatience = absl::Seconds(45);

// Asks until it is true; false when it was not within `patience`.
[[nodiscard]] bool WaitUntil(const std::function<bool()>& is_true,
                             absl::Duration patience = kPatience);

// A program of this build: "kiln", or one of the test programs.
std::string BuiltProgram(const std::string& name);

// One child process: killed and reaped when this object goes, killed by the kernel when the test
// dies. Made and used by the test's main thread only.
class TestProcess {
 public:
  // `arguments[0]` is the path of the program; its output is appended to `log_file`.
  static std::unique_ptr<TestProcess> Start(const std::vector<std::string>& arguments,
                                            const std::string& log_file);
  ~TestProcess();
  TestProcess(const TestProcess&) = delete;
  TestProcess& operator=(const TestProcess&) = delete;

  pid_t pid() const { return pid_; }
  bool IsRunning();
  void Signal(int signal_number) const;
  // SIGKILL, and gone when it returns.
  void Kill();
  // Its exit status, or 128 and the number of the signal that ended it; -1 when it still runs
  // after `patience`.
  int WaitForEnd(absl::Duration patience = kPatience);

 private:
  explicit TestProcess(pid_t pid) : pid_(pid) {}

  const pid_t pid_;
  std::optional<int> wait_status_;
};

// What a command printed on stdout, and its exit status. Its stderr goes to `log_file`.
struct CommandResult {
  int status = -1;
  std::string output;
};
CommandResult RunCommand(const std::vector<std::string>& arguments, const std::string& log_file);

std::string ReadFile(const std::string& path);
// Without the ends of lines behind it.
std::string LastLine(const std::string& text);

}  // namespace kiln::integration

#endif  // KILN_TESTS_INTEGRATION_TEST_PROCESS_H_
