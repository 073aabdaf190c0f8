#include "consensus/pacemaker.h"

#include <algorithm>

#include "base/check.h"
#include "base/mark.h"

namespace kiln::consensus {

Pacemaker::Pacemaker(const PacemakerOptions& options, Round round, uint64_t now_us)
    : options_(options),
      round_(round),
      round_timeout_us_(options.round_timeout_min_us),
      retry_us_(options.round_timeout_min_us),
      entered_us_(now_us) {
  KILN_CHECK_GT(options.round_timeout_min_us, 0u);
  KILN_CHECK_LE(options.round_timeout_min_us, options.round_timeout_max_us);
  Arm(now_us);
}

bool Pacemaker::Enter(Round round, EnteredBy how, uint64_t now_us) {
  if (round <= round_) return false;
  round_ = round;
  entered_us_ = now_us;
  round_timeout_us_ =
      how == EnteredBy::kQuorum ? options_.round_timeout_min_us : Lengthened(round_timeout_us_);
  idle_ = false;
  Arm(now_us);
  return true;
}

void Pacemaker::SetIdle(bool idle, uint64_t now_us) {
  if (idle == idle_) return;
  idle_ = idle;
  Arm(now_us);
}

bool Pacemaker::TakeExpired(uint64_t now_us) {
  if (now_us < deadline_us_) return false;
  retry_us_ = Lengthened(retry_us_);
  if (retry_us_ == options_.round_timeout_max_us) KILN_MARK("a timer is as long as it gets");
  deadline_us_ = now_us + retry_us_;
  return true;
}

void Pacemaker::Arm(uint64_t now_us) {
  retry_us_ = round_timeout_us_;
  deadline_us_ = now_us + round_timeout_us_ + (idle_ ? options_.heartbeat_us : 0);
}

uint64_t Pacemaker::Lengthened(uint64_t timeout_us) const {
  return std::min(options_.round_timeout_max_us, timeout_us + timeout_us / 2);
}

}  // namespace kiln::consensus
