#include "node/admission_pace.h"

#include <algorithm>

namespace kiln::node {

bool AdmissionPace::Admits(uint64_t waiting, uint64_t arriving, uint64_t left, uint64_t now_us) {
  absl::MutexLock lock(&mutex_);
  if (now_us >= looked_us_ + kLookEveryUs) Look(left, now_us);
  return waiting == 0 || waiting + arriving <= std::max(floor_, per_second_);
}

// Large blocks come a few times a second, and the looks are as far apart as makes them count
// evenly.
void AdmissionPace::Look(uint64_t left, uint64_t now_us) {
  const uint64_t now_per_second =
      left > left_then_ ? (left - left_then_) * 1'000'000 / (now_us - looked_us_) : 0;
  per_second_ = std::max(now_per_second, per_second_ - per_second_ / kForgottenShare);
  looked_us_ = now_us;
  left_then_ = left;
}

}  // namespace kiln::node
