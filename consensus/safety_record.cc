#include "consensus/safety_record.h"

namespace kiln::consensus {

bool ForgetsLastRound(const SafetyRecord& record) {
  const Round last = record.last_voted_round;
  const bool has_vote = record.last_vote.has_value() && record.last_vote->round == last;
  const bool has_timeout = record.last_timeout.has_value() && record.last_timeout->round == last;
  return last.value > 0 && !has_vote && !has_timeout;
}

}  // namespace kiln::consensus
