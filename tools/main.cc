// The `kiln` command.
#include "absl/synchronization/mutex.h"
#include "tools/command.h"

int main(int argc, char** argv) {
#ifdef NDEBUG
  // Some distributions build Abseil such that every lock looks for cycles, which takes longer than
  // the lock. Tests and debug builds do look.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
#endif
  return kiln::tools::RunCommandLine(argc, argv);
}
