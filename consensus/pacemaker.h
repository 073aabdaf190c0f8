// Rounds and their timers (HotStuff-2 and DiemBFT v4 call it the same).
#ifndef KILN_CONSENSUS_PACEMAKER_H_
#define KILN_CONSENSUS_PACEMAKER_H_

#include <algorithm>
#include <cstdint>

#include "base/ids.h"

namespace kiln::consensus {

struct PacemakerOptions {
  uint64_t round_timeout_min_us = 500'000;
  uint64_t round_timeout_max_us = 10'000'000;
  uint64_t heartbeat_us = 5'000'000;  // how long an idle chain stays silent
};

// Which round it is and when to give up on it. Invariant: the round never decreases. A round
// entered by a QC has the shortest timer; each further one entered by a TC makes it half as long
// again, up to the bound. While there is nothing to order, the heartbeat is added. Not thread-safe;
// times are monotonic microseconds.
class Pacemaker {
 public:
  enum class EnteredBy { kQuorum, kTimeouts };

  Pacemaker(const PacemakerOptions& options, Round round, uint64_t now_us);

  // False, and nothing changes, unless `round` is above the current one.
  bool Enter(Round round, EnteredBy how, uint64_t now_us);
  // Whether the leader has reason to keep silent. Ending idleness starts the timer anew.
  void SetIdle(bool idle, uint64_t now_us);
  // Whether the timer has run out. If so it is set again, half as long again.
  bool TakeExpired(uint64_t now_us);

  Round round() const { return round_; }
  bool idle() const { return idle_; }
  uint64_t entered_us() const { return entered_us_; }
  uint64_t deadline_us() const { return deadline_us_; }
  // When an idle leader speaks all the same.
  uint64_t heartbeat_deadline_us() const { return entered_us_ + options_.heartbeat_us; }
  // Until when a leader that could only certify results waits for a transaction to go with them. A
  // client that was just answered needs about a millisecond to send the next.
  uint64_t settle_deadline_us() const {
    return entered_us_ + std::min(kSettleUs, options_.round_timeout_min_us / 4);
  }

 private:
  static constexpr uint64_t kSettleUs = 5'000;

  void Arm(uint64_t now_us);
  uint64_t Lengthened(uint64_t timeout_us) const;

  const PacemakerOptions options_;
  Round round_;
  uint64_t round_timeout_us_;  // of this round, by how many before it failed
  uint64_t retry_us_;          // until the next repetition within this round
  uint64_t entered_us_;
  uint64_t deadline_us_ = 0;
  bool idle_ = false;
};

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_PACEMAKER_H_
