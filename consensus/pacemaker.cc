#include "consensus/pacemaker.h"

#include <algorithm>

#include "base/check.h"
#include "base/mark.h"

namespace kiln::consensus {

Pacemaker::Pacemaker(const PacemakerOptions& options, Round round, uint64_t now_us)
    : options_(options),
      round_(round),
      slowest_us_(options.round_timeout_min_us / kTimerPerRound),
      round_timeout_us_(options.round_timeout_min_us),
      retry_us_(options.round_timeout_min_us),
      entered_us_(now_us) {
  KILN_CHECK_GT(options.round_timeout_min_us, 0u);
  KILN_CHECK_LE(options.round_timeout_min_us, options.round_timeout_max_us);
  Arm(now_us);
}

bool Pacemaker::Enter(Round round, EnteredBy how, uint64_t now_us) {
  if (round <= round_) return false;
  const bool in_time = how == EnteredBy::kQuorum && !ran_out_;
  const bool is_next = round.value == round_.value + 1;
  if (in_time && is_next && !was_idle_) NoteRoundTook(now_us - entered_us_);
  round_ = round;
  entered_us_ = now_us;
  round_timeout_us_ = in_time ? FirstTimeout() : Lengthened(round_timeout_us_);
  idle_ = false;
  was_idle_ = false;
  ran_out_ = false;
  Arm(now_us);
  return true;
}

void Pacemaker::SetIdle(bool idle, uint64_t now_us) {
  if (idle == idle_) return;
  idle_ = idle;
  was_idle_ = true;
  Arm(now_us);
}

bool Pacemaker::TakeExpired(uint64_t now_us) {
  if (now_us < deadline_us_) return false;
  ran_out_ = true;
  retry_us_ = Lengthened(retry_us_);
  if (retry_us_ == options_.round_timeout_max_us) KILN_MARK("a timer is as long as it gets");
  deadline_us_ = now_us + retry_us_;
  return true;
}

uint64_t Pacemaker::FirstTimeout() const {
  const uint64_t longest_us = options_.round_timeout_min_us;
  if (slowest_us_ >= longest_us / kTimerPerRound) return longest_us;
  return std::max(slowest_us_ * kTimerPerRound, longest_us / kShortestShare);
}

void Pacemaker::NoteRoundTook(uint64_t took_us) {
  slowest_us_ = std::max(took_us, slowest_us_ - slowest_us_ / kForgottenShare);
  if (FirstTimeout() < options_.round_timeout_min_us) KILN_MARK("timers follow what rounds take");
}

void Pacemaker::Arm(uint64_t now_us) {
  retry_us_ = round_timeout_us_;
  deadline_us_ = now_us + round_timeout_us_ + (idle_ ? options_.heartbeat_us : 0);
}

uint64_t Pacemaker::Lengthened(uint64_t timeout_us) const {
  return std::min(options_.round_timeout_max_us, timeout_us + timeout_us / 2);
}

}  // namespace kiln::consensus
