// Who leads a round: weighted round robin, a pure function of the validator set and the round.
#ifndef KILN_CONSENSUS_LEADER_ELECTION_H_
#define KILN_CONSENSUS_LEADER_ELECTION_H_

#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "consensus/validator_set.h"

namespace kiln::consensus {

// A cycle has cycle_length() = total power / gcd of the powers rounds, one slot for each unit of
// reduced power; slot (round * stride) mod cycle belongs to the validator whose cumulative power
// interval holds it. The stride is coprime to the cycle and near its golden section, so every slot
// comes once per cycle (shares are exact) and a heavy validator's turns are spread out. Immutable;
// thread-safe. Equal powers: validators lead in an order in which each of n consecutive rounds has
// another leader.
class LeaderElection {
 public:
  explicit LeaderElection(const ValidatorSet& validators);
  // For test rigs that generate leaders (Twins: Bano et al., arXiv 2004.10617): the first of
  // `leaders` leads round 1, the next one round 2, and after the last it starts over. No validator
  // of a real chain may be given one. REQUIRES: not empty; indices are of the validator set.
  static LeaderElection FromSchedule(std::vector<ValidatorIndex> leaders);

  ValidatorIndex LeaderOf(Round round) const;
  uint64_t cycle_length() const { return cycle_length_; }

 private:
  LeaderElection() = default;

  std::vector<ValidatorIndex> schedule_;  // empty: weighted round robin
  std::vector<uint64_t> upper_bounds_;    // of each validator's slots, ascending
  uint64_t cycle_length_ = 1;
  uint64_t stride_ = 1;
};

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_LEADER_ELECTION_H_
