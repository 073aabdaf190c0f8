#include "base/lock_cycles.h"

#include "absl/synchronization/mutex.h"

namespace kiln {

void StopSearchingForLockCycles() {
#ifdef NDEBUG
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
#endif
}

}  // namespace kiln
