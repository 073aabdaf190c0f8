// Which transactions were executed lately: what keeps one from being executed twice.
#ifndef KILN_NODE_DUPLICATE_WINDOW_H_
#define KILN_NODE_DUPLICATE_WINDOW_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "base/ids.h"
#include "consensus/payload.h"
#include "kiln/types.h"
#include "node/id_table.h"
#include "storage/store.h"

namespace kiln::node {

// Whether last heights let an envelope execute at `height`: height <= last_height <= height +
// window.
bool MayExecuteAt(Height height, uint64_t last_height, uint64_t window_blocks);

// The ids executed at the last `window_blocks` heights. Before the block at height h is executed
// those are the heights h - window_blocks to h - 1: an envelope may execute within window_blocks +
// 1 consecutive heights, so it can never execute twice. Thread-safe: the executing thread adds once
// for each block, client threads ask once for each batch. About 30 bytes for each id.
class DuplicateWindow {
 public:
  explicit DuplicateWindow(uint64_t window_blocks);

  // Reads the results of the last heights that `store` has executed. REQUIRES: nothing added yet.
  absl::Status Restore(const storage::Store& store);

  // Ascending indices of the entries whose ids are in the window.
  std::vector<uint32_t> FindExecuted(const consensus::PayloadIndex& index) const;

  // The height that executed the id; none when it is not in the window.
  std::optional<Height> HeightOf(const Hash& id) const;

  // What the block at `height` executed, without what was set aside; forgets what leaves the
  // window. REQUIRES: heights come one by one without gaps; no id is in the window already.
  void Add(Height height, absl::Span<const storage::TransactionIdPrefix> executed);

  // The newest height added; 0 at first.
  Height height() const;
  size_t size() const;

 private:
  // False when an id is in the window already.
  bool AddLocked(Height height, absl::Span<const storage::TransactionIdPrefix> executed)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const uint64_t window_blocks_;
  mutable absl::Mutex mutex_;
  IdTable ids_ ABSL_GUARDED_BY(mutex_);
  // For each height of the window, oldest first: how many ids had been added in all after it.
  std::deque<uint64_t> totals_ ABSL_GUARDED_BY(mutex_);
  uint64_t forgotten_ ABSL_GUARDED_BY(mutex_) = 0;  // ids that left the window
  Height height_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kiln::node

#endif  // KILN_NODE_DUPLICATE_WINDOW_H_
