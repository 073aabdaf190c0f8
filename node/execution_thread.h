// The thread that executes committed blocks, and everybody who waits for it.
#ifndef KILN_NODE_EXECUTION_THREAD_H_
#define KILN_NODE_EXECUTION_THREAD_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "base/ids.h"
#include "kiln/application.h"
#include "kiln/node.h"
#include "node/duplicate_window.h"
#include "node/execution.h"
#include "node/pending_replies.h"
#include "storage/store.h"

namespace kiln::node {

// Callbacks of Node::OnCommit. Thread-safe. A callback never runs after its subscription ended.
class CommitSubscribers : public std::enable_shared_from_this<CommitSubscribers> {
 public:
  using Seen = absl::AnyInvocable<void(const Block&, const CommitProof&)>;
  Subscription Add(Seen seen);
  bool empty() const;
  void Notify(const Block& block, const CommitProof& proof);

 private:
  mutable absl::Mutex mutex_;  // held while callbacks run
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::btree_map<uint64_t, Seen> seen_ ABSL_GUARDED_BY(mutex_);
};

// Executes what the store has committed and not executed, in order. Takes blocks from the store
// rather than from a queue, so that nothing grows when execution is slower than consensus. After
// each block, in this order: clients are answered, subscribers called, the replica told, waiters
// run.
class ExecutionThread {
 public:
  struct Hooks {
    std::function<void(Height, const Hash& state_root)> executed;  // may wait for room
    std::function<void(absl::Status)> failed;                      // the thread has ended
  };

  // What is borrowed must outlive the thread.
  ExecutionThread(const ChainLimits& limits, storage::Store* store, const DuplicateWindow* window,
                  Executor* executor, PendingReplies* replies,
                  std::shared_ptr<CommitSubscribers> subscribers, Hooks hooks);
  ~ExecutionThread();  // Stop()

  void Start();
  // There is more to execute. Never blocks for long.
  void Committed(Height height);
  // `waiter` runs once: when the height is executed, on this thread, or at the end.
  void WaitForHeight(Height height, absl::AnyInvocable<void() &&> waiter);
  // A deadline of a waiting client may have become the earliest.
  void Wake();

  // Ends after the block at hand; runs all waiters. Idempotent.
  void Stop();

  // Transactions executed since genesis.
  uint64_t total_transactions() const;

 private:
  using Waiter = absl::AnyInvocable<void() &&>;

  void Run();
  bool Ready() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // False when execution failed.
  bool ExecuteNext(Height height);
  void Notify(const ExecutedBlock& executed, const consensus::SharedBytes& finality);
  void RunWaiters(Height height);

  const ChainLimits limits_;
  storage::Store* const store_;
  const DuplicateWindow* const window_;
  Executor* const executor_;
  PendingReplies* const replies_;
  const std::shared_ptr<CommitSubscribers> subscribers_;
  const Hooks hooks_;

  mutable absl::Mutex mutex_;
  Height committed_ ABSL_GUARDED_BY(mutex_);
  Height executed_ ABSL_GUARDED_BY(mutex_);
  uint64_t total_transactions_ ABSL_GUARDED_BY(mutex_);
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::btree_multimap<Height, Waiter> waiters_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace kiln::node

#endif  // KILN_NODE_EXECUTION_THREAD_H_
