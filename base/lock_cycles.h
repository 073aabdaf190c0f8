// Abseil's search for lock cycles.
#ifndef KILN_BASE_LOCK_CYCLES_H_
#define KILN_BASE_LOCK_CYCLES_H_

namespace kiln {

// For a program that owns its process, at its start: locks no longer look for cycles. Debian builds
// Abseil such that they do, in a global table that every lock of every thread goes through, which
// takes longer than the lock. Does nothing in debug and sanitizer builds, which are to find cycles.
void StopSearchingForLockCycles();

}  // namespace kiln

#endif  // KILN_BASE_LOCK_CYCLES_H_
