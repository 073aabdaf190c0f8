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

// Which round it is and when to give up on it. Invariant: the round never decreases. A round that a
// QC ended in time is followed by one with the first timer; a round that failed, or whose timer ran
// out, makes the next one's half as long again, up to the bound. The first timer follows what
// rounds take: a few times the slowest of the last ones that ended in time, at most
// round_timeout_min, at least an eighth of that. So a silent leader costs little where rounds are
// quick, and one that stalls on purpose gains no more than round_timeout_min. While there is
// nothing to order, the heartbeat is added. Not thread-safe; times are monotonic microseconds.
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
  static constexpr uint64_t kTimerPerRound = 6;
  static constexpr uint64_t kShortestShare = 8;  // of round_timeout_min
  static constexpr uint64_t kForgottenShare = 16;

  uint64_t FirstTimeout() const;
  void NoteRoundTook(uint64_t took_us);
  void Arm(uint64_t now_us);
  uint64_t Lengthened(uint64_t timeout_us) const;

  const PacemakerOptions options_;
  Round round_;
  uint64_t slowest_us_;        // of the last rounds that ended in time, fading
  uint64_t round_timeout_us_;  // of this round, by how many before it failed
  uint64_t retry_us_;          // until the next repetition within this round
  uint64_t entered_us_;
  uint64_t deadline_us_ = 0;
  bool idle_ = false;
  bool was_idle_ = false;  // in this round, like the next
  bool ran_out_ = false;
};

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_PACEMAKER_H_
