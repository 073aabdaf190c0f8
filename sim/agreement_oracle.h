// S1, S2, S3, S10 and D-e: one chain, and one state that follows from it.
#ifndef KILN_SIM_AGREEMENT_ORACLE_H_
#define KILN_SIM_AGREEMENT_ORACLE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "consensus/block.h"
#include "consensus/replica.h"
#include "kiln/types.h"
#include "sim/observed.h"
#include "sim/reference_execution.h"
#include "storage/store.h"

namespace kiln::sim {

// Reads what honest replicas commit and execute out of their stores:
//   S1  "Both defined => chain_i[h] = chain_j[h]; the first commit fixes it."
//   S2  "Committed height and round never decrease, across restarts."
//   S3  "chain_i[h].parent = chain_i[h-1]; heights contiguous; executed exactly once, in order."
//   S10 "State roots equal at equal heights and equal to a sequential reference execution; each
//       transaction at most once; only transactions some client submitted; block limits respected."
//       And what clients are told of their transactions is what happened to them.
//   D-e "Committed state is identical across replicas at equal height": key by key, at the end.
// That a transaction came from a client is asked only where all are honest: a liar may hand others
// whatever it likes. Not thread-safe.
class AgreementOracle {
 public:
  AgreementOracle(Observed* observed, ReferenceExecution* reference);

  void OnStarted(uint32_t replica, const storage::Store& store);
  // Its ledger may be an older one, or gone: what its disk lacks is committed once more.
  void OnRecovered(uint32_t replica);
  void OnStatus(uint32_t replica, const consensus::ReplicaStatus& status);
  void OnCommitted(uint32_t replica, Height height, const storage::Store& store);
  void OnExecuted(uint32_t replica, Height height, const storage::Store& store);
  void OnAnswered(uint32_t replica, const Hash& id, const absl::StatusOr<Receipt>& answer);
  void OnEnd(uint32_t replica, const storage::Store& store);

  // What the replica is known to have committed.
  uint64_t CommittedOf(uint32_t replica) const { return lives_.at(replica).committed; }

 private:
  struct Life {
    uint64_t committed = 0;
    Hash head;
    uint64_t executed = 0;
    consensus::ReplicaStatus status;  // the newest of this process
    bool recovered = false;           // since it last started: it may have lost its ledger
  };

  // What a recovered validator lost with its ledger.
  void ForgetAbove(Height height, Life* life) const;
  // A ledger that begins above what was seen of this replica: it took a snapshot. What it stands on
  // is the chain's all the same.
  void CommitBase(uint32_t replica, const storage::LedgerBase& base);
  // False when the store does not give the block.
  bool CommitNext(uint32_t replica, const storage::Store& store);
  Hash IdOf(const consensus::Header& header) const;
  void ExtendChain(uint32_t replica, const consensus::Block& block);
  void CheckRoot(uint32_t replica, uint64_t height, const Hash& root);
  // A value that cannot be read: no violation where the scenario damages that disk.
  void Unreadable(uint32_t replica, absl::string_view invariant, absl::string_view what,
                  const absl::Status& why);

  Observed* const observed_;
  ReferenceExecution* const reference_;
  std::vector<Life> lives_;  // by replica
};

}  // namespace kiln::sim

#endif  // KILN_SIM_AGREEMENT_ORACLE_H_
