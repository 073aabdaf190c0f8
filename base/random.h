// Chance as an argument, for jitter and sampling. Key material comes from libsodium, never from
// here.
#ifndef KILN_BASE_RANDOM_H_
#define KILN_BASE_RANDOM_H_

#include <cstdint>

namespace kiln {

// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  // Uniform over [0, bound). REQUIRES: bound > 0.
  virtual uint64_t Below(uint64_t bound) = 0;
};

// Seeded by the operating system. Lives as long as the process.
Random* SystemRandom();

}  // namespace kiln

#endif  // KILN_BASE_RANDOM_H_
