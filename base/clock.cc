#include "base/clock.h"

#include <time.h>

#include <chrono>

namespace kiln {
namespace {

template <typename TimePoint>
uint64_t Microseconds(TimePoint time) {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count());
}

class MachineClock final : public Clock {
 public:
  Now Read() override {
    return {.monotonic_us = Microseconds(std::chrono::steady_clock::now()),
            .wall_us = Microseconds(std::chrono::system_clock::now())};
  }
};

uint64_t ReadNs(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

}  // namespace

Clock* SystemClock() {
  static MachineClock* const clock = new MachineClock;
  return clock;
}

uint64_t MonotonicNs() {
  return ReadNs(CLOCK_MONOTONIC);
}

uint64_t ThreadCpuNs() {
  return ReadNs(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t ProcessCpuNs() {
  return ReadNs(CLOCK_PROCESS_CPUTIME_ID);
}

}  // namespace kiln
