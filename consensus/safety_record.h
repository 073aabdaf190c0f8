// What a replica must never forget: durable before any signature that relies on it leaves.
#ifndef KILN_CONSENSUS_SAFETY_RECORD_H_
#define KILN_CONSENSUS_SAFETY_RECORD_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "consensus/certificates.h"
#include "consensus/messages.h"

namespace kiln::consensus {

// Rounds never decrease from one record to the next of the same epoch. A stored record carries a
// checksum of its own.
struct SafetyRecord {
  Epoch epoch;
  Round last_voted_round;  // of votes and timeouts alike
  Round locked_qc_round;
  // A proposal may have left for this round and those below: it was proposed in, or is reserved.
  Round last_proposed_round;
  QuorumCertificate high_qc;
  std::optional<TimeoutCertificate> last_tc;
  std::optional<Vote> last_vote;  // the same bytes are sent when asked again, never others
  std::optional<Timeout> last_timeout;

  friend bool operator==(const SafetyRecord&, const SafetyRecord&) = default;
};

// Whether the record came out of a recovery (docs/recovery.md) and nothing was signed since: what
// was signed in its last voted round is not known, nor whether anything was. Every other record has
// the vote or the timeout that made the round its last.
bool ForgetsLastRound(const SafetyRecord& record);

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_SAFETY_RECORD_H_
