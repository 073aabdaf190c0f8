// S7, D-a, D-b and D-d: what is on disk before anything is said, and after anything breaks.
#ifndef KILN_SIM_DURABILITY_ORACLE_H_
#define KILN_SIM_DURABILITY_ORACLE_H_

#include <cstdint>
#include <set>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "consensus/messages.h"
#include "consensus/safety_record.h"
#include "kiln/types.h"
#include "sim/durable_view.h"
#include "sim/observed.h"

namespace kiln::sim {

// Compares what honest replicas say with what their disks would still hold:
//   S7  "When a signature leaves the node, a safety record covering it is in the durable bytes",
//   and
//       with it the block that was voted for or proposed, and its uncommitted ancestors.
//   D-a "Open succeeds with S2, S6, S10 preserved, or exits with a named error; there is no third
//       outcome." The three are other oracles' business; here is the error, and that a disk which
//       only crashed is opened.
//   D-b "Everything acked to a client is durable on honest disks of power >= Q - f."
//   D-d "After a failed fsync no later success is reported by that process."
//   S13 "No remote input makes an honest process abort": nor stop itself while its disk is whole.
// Not thread-safe.
class DurabilityOracle {
 public:
  explicit DurabilityOracle(Observed* observed);

  // The replica's disk from now on; outlives this.
  void OnStarted(uint32_t replica, const DurableView& disk, const absl::Status& why);
  void OnCrashed(uint32_t replica);
  void OnStopped(uint32_t replica, const absl::Status& why);
  // Its ledger may be gone: one more whose disk cannot be counted on.
  void OnRecovered(uint32_t replica);
  // `record` is what is durable, or the last that was while it cannot be read.
  void OnSent(uint32_t replica, uint64_t now_us, const consensus::Message& message,
              const consensus::SafetyRecord* record);
  void OnCommitted(uint32_t replica);
  void OnAnswered(uint32_t replica, uint64_t now_us, const absl::StatusOr<Receipt>& answer);

 private:
  void CheckOwnVoteIn(uint32_t replica, const consensus::QuorumCertificate& qc,
                      const consensus::SafetyRecord& record);
  void CheckVote(uint32_t replica, uint64_t now_us, const consensus::Vote& vote,
                 const consensus::SafetyRecord& record);
  // Whether the block and those between it and the durable head are on the replica's disk.
  void CheckChain(uint32_t replica, uint64_t now_us, const Hash& id);
  bool Holds(uint32_t replica, uint64_t now_us, const consensus::Block& block) const;
  void CheckAfterFailedSync(uint32_t replica, absl::string_view what);
  void CheckReason(uint32_t replica, absl::string_view what, const absl::Status& why);

  Observed* const observed_;
  std::vector<const DurableView*> disks_;  // by replica; null before the first start
  // What was found durable since the replica started.
  std::vector<absl::flat_hash_set<Hash>> found_;
  uint64_t acked_height_ = 0;  // the highest that D-b was checked for
  std::set<uint32_t> lost_;    // validators that lost what they had
};

}  // namespace kiln::sim

#endif  // KILN_SIM_DURABILITY_ORACLE_H_
