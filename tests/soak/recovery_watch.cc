#include "tests/soak/recovery_watch.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace kiln::soak {

RecoveryWatch::RecoveryWatch(integration::TestCluster* cluster, size_t validator, uint64_t height,
                             uint64_t votes_before)
    : cluster_(cluster),
      validator_(validator),
      height_(height),
      votes_before_(votes_before),
      start_(absl::Now()) {}

bool RecoveryWatch::Poll() {
  if (has_recovered()) return true;
  const absl::StatusOr<NodeStatus> status = cluster_->Status(validator_);
  if (!status.ok()) return false;
  const absl::Duration passed = absl::Now() - start_;
  if (!ready_ && status->ready) ready_ = passed;
  if (!voting_ && status->votes_signed > votes_before_) voting_ = passed;
  if (!level_ && status->executed_height >= height_) level_ = passed;
  return has_recovered();
}

std::string RecoveryWatch::Describe() const {
  return absl::StrCat("validator-", validator_, ready_ ? "" : " is not ready,",
                      voting_ ? "" : " does not vote,",
                      level_ ? "" : absl::StrCat(" has not executed height ", height_, ","),
                      cluster_->IsRunning(validator_) ? " but runs" : " and has ended");
}

}  // namespace kiln::soak
