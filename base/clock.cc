#include "base/clock.h"

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

}  // namespace

Clock* SystemClock() {
  static MachineClock* const clock = new MachineClock;
  return clock;
}

}  // namespace kiln
