// One validator's ledger, kept as long as its operator wants it.
#ifndef KILN_NODE_PRUNER_H_
#define KILN_NODE_PRUNER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "base/ids.h"
#include "kiln/genesis.h"
#include "storage/store.h"

namespace kiln::node {

// Prunes what is older than the retention, and no more than storage::PlanPrune allows: first the
// mark, durably, then what lies below it, bit by bit. One thread steps it; Wake and Stop are for
// anybody.
class Pruner {
 public:
  // What one step deletes: some ten thousand bytes to write.
  static constexpr size_t kHeightsPerStep = 256;

  // `retention_blocks` 0: nothing is ever pruned, but what lies below the lowest height is deleted
  // all the same. `store` outlives it.
  Pruner(const ChainLimits& limits, storage::Store* store, uint64_t retention_blocks);

  // One bounded piece of what there is to do. False: nothing, until there are more blocks. An error
  // is the store's: the validator has failed.
  absl::StatusOr<bool> Step();

  // Calls `step` as long as there is something to do, whenever it is woken, until Stop or its first
  // error, which it returns.
  absl::Status Run(const std::function<absl::StatusOr<bool>()>& step);
  // There are more blocks. False: they may all stay, and nobody was woken, which would cost more
  // than a look.
  bool Wake();
  void Stop();

 private:
  bool IsWokenOrStops() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return woken_ || stopping_; }
  bool is_stopping() const;

  const ChainLimits limits_;
  storage::Store* const store_;
  const uint64_t retention_blocks_;
  // A mark is a sync, and giving space back reads tables: not for every block.
  const uint64_t stride_;
  bool has_leftovers_ = true;  // of the process before, perhaps
  // What is committed below may stay. For Wake, otherwise the stepping thread's.
  std::atomic<uint64_t> look_at_{0};

  mutable absl::Mutex mutex_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = true;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace kiln::node

#endif  // KILN_NODE_PRUNER_H_
