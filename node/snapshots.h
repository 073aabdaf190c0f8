// One validator's snapshots: taken, hashed and kept.
#ifndef KILN_NODE_SNAPSHOTS_H_
#define KILN_NODE_SNAPSHOTS_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "base/ids.h"
#include "consensus/executed_state.h"
#include "kiln/genesis.h"
#include "storage/snapshot_stream.h"
#include "storage/store.h"

namespace kiln::node {

// Takes a snapshot of every height that is a multiple of the chain's interval, and keeps the newest
// few. Its root is needed one interval later only, so that a thread of its own (Run) can work it
// out meanwhile; where there is none, or it is late, whoever asks does. The root is a function of
// the chain. Thread-safe, but for what is said to be the executing thread's.
class Snapshots {
 public:
  // At least one is kept. `store` outlives it.
  Snapshots(const ChainLimits& limits, storage::Store* store, size_t kept);

  // Those of before. One from which the state did not go on may be incomplete, or its state lost:
  // it is dropped, and taken again in time. REQUIRES: nothing was called yet.
  absl::Status Restore();

  // --- The executing thread

  // Whether TakeIfDue would take one: which needs room on the disk, for all that is in memory.
  bool IsDue() const;
  // The snapshot of what the store has executed, if it is due and not there. Must be called before
  // the next block changes the state; a start may do so again.
  absl::Status TakeIfDue();
  // What the executed state after `before` says of snapshots. May wait for Run. NotFound, with the
  // way out, when the snapshot that it must name is gone.
  absl::Status Name(const consensus::ExecutedState& before, consensus::ExecutedState* state);

  // --- Any thread

  // Of a snapshot that is kept; NotFound otherwise. May take as long as reading all of the state.
  absl::StatusOr<std::shared_ptr<const storage::SnapshotIndex>> IndexOf(Height height);

  // The same, when it is worked out already; NotFound otherwise. Never waits.
  absl::StatusOr<std::shared_ptr<const storage::SnapshotIndex>> FindIndex(Height height) const;

  // One that is rotten: it is kept no longer. Nothing happens while the states that must name it
  // are to come; then false.
  absl::StatusOr<bool> DropRotten(Height height);

  // Works out the root of the oldest snapshot that has none yet. False when there is none.
  bool WorkOne();
  // Works out the roots of snapshots, oldest first, until Stop.
  void Run();
  void Stop();

 private:
  enum class Progress { kWaiting, kUnderWay, kDone };
  // Shared with who works on it, because it may be dropped meanwhile.
  struct Entry {
    Progress progress = Progress::kWaiting;
    absl::StatusOr<std::shared_ptr<const storage::SnapshotIndex>> index =
        absl::UnknownError("not worked out");
  };

  // Returns those that are kept no longer.
  std::vector<Height> Add(Height height);
  // 0 when nothing waits.
  Height NextWaiting() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasWorkOrStops() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return is_stopping_ || NextWaiting().value > 0;
  }
  bool is_stopping() const;

  const ChainLimits limits_;
  storage::Store* const store_;
  const size_t kept_;

  mutable absl::Mutex mutex_;
  absl::btree_map<Height, std::shared_ptr<Entry>> entries_ ABSL_GUARDED_BY(mutex_);
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace kiln::node

#endif  // KILN_NODE_SNAPSHOTS_H_
