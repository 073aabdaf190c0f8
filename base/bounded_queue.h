// A queue between threads that does not grow past its limit.
#ifndef KILN_BASE_BOUNDED_QUEUE_H_
#define KILN_BASE_BOUNDED_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace kiln {

// First in, first out; thread-safe. Limited by number and by bytes, as the caller counts them; an
// item that alone is above the byte limit still enters an empty queue, or it could never pass.
// Close() wakes everybody: afterwards pushes are refused and takers get what is left, then nothing.
template <typename T>
class BoundedQueue {
 public:
  BoundedQueue(size_t items_max, size_t bytes_max) : items_max_(items_max), bytes_max_(bytes_max) {}

  // False, and `item` untouched, when the queue is full or closed: the caller says what that means.
  bool TryPush(T&& item, size_t bytes = 0) {
    absl::MutexLock lock(&mutex_);
    if (closed_ || items_.size() >= items_max_ || !BytesFit(bytes)) {
      ++refused_;
      return false;
    }
    items_.emplace_back(std::move(item), bytes);
    bytes_ += bytes;
    return true;
  }

  // Enters a full queue, too: for what is rare and must not be lost. False when it is closed.
  bool PushBeyondLimit(T&& item) {
    absl::MutexLock lock(&mutex_);
    if (closed_) return false;
    items_.emplace_back(std::move(item), 0);
    return true;
  }

  // Waits for room. False, and `item` lost, when the queue is closed.
  bool Push(T&& item, size_t bytes = 0) {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &BoundedQueue::HasRoom));
    if (closed_) return false;
    items_.emplace_back(std::move(item), bytes);
    bytes_ += bytes;
    return true;
  }

  // Waits for an item or until `deadline`; then up to `count_max` items at once. Empty at the
  // deadline and, for good, when closed and drained.
  std::vector<T> TakeUpTo(size_t count_max, absl::Time deadline) {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithDeadline(absl::Condition(this, &BoundedQueue::Ready), deadline);
    std::vector<T> taken;
    while (!items_.empty() && taken.size() < count_max) {
      bytes_ -= items_.front().second;
      taken.push_back(std::move(items_.front().first));
      items_.pop_front();
    }
    return taken;
  }

  void Close() {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }
  bool closed() const {
    absl::MutexLock lock(&mutex_);
    return closed_;
  }
  size_t size() const {
    absl::MutexLock lock(&mutex_);
    return items_.size();
  }
  // Pushes refused since construction.
  uint64_t refused() const {
    absl::MutexLock lock(&mutex_);
    return refused_;
  }

 private:
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return closed_ || (items_.size() < items_max_ && (bytes_ < bytes_max_ || items_.empty()));
  }
  bool Ready() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return closed_ || !items_.empty(); }

  bool BytesFit(size_t bytes) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (items_.empty()) return true;
    return bytes_ <= bytes_max_ && bytes <= bytes_max_ - bytes_;
  }

  const size_t items_max_;
  const size_t bytes_max_;
  mutable absl::Mutex mutex_;
  std::deque<std::pair<T, size_t>> items_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t refused_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace kiln

#endif  // KILN_BASE_BOUNDED_QUEUE_H_
