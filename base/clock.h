// Time as an argument: nothing but an implementation of Clock reads a clock.
#ifndef KILN_BASE_CLOCK_H_
#define KILN_BASE_CLOCK_H_

#include <cstdint>

namespace kiln {

// One reading. Timers use the monotonic value only; wall time goes into headers and logs.
struct Now {
  uint64_t monotonic_us = 0;  // microseconds since an arbitrary start; never decreases
  uint64_t wall_us = 0;       // microseconds since the Unix epoch; may jump
};

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Now Read() = 0;
};

// The machine's clocks. Lives as long as the process.
Clock* SystemClock();

// For measuring alone: nothing may be decided by these. Nanoseconds.
uint64_t MonotonicNs();   // some tens of nanoseconds a call
uint64_t ThreadCpuNs();   // of the calling thread; a system call
uint64_t ProcessCpuNs();  // of all threads

}  // namespace kiln

#endif  // KILN_BASE_CLOCK_H_
