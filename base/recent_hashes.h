// The newest hashes that were remembered, up to a limit.
#ifndef KILN_BASE_RECENT_HASHES_H_
#define KILN_BASE_RECENT_HASHES_H_

#include <cstddef>
#include <deque>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "kiln/types.h"

namespace kiln {

// A set that forgets its oldest member when it is full. Thread-safe.
class RecentHashes {
 public:
  explicit RecentHashes(size_t count_max) : count_max_(count_max) {}

  bool Contains(const Hash& hash) const {
    absl::MutexLock lock(&mutex_);
    return known_.contains(hash);
  }

  void Remember(const Hash& hash) {
    absl::MutexLock lock(&mutex_);
    if (!known_.insert(hash).second) return;
    order_.push_back(hash);
    if (order_.size() <= count_max_) return;
    known_.erase(order_.front());
    order_.pop_front();
  }

 private:
  const size_t count_max_;
  mutable absl::Mutex mutex_;
  absl::flat_hash_set<Hash> known_ ABSL_GUARDED_BY(mutex_);  // lookup only
  std::deque<Hash> order_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kiln

#endif  // KILN_BASE_RECENT_HASHES_H_
