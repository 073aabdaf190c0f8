// L4's share and L5: what one validator that is slow, silent or behind costs the others.
#ifndef KILN_SIM_THROUGHPUT_ORACLE_H_
#define KILN_SIM_THROUGHPUT_ORACLE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "sim/observed.h"

namespace kiln::sim {

// Counts the blocks of a stretch of time, and holds them against those of another stretch of the
// same run. That says something only where one fault alone is on, and befalls one of n validators
// of equal power:
//   L5 "One silent or slow leader costs at most its share: throughput >= (n-1)/n x (no fault) -
//      timeout cost": in the time of n rounds and two timers the others commit n - 1 blocks. Two,
//      because votes of the round before go to the silent leader; the second is half as long again.
//      A round may take twice what it took before: where the quorum has nobody to spare, it waits
//      for the slowest.
//   L4 "A node lagging g blocks catches up while the others keep >= 80 % throughput": of what they
//      had while it was away, or of what L5 leaves them, if that is less: it cannot lead yet, and
//      those who wait for it do not know.
// Stretches that are too short to say anything are not judged. Not thread-safe.
class ThroughputOracle {
 public:
  explicit ThroughputOracle(Observed* observed);

  // By an honest replica.
  void OnCommitted(uint32_t replica, uint64_t now_us, Height height);
  void OnEnd(uint64_t now_us);

 private:
  struct Stretch {
    uint64_t from_us = 0;
    uint64_t to_us = 0;
    uint64_t length_us() const { return to_us > from_us ? to_us - from_us : 0; }
  };

  uint64_t BlocksIn(const Stretch& stretch) const;
  // The time in which all but one of the validators lead successfully while one does not.
  std::optional<uint64_t> CycleUs(const Fault& fault) const;
  void CheckShare(const Fault& fault, uint64_t cycle_us);
  void CheckCatchingUp(const Fault& fault, uint64_t cycle_us);

  Observed* const observed_;
  const Fault* fault_ = nullptr;   // the only one, of one validator; null: nothing to judge
  std::vector<uint64_t> grew_us_;  // by height - 1: when the first of the others committed it
  uint64_t back_us_ = UINT64_MAX;  // when the one that was away is there again
  std::optional<uint64_t> caught_up_us_;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_THROUGHPUT_ORACLE_H_
