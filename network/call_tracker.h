// Which calls of one kind a server is answering: how many there may be, and the end of them all.
#ifndef KILN_NETWORK_CALL_TRACKER_H_
#define KILN_NETWORK_CALL_TRACKER_H_

#include <cstddef>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace kiln::network {

// A call that outlasts the method that began it.
class TrackedCall {
 public:
  virtual ~TrackedCall() = default;
  // The server is stopping: end as soon as what was accepted is answered. Must not block, and must
  // not call the tracker.
  virtual void OnServerStopping() = 0;
};

// Thread-safe. Invariant: at most calls_max calls are in here, and none enters after StopAll.
class CallTracker {
 public:
  // `kind` names the calls in refusals: "block streams".
  CallTracker(absl::string_view kind, size_t calls_max) : kind_(kind), calls_max_(calls_max) {}

  // ResourceExhausted when full, Unavailable when stopping: then Remove must not be called.
  absl::Status Add(TrackedCall* call) {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return absl::UnavailableError("this validator is stopping");
    if (calls_.size() >= calls_max_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("too many ", kind_, ": the limit is ", calls_max_));
    }
    calls_.insert(call);
    return absl::OkStatus();
  }
  void Remove(TrackedCall* call) {
    absl::MutexLock lock(&mutex_);
    calls_.erase(call);
  }

  // Tells every call, and refuses new ones from now on.
  void StopAll() {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    for (TrackedCall* call : calls_) call->OnServerStopping();
  }
  void AwaitNone() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &CallTracker::IsEmpty));
  }

 private:
  bool IsEmpty() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return calls_.empty(); }

  const absl::string_view kind_;
  const size_t calls_max_;
  absl::Mutex mutex_;
  absl::flat_hash_set<TrackedCall*> calls_ ABSL_GUARDED_BY(mutex_);  // told in any order
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace kiln::network

#endif  // KILN_NETWORK_CALL_TRACKER_H_
