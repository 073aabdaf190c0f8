// Makes the addresses that a program is given differ from one execution to the next.
#ifndef KILN_SIM_HEAP_NOISE_H_
#define KILN_SIM_HEAP_NOISE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "sim/sim_random.h"

namespace kiln::sim {

// Holds pieces of memory of all small sizes, between which others of random places are free and
// full of random bytes. So objects made next lie in no order, on other pages than those of an
// execution before, and what they do not initialise is not zero. Not thread-safe.
class HeapNoise {
 public:
  explicit HeapNoise(SimRandom random) : random_(random) {}

  // Takes many pieces, and gives back a random half of all that it holds.
  void Stir() {
    for (size_t i = 0; i < kSmallPieces; ++i) Take(random_.Between(1, 512));
    for (size_t i = 0; i < kLargePieces; ++i) Take(random_.Between(1, 32 << 10));
    random_.Shuffle(&held_);
    held_.resize(std::min(held_.size() / 2, kHeldMax));
  }

 private:
  static constexpr size_t kSmallPieces = 4000;
  static constexpr size_t kLargePieces = 100;
  static constexpr size_t kHeldMax = 20'000;

  void Take(size_t bytes) {
    held_.push_back(std::make_unique<uint8_t[]>(bytes));
    std::fill_n(held_.back().get(), bytes, static_cast<uint8_t>(random_.Next()));
  }

  SimRandom random_;
  std::vector<std::unique_ptr<uint8_t[]>> held_;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_HEAP_NOISE_H_
