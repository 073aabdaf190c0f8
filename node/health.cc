#include "node/health.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace kiln::node {
namespace {

uint64_t ConnectedPower(const HealthInput& input) {
  uint64_t power = 0;
  for (uint32_t i = 0; i < input.validators->size(); ++i) {
    const ValidatorIndex index{i};
    if (index == input.self || input.connected[i]) power += input.validators->PowerOf(index);
  }
  return power;
}

std::string DescribeCatchUp(const CatchUpStatus& status) {
  std::string text =
      absl::StrCat("catching up: executed height ", status.height, " of ", status.target);
  if (status.blocks_per_second > 0) {
    absl::StrAppendFormat(&text, ", %.0f blocks a second, %.0f s left", status.blocks_per_second,
                          status.seconds_left);
  }
  return text;
}

}  // namespace

std::string WhyNotReady(const HealthInput& input) {
  if (input.disk_room != DiskRoom::kEnough) {
    return absl::StrCat("disk has ", input.disk_free_bytes >> 20, " MiB free, less than the ",
                        input.disk_free_bytes_min >> 20, " MiB of disk_free_bytes_min",
                        input.disk_room == DiskRoom::kNone ? ": nothing is signed" : "");
  }
  const uint64_t power = ConnectedPower(input);
  if (!input.validators->IsQuorum(power)) {
    return absl::StrCat("connected to validators with power ", power, " of ",
                        input.validators->total_power(), ", which is no quorum");
  }
  if (input.is_listening) {
    return "listening for its own signatures before the first vote (doppelganger_wait_ms)";
  }
  if (input.abstains_up_to.value > 0) {
    return absl::StrCat("its safety record was recovered: it signs nothing up to round ",
                        input.abstains_up_to.value);
  }
  if (input.catching_up.has_value()) return DescribeCatchUp(*input.catching_up);
  const absl::Duration age = input.now - input.head_time;
  if (input.committed_height.value > 0 && age > input.head_age_max) {
    return absl::StrCat("the newest committed block, height ", input.committed_height.value,
                        ", is ", absl::ToInt64Seconds(age), " s old");
  }
  return "";
}

absl::Duration HeadAgeMax(absl::Duration heartbeat, absl::Duration round_timeout_max) {
  return 3 * heartbeat + 2 * round_timeout_max;
}

}  // namespace kiln::node
