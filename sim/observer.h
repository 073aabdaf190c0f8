// The invariants, checked from outside the replicas.
#ifndef KILN_SIM_OBSERVER_H_
#define KILN_SIM_OBSERVER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "consensus/leader_election.h"
#include "consensus/messages.h"
#include "consensus/replica.h"
#include "consensus/safety_record.h"
#include "consensus/signing.h"
#include "consensus/validator_set.h"
#include "kiln/genesis.h"
#include "kiln/types.h"
#include "sim/run_result.h"
#include "sim/scenario.h"
#include "storage/store.h"

namespace kiln::sim {

class SimDisk;

// What the observer knows of the world that it watches; all of it, and every disk that it is shown,
// outlives it.
struct ObserverContext {
  const Scenario* scenario = nullptr;
  const Genesis* genesis = nullptr;
  const consensus::ValidatorSet* validators = nullptr;
  const consensus::LeaderElection* leaders = nullptr;
  const consensus::SignatureVerifier* signatures = nullptr;
  // Of each replica: the validator that it is, and whether it is held to the rules. Liars, twins,
  // and replicas whose disk broke a promise that the protocol rests on (D4, D8) are not.
  std::vector<ValidatorIndex> validator_of;
  std::vector<bool> is_honest;
  // Called for each violation.
  std::function<void(absl::string_view invariant, std::string what)> violated;
};

// Sees everything that is sent, everything that becomes durable and everything that clients are
// told; knows nothing of what goes on inside a replica. Its oracles recompute what must hold from
// that alone, by other means than the product does. Not thread-safe.
class Observer {
 public:
  virtual ~Observer() = default;

  // A replica recovered from its disk, or refused to (`why` not OK; store null).
  virtual void OnStarted(uint32_t replica, uint64_t now_us, SimDisk* disk,
                         const storage::Store* store, const absl::Status& why) = 0;
  // The process ended; its memory is gone.
  virtual void OnCrashed(uint32_t replica, uint64_t now_us) = 0;
  // It stopped itself, and says why.
  virtual void OnStopped(uint32_t replica, uint64_t now_us, const absl::Status& why) = 0;
  // It lost its safety record, and recovered this one with the others' help.
  virtual void OnRecovered(uint32_t replica, const consensus::SafetyRecord& record) = 0;
  // A message leaves the process, whatever comes of it. No receiver: all others. Liars' too, as
  // they say it in the end: an honest replica may vote only for a block that somebody sent.
  virtual void OnSent(uint32_t replica, uint64_t now_us, std::optional<ValidatorIndex> to,
                      const consensus::Message& message, SimDisk* disk) = 0;
  // After each group of events.
  virtual void OnStatus(uint32_t replica, uint64_t now_us,
                        const consensus::ReplicaStatus& status) = 0;
  // The replica says that its committed height is now this; the blocks are in its store, and
  // durable: not before the sync completed that the commit went with.
  virtual void OnCommitted(uint32_t replica, uint64_t now_us, Height height,
                           const storage::Store& store) = 0;
  virtual void OnExecuted(uint32_t replica, uint64_t now_us, Height height,
                          const storage::Store& store) = 0;
  // A client handed a transaction to a replica, and got an answer: a receipt, or a status.
  virtual void OnSubmitted(uint32_t replica, uint64_t now_us, const Hash& id, absl::string_view key,
                           absl::string_view payload) = 0;
  virtual void OnAnswered(uint32_t replica, uint64_t now_us, const Hash& id,
                          const absl::StatusOr<Receipt>& answer) = 0;
  // A queue's length (R1), or the bytes of all answers to a peer's requests for blocks and of those
  // requests (R4), since the start.
  virtual void OnQueue(uint32_t replica, uint64_t now_us, absl::string_view name, uint64_t length,
                       uint64_t length_max) = 0;
  virtual void OnTraffic(uint32_t replica, ValidatorIndex peer, uint64_t bytes_received,
                         uint64_t bytes_sent) = 0;
  // The faults ended; the replicas that are up and whole from now on. Those that only start now
  // count as up.
  virtual void OnHealed(uint64_t now_us, const std::vector<bool>& is_up) = 0;
  // Whether all that the second phase has to show was seen: the run may end.
  virtual bool IsSatisfied(uint64_t now_us) const = 0;
  // The end of the run. Stores of replicas that are up; null for others.
  virtual void OnEnd(uint64_t now_us, const std::vector<const storage::Store*>& stores) = 0;

  virtual uint64_t highest_committed() const = 0;
  virtual uint64_t highest_round() const = 0;
};

std::unique_ptr<Observer> MakeObserver(ObserverContext context);

}  // namespace kiln::sim

#endif  // KILN_SIM_OBSERVER_H_
