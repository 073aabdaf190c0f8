// The thread that executes committed blocks, and everybody who waits for a height.
#ifndef KILN_NODE_EXECUTION_THREAD_H_
#define KILN_NODE_EXECUTION_THREAD_H_

#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "base/ids.h"
#include "node/validator_core.h"

namespace kiln::node {

// Drives ValidatorCore::ExecuteNext and the deadlines of waiting clients. After each block waiters
// run, when the core has told everybody else. The block before which a snapshot is due waits until
// the disk has room for that; deadlines are kept meanwhile.
class ExecutionThread {
 public:
  struct Sinks {
    // Execution failed: the thread has ended.
    std::function<void(absl::Status)> failed;
  };

  // `core` must outlive the thread.
  ExecutionThread(ValidatorCore* core, Sinks sinks);
  ~ExecutionThread();  // Stop()

  void Start();
  // There is more to execute. Never blocks for long.
  void Committed(Height height);
  // `waiter` runs once: when the height is executed, on this thread, or at the end.
  void WaitForHeight(Height height, absl::AnyInvocable<void() &&> waiter);
  // Whether the disk has room for a snapshot, which writes out at once what is in memory. It has
  // until somebody says otherwise.
  void SetHasRoom(bool has_room);
  // A deadline of a waiting client may have become the earliest.
  void Wake();

  // Ends after the block at hand; runs all waiters. Idempotent.
  void Stop();

 private:
  using Waiter = absl::AnyInvocable<void() &&>;

  void Run();
  bool Ready() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasBlock() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // False when the thread must end.
  bool ExecuteNext(Height height);
  void RunWaiters(Height height);

  ValidatorCore* const core_;
  const Sinks sinks_;

  mutable absl::Mutex mutex_;
  Height committed_ ABSL_GUARDED_BY(mutex_);
  Height executed_ ABSL_GUARDED_BY(mutex_);
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool has_room_ ABSL_GUARDED_BY(mutex_) = true;
  bool needs_room_ ABSL_GUARDED_BY(mutex_);  // the next block begins with a snapshot
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::btree_multimap<Height, Waiter> waiters_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace kiln::node

#endif  // KILN_NODE_EXECUTION_THREAD_H_
