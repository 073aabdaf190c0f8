// Processes that run scenarios: a run that ends its process must not end the command.
#ifndef KILN_SIM_CHILD_H_
#define KILN_SIM_CHILD_H_

#include <sys/types.h>

#include <functional>
#include <string>

#include "absl/strings/string_view.h"

namespace kiln::sim {

// A forked copy of this process, with a pipe to it and one from it. What it writes to stderr is
// kept aside: its last line says why it ended. Killed when this object goes. Not thread-safe; to be
// made while this process has one thread.
class Child {
 public:
  // `body` runs in the child, which then ends without unwinding anything of the parent's.
  explicit Child(const std::function<void(int input, int output)>& body);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int to_child() const { return to_child_; }
  int from_child() const { return from_child_; }
  // The child reads the end of its input.
  void CloseInput();

  // Waits for its end. Empty when `body` returned; else why it ended, in one line: what it said
  // last on stderr, the exit status, the signal.
  std::string Wait();
  // Of its whole life. REQUIRES: Wait() returned.
  double cpu_seconds() const { return cpu_seconds_; }

 private:
  std::string LastErrorLine() const;

  pid_t pid_ = -1;
  int to_child_ = -1;
  int from_child_ = -1;
  int error_file_ = -1;
  double cpu_seconds_ = 0;
};

// All of `text`. False when nobody reads any more.
bool WriteFully(int descriptor, absl::string_view text);

// CPU time of this process so far, in seconds.
double ProcessCpuSeconds();

}  // namespace kiln::sim

#endif  // KILN_SIM_CHILD_H_
