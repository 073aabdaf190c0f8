// All chance in a simulated world.
#ifndef KILN_SIM_SIM_RANDOM_H_
#define KILN_SIM_SIM_RANDOM_H_

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/random.h"

namespace kiln::sim {

// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): a function of the seed alone, on every machine. Not
// thread-safe.
class SimRandom final : public Random {
 public:
  explicit SimRandom(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    state_ += 0x9E3779B97F4A7C15;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  uint64_t Below(uint64_t bound) override {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }
  // Uniform over [low, high].
  uint64_t Between(uint64_t low, uint64_t high) { return low + Below(high - low + 1); }
  // Uniform over [0, 1).
  double Unit() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
  bool Chance(double probability) { return Unit() < probability; }
  // Exponentially distributed.
  double Exponential(double mean) { return -mean * std::log1p(-Unit()); }

  template <typename T>
  const T& Pick(const std::vector<T>& from) {
    return from[Below(from.size())];
  }
  template <typename T>
  void Shuffle(std::vector<T>* items) {
    for (size_t i = items->size(); i > 1; --i) std::swap((*items)[i - 1], (*items)[Below(i)]);
  }
  // A generator of its own, so that what one part of the world draws does not shift another's.
  SimRandom Fork() { return SimRandom(Next()); }

 private:
  uint64_t state_;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_SIM_RANDOM_H_
