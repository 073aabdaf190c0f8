#include "node/commit_subscribers.h"

#include <utility>

namespace kiln::node {

Subscription CommitSubscribers::Add(Seen seen) {
  absl::MutexLock lock(&mutex_);
  const uint64_t number = next_++;
  seen_.emplace(number, std::move(seen));
  return Subscription([self = shared_from_this(), number] {
    absl::MutexLock end_lock(&self->mutex_);
    self->seen_.erase(number);
  });
}

bool CommitSubscribers::empty() const {
  absl::MutexLock lock(&mutex_);
  return seen_.empty();
}

void CommitSubscribers::Notify(const Block& block, const CommitProof& proof) {
  absl::MutexLock lock(&mutex_);
  for (auto& [number, seen] : seen_) seen(block, proof);
}

}  // namespace kiln::node
