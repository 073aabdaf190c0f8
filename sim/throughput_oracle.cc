#include "sim/throughput_oracle.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace kiln::sim {
namespace {

constexpr uint64_t kBlocksMin = 50;  // before the fault, to know what a round takes
constexpr uint64_t kCyclesMin = 5;
constexpr uint64_t kCatchUpBlocksMin = 16;
// Below two transactions a round, leaders wait for some.
constexpr uint64_t kTransactionsPerRoundMin = 2;

// Whether its turns are all that the cluster loses.
bool IsOneBadLeader(const Fault& fault) {
  static const auto& kinds = *new std::set<std::string>{
      "mute",      "deaf",      "partition",        "crash", "pause", "slow_disk",
      "slow_link", "slow_drip", "withhold_proposal"};
  return kinds.contains(fault.kind);
}

// Whether it comes back with blocks to fetch.
bool IsAway(const Fault& fault) {
  return fault.for_ms > 0 && (fault.kind == "crash" || fault.kind == "partition");
}

const Fault* OnlyFault(const Observed& observed) {
  const Scenario& scenario = *observed.context().scenario;
  const size_t validators = scenario.powers.size();
  const bool are_equal = std::all_of(scenario.powers.begin(), scenario.powers.end(),
                                     [&](uint64_t power) { return power == scenario.powers[0]; });
  if (validators < 4 || !are_equal || !scenario.twins.empty() || !scenario.leaders.empty()) {
    return nullptr;
  }
  if (scenario.faults.size() != 1) return nullptr;
  const Fault& fault = scenario.faults.front();
  return fault.nodes.size() == 1 && IsOneBadLeader(fault) ? &fault : nullptr;
}

}  // namespace

ThroughputOracle::ThroughputOracle(Observed* observed)
    : observed_(observed), fault_(OnlyFault(*observed)) {
  if (fault_ != nullptr && IsAway(*fault_)) back_us_ = 1000 * (fault_->at_ms + fault_->for_ms);
}

void ThroughputOracle::OnCommitted(uint32_t replica, uint64_t now_us, Height height) {
  if (fault_ == nullptr) return;
  if (replica != fault_->nodes[0]) {
    while (grew_us_.size() < height.value) grew_us_.push_back(now_us);
  } else if (now_us >= back_us_ && height.value + 2 >= grew_us_.size() && !caught_up_us_) {
    caught_up_us_ = now_us;
  }
}

void ThroughputOracle::OnEnd(uint64_t now_us) {
  if (fault_ == nullptr) return;
  if (!caught_up_us_.has_value() && now_us > back_us_) caught_up_us_ = now_us;
  const std::optional<uint64_t> cycle_us = CycleUs(*fault_);
  if (!cycle_us.has_value()) return;
  CheckShare(*fault_, *cycle_us);
  CheckCatchingUp(*fault_, *cycle_us);
}

uint64_t ThroughputOracle::BlocksIn(const Stretch& stretch) const {
  const auto from = std::lower_bound(grew_us_.begin(), grew_us_.end(), stretch.from_us);
  const auto to = std::lower_bound(grew_us_.begin(), grew_us_.end(), stretch.to_us);
  return from < to ? static_cast<uint64_t>(to - from) : 0;
}

std::optional<uint64_t> ThroughputOracle::CycleUs(const Fault& fault) const {
  const Scenario& scenario = *observed_->context().scenario;
  const uint64_t at_us = 1000 * fault.at_ms;
  const Stretch before = {at_us / 4, at_us};
  const uint64_t blocks = BlocksIn(before);
  if (blocks < kBlocksMin) return std::nullopt;
  const uint64_t round_us = before.length_us() / blocks;
  if (scenario.transactions_per_s * round_us < kTransactionsPerRoundMin * 1'000'000) {
    return std::nullopt;
  }
  const uint64_t timers_us = 1000 * scenario.round_timeout_min_ms * 5 / 2;
  return scenario.powers.size() * 2 * round_us + timers_us;
}

void ThroughputOracle::CheckShare(const Fault& fault, uint64_t cycle_us) {
  const Scenario& scenario = *observed_->context().scenario;
  const uint64_t ends_ms = fault.for_ms > 0 ? fault.at_ms + fault.for_ms : scenario.chaos_ms;
  const Stretch during = {1000 * fault.at_ms + cycle_us,
                          1000 * std::min(ends_ms, scenario.chaos_ms)};
  const uint64_t cycles = during.length_us() / cycle_us;
  if (cycles < kCyclesMin) return;
  // The stretch may begin and end in the middle of a cycle.
  const uint64_t expected = (scenario.powers.size() - 1) * (cycles - 1);
  const uint64_t blocks = BlocksIn(during);
  if (blocks >= expected) return;
  observed_->Violated("L5", absl::StrCat("with one bad leader (", fault.kind, ") ", blocks,
                                         " blocks were committed in ", during.length_us() / 1000,
                                         " ms, not ", expected, ": ", scenario.powers.size() - 1,
                                         " in every ", cycle_us, " us"));
}

void ThroughputOracle::CheckCatchingUp(const Fault& fault, uint64_t cycle_us) {
  if (!caught_up_us_.has_value() || back_us_ == UINT64_MAX) return;
  const Stretch away = {1000 * (fault.at_ms + fault.for_ms / 2), back_us_};
  const Stretch catching_up = {back_us_, *caught_up_us_};
  const uint64_t as_before =
      BlocksIn(away) * catching_up.length_us() / std::max<uint64_t>(1, away.length_us());
  const uint64_t one_bad =
      (observed_->context().scenario->powers.size() - 1) * catching_up.length_us() / cycle_us;
  const uint64_t expected = std::min(as_before, one_bad);
  const uint64_t blocks = BlocksIn(catching_up);
  if (expected < kCatchUpBlocksMin || 5 * blocks >= 4 * expected) return;
  observed_->Violated(
      "L4", absl::StrCat("while replica ", fault.nodes[0], " caught up, for ",
                         catching_up.length_us() / 1000, " ms, the others committed ", blocks,
                         " blocks, of ", expected, " that they would have without that"));
}

}  // namespace kiln::sim
