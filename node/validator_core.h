// One validator without threads, sockets, files and clocks: what a node's threads drive, and what
// a simulator drives from one.
#ifndef KILN_NODE_VALIDATOR_CORE_H_
#define KILN_NODE_VALIDATOR_CORE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/stage_profile.h"
#include "consensus/leader_election.h"
#include "consensus/pacemaker.h"
#include "consensus/replica.h"
#include "consensus/signing.h"
#include "consensus/validator_set.h"
#include "kiln/application.h"
#include "kiln/genesis.h"
#include "kiln/node.h"
#include "network/frames.h"
#include "node/block_runner.h"
#include "node/commit_subscribers.h"
#include "node/duplicate_window.h"
#include "node/engine.h"
#include "node/execution.h"
#include "node/mempool.h"
#include "node/peer_input.h"
#include "node/pending_replies.h"
#include "node/pruner.h"
#include "node/scrub.h"
#include "node/snapshot_answers.h"
#include "node/snapshot_sync.h"
#include "node/snapshots.h"
#include "node/submission.h"
#include "node/vote_log.h"
#include "storage/store.h"

namespace kiln::node {

// Holds everything of a validator that is no thread, socket, file or clock, and starts nothing by
// itself. Four streams of calls drive it, each from one thread at a time:
//
//   the replica's      Start once, then RunGroup again and again, at the latest at NextDeadline
//   the execution's    ExecuteNext for each committed height
//   the pruning's      PruneStep as long as it has something to do, after each executed height
//   everybody else's   peer_input, submission, replies, subscribers, failed: thread-safe
//
// A simulator calls all of them from one thread. All time comes from the caller, there is no
// chance, and the same calls have the same effects in the same order. After a failure nothing is
// signed or sent any more; what is borrowed outlives the core.
class ValidatorCore {
 public:
  // How many events are stepped before one group commit: RunGroup is to be given no more.
  static constexpr size_t kGroupEventsMax = 256;

  struct Options {
    Genesis genesis;
    ValidatorIndex self;
    consensus::PacemakerOptions pacemaker;
    uint64_t listen_us = 0;  // as consensus::ReplicaOptions has it, like the next
    bool halts_at_unknown_signatures = true;
    MempoolCharge mempool_max;  // of all origins together
    size_t snapshots_kept = 2;
    uint64_t scrub_bytes_per_second = 0;    // 0: nothing is read again
    uint64_t scrub_rest_us = 600'000'000;   // between two passes
    uint64_t retention_blocks = 0;          // 0: all are kept
    uint64_t snapshot_catch_up_blocks = 0;  // farther behind, a snapshot is taken; 0: never
    bool archive = false;                   // no snapshot is taken in the place of blocks
    std::optional<TrustedBlock> trusted;
  };

  // What a core does to the world besides EngineOutput. Called on the thread of the call that it
  // comes from, and not before Recover returned.
  struct Sinks {
    // An event for a coming RunGroup, made of a peer's frame or a client's batch of this size.
    // False when there is no room: the event is dropped, and a client is told to try again. From
    // any thread. Must not block.
    std::function<bool(EngineEvent event, size_t bytes)> event;
    // Likewise, but it must not be lost. Within ExecuteNext; may wait for room.
    std::function<void(EngineEvent event)> executed;
    // An answer to a peer that asked for blocks, within PeerInput::Handle; or the scrub asks,
    // within Scrub::Step.
    std::function<void(ValidatorIndex to, network::FramePtr frame)> answer;
    // A frame that was malformed or failed verification. Within PeerInput::Handle; may be null.
    std::function<void(ValidatorIndex from, const absl::Status& why)> refused;
    // A snapshot of the others is staged: this validator must end, and the next opening of its
    // store begins with it. Within PeerInput::Handle; once.
    std::function<void()> snapshot_ready;
    // replies().next_deadline() may have become earlier. Within Submission::Submit; may be null.
    std::function<void()> deadline_added;
    // What the scrub comes upon. Within Scrub::Step; each may be null.
    std::function<void(const storage::Damage&)> damage_found;
    std::function<void(Height, ValidatorIndex from)> block_mended;
    std::function<void(uint64_t blocks, uint64_t damaged)> scrub_passed;
  };

  struct Environment {
    const consensus::ValidatorSet* validators = nullptr;
    const consensus::LeaderElection* leaders = nullptr;
    consensus::Signer* signer = nullptr;
    const consensus::SignatureVerifier* signatures = nullptr;
    storage::Store* store = nullptr;
    storage::Database* database = nullptr;  // the store's, for the scrub; null: there is none
    Application* application = nullptr;
    EngineOutput* output = nullptr;   // within Start and RunGroup
    VoteLog* vote_log = nullptr;      // may be null
    StageProfile* profile = nullptr;  // told where the time goes; may be null
    Sinks sinks;
    std::function<uint64_t()> now_us;  // monotonic microseconds; from any thread
    // Called now and then during a long replay within Recover; may be null.
    std::function<void(Height replayed, Height committed)> replaying;
  };

  // Restores the duplicate window and the snapshots, executes what is committed and was not
  // executed, or not on disk, when the validator stopped, and makes the rest. Nothing is sent.
  static absl::StatusOr<std::unique_ptr<ValidatorCore>> Recover(const Options& options,
                                                                const Environment& environment,
                                                                Now now);

  ValidatorCore(const ValidatorCore&) = delete;
  ValidatorCore& operator=(const ValidatorCore&) = delete;

  // --- The replica's thread

  // The first step and its group commit. Once, before any RunGroup. Errors as RunGroup's.
  absl::Status Start(Clock& clock);
  // One group commit: every event is stepped in order with the time of then, a tick if the deadline
  // has passed, and one flush: persist, then send. `events` may be empty. An error is a failure of
  // the validator: a halted replica (Aborted), the store's, or that of an ExecuteNext before.
  absl::Status RunGroup(std::vector<EngineEvent> events, Clock& clock);
  // When RunGroup has something to do although no event came, in monotonic microseconds. It may be
  // past already: then RunGroup is due at once. Ask again after every group.
  uint64_t NextDeadline() const { return engine_->NextDeadline(); }
  consensus::ReplicaStatus replica_status() const { return engine_->status(); }
  const MempoolCharge& mempool_total() const { return engine_->mempool_total(); }

  // --- The execution's thread

  // Executes the block at this height, answers its clients, calls subscribers, and reports the
  // state root, in this order. REQUIRES: the store has committed it, and it is one above
  // executed_height(). An error is a failure of the validator.
  absl::Status ExecuteNext(Height height);

  // --- The pruning's thread

  // One bounded piece of what the retention lets go. False when there is nothing to do until more
  // is executed. An error is a failure of the validator.
  absl::StatusOr<bool> PruneStep();
  // Whoever runs it in a thread of its own gives it PruneStep.
  Pruner& pruner() { return pruner_; }

  // --- Any thread

  Height executed_height() const { return runner_->executed_height(); }
  // Shown to the application since genesis.
  uint64_t total_transactions() const { return runner_->total_transactions(); }

  PeerInput& peer_input() { return *peer_input_; }
  // A thread that calls Run on it takes work off the execution's.
  Snapshots& snapshots() { return snapshots_; }
  Submission& submission() { return *submission_; }
  // Null when there is none. A thread of low priority calls Step on it.
  Scrub* scrub() const { return scrub_.get(); }
  // Whoever drives the core calls this ten times a second or so.
  void TickSnapshots(uint64_t now_us) {
    snapshot_sync_->Tick(now_us);
    snapshot_answers_->Tick(now_us);
  }
  // Whoever drives the core calls Expire on it when next_deadline() is reached.
  PendingReplies& replies() { return replies_; }
  const std::shared_ptr<CommitSubscribers>& subscribers() { return subscribers_; }

  // Whether the validator has failed: nothing may be signed or sent any more.
  bool failed() const { return failed_; }
  // Why: the first cause. OK while it has not.
  absl::Status failure() const;

 private:
  ValidatorCore(const Options& options, const Environment& environment);

  // Recover, part by part, in this order.
  absl::Status Replay();
  absl::Status MakeEngine(Now now);
  absl::Status MakeScrub();
  absl::Status MakeInputs();

  void NoteStateLost(const absl::Status& why);
  void SendFrame(ValidatorIndex to, network::FramePtr frame);
  // Blocks are not asked for while a snapshot comes that takes their place.
  void HoldBlocks(Clock& clock);
  absl::Status Flush();
  // Remembers the first failure; returns `status`.
  absl::Status NoteFailure(absl::Status status);

  const Options options_;
  const Environment environment_;
  DuplicateWindow window_;
  Snapshots snapshots_;
  Pruner pruner_;
  PendingReplies replies_;
  MempoolShares shares_;
  MempoolBudget budget_;
  const std::shared_ptr<CommitSubscribers> subscribers_ = std::make_shared<CommitSubscribers>();
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<BlockRunner> runner_;
  std::unique_ptr<Engine> engine_;  // the replica's thread's alone
  std::unique_ptr<Submission> submission_;
  std::unique_ptr<Scrub> scrub_;
  std::unique_ptr<SnapshotAnswers> snapshot_answers_;
  std::unique_ptr<SnapshotSync> snapshot_sync_;
  std::unique_ptr<PeerInput> peer_input_;
  bool holds_blocks_ = false;  // the replica's thread's alone: what the engine was told

  std::atomic<bool> failed_{false};
  mutable absl::Mutex mutex_;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kiln::node

#endif  // KILN_NODE_VALIDATOR_CORE_H_
