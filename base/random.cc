#include "base/random.h"

#include <limits>
#include <random>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/check.h"

namespace kiln {
namespace {

class MachineRandom final : public Random {
 public:
  MachineRandom() {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device()};
    engine_.seed(seed);
  }

  uint64_t Below(uint64_t bound) override {
    KILN_CHECK(bound > 0);
    // Draws above the last whole multiple of `bound` would favour small results: draw again.
    const uint64_t largest = std::numeric_limits<uint64_t>::max();
    const uint64_t excess = (largest % bound + 1) % bound;
    absl::MutexLock lock(&mutex_);
    uint64_t draw = engine_();
    while (draw > largest - excess) draw = engine_();
    return draw % bound;
  }

 private:
  absl::Mutex mutex_;
  std::mt19937_64 engine_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

Random* SystemRandom() {
  static MachineRandom* const random = new MachineRandom;
  return random;
}

}  // namespace kiln
