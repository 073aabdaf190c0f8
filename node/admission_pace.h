// How much of their clients' transactions validators let wait.
#ifndef KILN_NODE_ADMISSION_PACE_H_
#define KILN_NODE_ADMISSION_PACE_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace kiln::node {

// As many may wait as left the queue within the last second or so, and `floor` in any case, so that
// what is admitted waits about a second, however much is offered and however large the queue is
// (Little's law: a queue is as long as its rate times the wait). Without it an overloaded chain
// answers everybody late: it commits no more, and each client waits for a full mempool.
// Thread-safe.
class AdmissionPace {
 public:
  explicit AdmissionPace(uint64_t floor) : floor_(floor) {}

  // Whether `arriving` more may join `waiting` of which `left` left so far, in all.
  bool Admits(uint64_t waiting, uint64_t arriving, uint64_t left, uint64_t now_us);

 private:
  static constexpr uint64_t kLookEveryUs = 1'000'000;
  static constexpr uint64_t kForgottenShare = 4;  // at each look

  void Look(uint64_t left, uint64_t now_us) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const uint64_t floor_;
  absl::Mutex mutex_;
  uint64_t looked_us_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t left_then_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t per_second_ ABSL_GUARDED_BY(mutex_) = 0;  // the highest lately, fading
};

}  // namespace kiln::node

#endif  // KILN_NODE_ADMISSION_PACE_H_
