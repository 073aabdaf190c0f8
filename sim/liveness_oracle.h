// L1, L2, L3 and L6: once the faults ended, the chain goes on.
#ifndef KILN_SIM_LIVENESS_ORACLE_H_
#define KILN_SIM_LIVENESS_ORACLE_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "consensus/replica.h"
#include "kiln/types.h"
#include "sim/observed.h"

namespace kiln::sim {

// How long things may take once the network is well, in simulated microseconds. A world's calm
// phase should last at least catch_up_us + commit_us.
struct LivenessBounds {
  uint64_t delay_us = 0;     // within which a message arrives
  uint64_t round_us = 0;     // within which all know of a round that one entered
  uint64_t commit_us = 0;    // within which every honest replica commits
  uint64_t interval_us = 0;  // within which every honest leader had a turn, when all goes well
  uint64_t catch_up_us = 0;  // more, for replicas that are `gap` blocks behind
};
// `faulty` are the validators that are down or dishonest.
LivenessBounds BoundsOf(const Observed& observed, const std::vector<bool>& faulty, uint64_t gap);

// After the heal, with the network well and a quorum of honest validators up, as long as less than
// a third of the power is down or dishonest:
//   L1 "Every honest node commits a new block within (f + 4) x round_timeout_max": here a block
//      above every one committed before the heal.
//   L2 "Every accepted transaction commits within L1 + block interval": what clients handed to an
//      honest replica that was up ever since is answered by then, and not as expired before its
//      last height has passed.
//   L3 "Honest rounds differ by <= 1 within 2 delays of heal and stay so for 100 rounds"
//      (Scenario::calm_rounds): what one of them entered, every other has entered, or the round
//      before, within round_us. With messages in flight a comparison at one moment would be no
//      more than a comparison of delays.
//   L6 "No lasso": a whole cycle of leaders passed twice without a commit, and the replicas' rounds
//      and highest QCs stand to each other and to the cycle as before. Delivery is fair after the
//      heal, and in every cycle two honest leaders follow each other, so one cycle is enough to
//      commit.
// A replica that stops after the heal is a violation of L1, unless its disk was damaged before.
// Not thread-safe.
class LivenessOracle {
 public:
  explicit LivenessOracle(Observed* observed);

  void OnHealed(uint64_t now_us, const std::vector<bool>& is_up);
  void OnStatus(uint32_t replica, uint64_t now_us, const consensus::ReplicaStatus& status);
  void OnCommitted(uint32_t replica, uint64_t now_us, Height height);
  void OnExecuted(uint32_t replica, Height height);
  // Its ledger may be an older one, or gone.
  void OnRecovered(uint32_t replica) { replicas_.at(replica).committed = 0; }
  // It is no longer up; `why` is empty when it was made to end.
  void OnEnded(uint32_t replica, const std::string& why);
  void OnSubmitted(uint32_t replica, uint64_t now_us, const Hash& id);
  void OnAnswered(uint32_t replica, const Hash& id, const absl::StatusOr<Receipt>& answer);
  void OnEnd(uint64_t now_us);

  bool IsSatisfied() const;

 private:
  struct Replica {
    bool is_expected = false;  // honest, up at the heal, and ever since
    uint64_t round = 0;
    uint64_t high_qc_round = 0;
    uint64_t committed = 0;
    uint64_t executed = 0;
  };
  struct Submitted {
    uint64_t sequence = 0;
    uint64_t committed = 0;  // what the replica had committed then
  };
  using Place = std::pair<uint32_t, Hash>;
  struct Waiting {
    Place place;
    uint64_t sequence = 0;
    uint64_t at_us = 0;
  };

  bool IsHealed() const { return healed_us_.has_value(); }
  uint64_t RoundsCompared() const { return observed_->context().scenario->calm_rounds; }
  bool CommittedAll() const;
  void Check(uint64_t now_us);
  void CheckCommits(uint64_t now_us);
  void CheckAnswers(uint64_t now_us);
  void CheckRounds(uint64_t now_us);
  void CheckLasso(uint64_t now_us);
  bool IsWaiting(const Waiting& waiting) const;
  void SetBounds();

  Observed* const observed_;
  std::vector<Replica> replicas_;
  uint64_t highest_committed_ = 0;
  uint64_t highest_round_ = 0;

  std::optional<uint64_t> healed_us_;
  bool may_judge_ = false;  // enough are up and honest
  bool commits_checked_ = false;
  LivenessBounds bounds_;
  uint64_t committed_at_heal_ = 0;
  uint64_t round_at_heal_ = 0;
  uint64_t last_sequence_at_heal_ = 0;
  uint64_t gap_at_heal_ = 0;

  uint64_t last_sequence_ = 0;
  std::deque<Waiting> waiting_;  // in order of submission; answered ones leave at the front
  absl::flat_hash_map<Place, std::deque<Submitted>> unanswered_;

  std::deque<std::pair<uint64_t, uint64_t>> entered_;  // round, and when somebody first entered it

  struct Lasso {
    uint64_t round = 0;
    uint64_t committed = 0;
    std::vector<uint64_t> shape;  // of all replicas, relative to the highest
    int repeated = 0;
  };
  Lasso lasso_;
};

}  // namespace kiln::sim

#endif  // KILN_SIM_LIVENESS_ORACLE_H_
