#include "consensus/leader_election.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/numeric/int128.h"
#include "base/check.h"

namespace kiln::consensus {
namespace {

constexpr uint64_t kGoldenSection = 0x9E3779B97F4A7C15;  // (sqrt(5) - 1) / 2, in units of 2^-64

uint64_t GcdOfPowers(const ValidatorSet& validators) {
  uint64_t divisor = 0;
  for (uint32_t i = 0; i < validators.size(); ++i) {
    divisor = std::gcd(divisor, validators.PowerOf({i}));
  }
  return divisor;
}

// Ends: cycle - 1 is coprime to every cycle above 1, and everything is to 1.
uint64_t CoprimeNearGoldenSection(uint64_t cycle) {
  const absl::uint128 product = absl::uint128(cycle) * kGoldenSection + (uint64_t{1} << 63);
  const uint64_t golden = absl::Uint128High64(product);
  for (uint64_t distance = 0;; ++distance) {
    if (std::gcd(golden + distance, cycle) == 1) return golden + distance;
    if (distance <= golden && std::gcd(golden - distance, cycle) == 1) return golden - distance;
  }
}

}  // namespace

LeaderElection::LeaderElection(const ValidatorSet& validators) {
  const uint64_t divisor = GcdOfPowers(validators);
  KILN_CHECK_NE(divisor, 0U) << "a set without power";
  uint64_t slots = 0;
  upper_bounds_.reserve(validators.size());
  for (uint32_t i = 0; i < validators.size(); ++i) {
    slots += validators.PowerOf({i}) / divisor;
    upper_bounds_.push_back(slots);
  }
  cycle_length_ = slots;
  stride_ = CoprimeNearGoldenSection(cycle_length_);
}

LeaderElection LeaderElection::FromSchedule(std::vector<ValidatorIndex> leaders) {
  KILN_CHECK(!leaders.empty());
  LeaderElection election;
  election.cycle_length_ = leaders.size();
  election.schedule_ = std::move(leaders);
  return election;
}

ValidatorIndex LeaderElection::LeaderOf(Round round) const {
  if (!schedule_.empty()) {
    // Rounds count from 1; round 0 is the last of a cycle.
    return schedule_[(round.value % cycle_length_ + cycle_length_ - 1) % cycle_length_];
  }
  const absl::uint128 product = absl::uint128(round.value % cycle_length_) * stride_;
  const uint64_t slot = absl::Uint128Low64(product % cycle_length_);
  const auto owner = std::upper_bound(upper_bounds_.begin(), upper_bounds_.end(), slot);
  KILN_CHECK(owner != upper_bounds_.end()) << "slot " << slot << " belongs to nobody";
  return {static_cast<uint32_t>(owner - upper_bounds_.begin())};
}

}  // namespace kiln::consensus
