#include "tests/soak/recovery_watch.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace kiln::soak {

bool RecoveryWatch::Take(const absl::StatusOr<NodeStatus>& status, absl::Time now) {
  if (!status.ok()) return has_recovered();
  const absl::Duration passed = now - start_;
  if (!ready_ && status->ready) ready_ = passed;
  if (!voting_ && status->votes_signed > goal_.votes_before) voting_ = passed;
  if (!level_ && status->executed_height >= goal_.height) level_ = passed;
  return has_recovered();
}

std::string RecoveryWatch::Describe() const {
  std::vector<std::string> missing;
  if (!ready_) missing.push_back("is not ready");
  if (!voting_) missing.push_back("does not vote");
  if (!level_) missing.push_back(absl::StrCat("has not executed height ", goal_.height));
  if (missing.empty()) missing.push_back("has recovered");
  return absl::StrCat("validator-", goal_.validator, " ", absl::StrJoin(missing, ", "));
}

}  // namespace kiln::soak
