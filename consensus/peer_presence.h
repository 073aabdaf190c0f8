// Which of the other validators cannot be reached.
#ifndef KILN_CONSENSUS_PEER_PRESENCE_H_
#define KILN_CONSENSUS_PEER_PRESENCE_H_

#include <cstdint>
#include <vector>

#include "base/ids.h"

namespace kiln::consensus {

// A peer is away from when its stream has been down for `patience_us` without a break, until it is
// up. The patience is for streams that break and come back at once. What still comes from a peer
// whose stream is down was sent before, and says nothing. Not thread-safe; times are monotonic
// microseconds.
class PeerPresence {
 public:
  PeerPresence(uint32_t validators, uint64_t patience_us)
      : patience_us_(patience_us),
        is_connected_(validators, false),
        away_from_us_(validators, UINT64_MAX) {}

  void NoteConnected(ValidatorIndex peer) {
    is_connected_.at(peer.value) = true;
    away_from_us_.at(peer.value) = UINT64_MAX;
  }
  void NoteDisconnected(ValidatorIndex peer, uint64_t now_us) {
    is_connected_.at(peer.value) = false;
    uint64_t& from_us = away_from_us_.at(peer.value);
    if (from_us == UINT64_MAX) from_us = now_us + patience_us_;
  }

  // Whether its stream is known to be up: what is asked of it will arrive.
  bool IsConnected(ValidatorIndex peer) const { return is_connected_.at(peer.value); }
  bool IsAway(ValidatorIndex peer, uint64_t now_us) const { return now_us >= AwayFrom(peer); }
  // UINT64_MAX while its stream is up, or was never said to be down.
  uint64_t AwayFrom(ValidatorIndex peer) const { return away_from_us_.at(peer.value); }

 private:
  const uint64_t patience_us_;
  std::vector<bool> is_connected_;      // by validator
  std::vector<uint64_t> away_from_us_;  // by validator
};

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_PEER_PRESENCE_H_
