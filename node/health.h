// Whether a node is fit to serve, and if not, why.
#ifndef KILN_NODE_HEALTH_H_
#define KILN_NODE_HEALTH_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/ids.h"
#include "consensus/validator_set.h"
#include "kiln/types.h"
#include "node/disk_guard.h"

namespace kiln::node {

struct HealthInput {
  const consensus::ValidatorSet* validators = nullptr;
  ValidatorIndex self;
  std::vector<bool> connected;  // by validator index; one's own does not matter
  bool is_listening = false;    // has not begun to sign yet
  Round abstains_up_to;         // since its safety record was recovered; 0: it does not
  std::optional<CatchUpStatus> catching_up;
  Height committed_height;
  absl::Time head_time;  // of the newest committed block
  absl::Time now;
  absl::Duration head_age_max;  // see HeadAgeMax
  DiskRoom disk_room = DiskRoom::kEnough;
  uint64_t disk_free_bytes = 0;
  uint64_t disk_free_bytes_min = 0;
};

// Empty when ready; else the first reason in one line. Ready means: a quorum of the voting power is
// connected (this validator included), it is not far behind, the head is fresh, and the disk has
// room.
std::string WhyNotReady(const HealthInput& input);

// An idle chain commits a heartbeat's block with the next heartbeat, so a healthy head may be two
// heartbeats old; one more, and two of the longest rounds, before it counts as stale.
absl::Duration HeadAgeMax(absl::Duration heartbeat, absl::Duration round_timeout_max);

}  // namespace kiln::node

#endif  // KILN_NODE_HEALTH_H_
