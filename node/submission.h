// The way of a client's transactions into the mempool, on the client's thread.
#ifndef KILN_NODE_SUBMISSION_H_
#define KILN_NODE_SUBMISSION_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/stage_profile.h"
#include "kiln/application.h"
#include "kiln/genesis.h"
#include "network/client_service.h"
#include "node/admission_pace.h"
#include "node/duplicate_window.h"
#include "node/engine.h"
#include "node/mempool.h"
#include "node/pending_replies.h"
#include "storage/store.h"

namespace kiln::node {

// Admits batches: bounds, the application's advice, what was executed before, room in the mempool,
// and no more than is committed within a second or so (AdmissionPace).
// Each transaction gets exactly one outcome, here or later. Thread-safe.
class Submission {
 public:
  struct Hooks {
    std::function<bool(EngineEvent, size_t bytes)> enqueue;  // false when there is no room
    std::function<void()> deadline_added;                    // may be null
    std::function<uint64_t()> now_us;                        // monotonic
  };

  // What is borrowed must outlive it.
  Submission(const ChainLimits& limits, const storage::Store* store, const Application* application,
             const DuplicateWindow* window, MempoolBudget* budget, PendingReplies* replies,
             Hooks hooks, StageProfile* profile = nullptr);

  // As network::ClientHandler::Submit. `may_be_barrier`: an empty payload with a key is let
  // through.
  void Submit(uint64_t first_sequence, std::string batch, absl::Time deadline,
              std::shared_ptr<network::SubmitSink> sink, bool may_be_barrier = false);

  // From now on everything is refused with this.
  void Close(const absl::Status& why);
  // Refuses for as long as it is not OK (a full disk).
  void SetPaused(const absl::Status& why);

 private:
  absl::Status WhyClosed() const;
  // Takes room for it, or says why there is none.
  absl::Status Reserve(const MempoolCharge& charge);
  // Entries that the application advises against, with its reasons, ascending.
  std::vector<std::pair<uint32_t, absl::Status>> Check(const std::string& batch,
                                                       const consensus::PayloadIndex& index,
                                                       bool may_be_barrier) const;

  const ChainLimits limits_;
  const storage::Store* const store_;
  const Application* const application_;
  const DuplicateWindow* const window_;
  MempoolBudget* const budget_;
  AdmissionPace pace_;
  std::atomic<uint64_t> reserved_{0};  // transactions, since the start
  PendingReplies* const replies_;
  const Hooks hooks_;
  StageProfile* const profile_;
  mutable absl::Mutex mutex_;
  absl::Status closed_ ABSL_GUARDED_BY(mutex_);
  absl::Status paused_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kiln::node

#endif  // KILN_NODE_SUBMISSION_H_
