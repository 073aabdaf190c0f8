#include "sim/shrink.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "base/check.h"
#include "sim/scenario_toml.h"

namespace kiln::sim {
namespace {

constexpr uint64_t kChaosMsMin = 100;
constexpr int kPassesMax = 8;

// `indexes` without `gone`, and with those above it moved down. False when none is left of some:
// an empty list would mean everybody.
bool Renumber(std::vector<uint32_t>* indexes, uint32_t gone) {
  const bool were_some = !indexes->empty();
  indexes->erase(std::remove(indexes->begin(), indexes->end(), gone), indexes->end());
  for (uint32_t& index : *indexes) {
    if (index > gone) --index;
  }
  return !were_some || !indexes->empty();
}

void RemoveReplica(std::vector<Fault>* faults, uint32_t gone) {
  std::vector<Fault> kept;
  for (Fault& fault : *faults) {
    const bool has_nodes = Renumber(&fault.nodes, gone);
    const bool has_peers = Renumber(&fault.peers, gone);
    if (has_nodes && has_peers) kept.push_back(std::move(fault));
  }
  *faults = std::move(kept);
}

// One search. `best_` always has the violation.
class Shrinker {
 public:
  Shrinker(const Scenario& scenario, const Violation& violation, const ViolationOf& violation_of,
           const ShrinkOptions& options)
      : best_(scenario), violation_(violation), violation_of_(violation_of), options_(options) {}

  ShrinkResult Run() {
    for (int pass = 0; pass < kPassesMax && !IsOver(); ++pass) {
      const Scenario before = best_;
      DropFaults();
      DropReplicas();
      ShortenPhases();
      NarrowFaults();
      LessLoad();
      MoreDefaults();
      if (best_ == before) break;
    }
    return {std::move(best_), std::move(violation_), runs_};
  }

 private:
  bool IsOver() const {
    return runs_ >= options_.runs_max ||
           (options_.should_stop != nullptr && options_.should_stop());
  }

  // Keeps `candidate` when it goes wrong in the same way.
  bool Try(Scenario candidate) {
    if (candidate == best_ || IsOver() || !ValidateScenario(candidate).ok()) return false;
    ++runs_;
    const Violation violation = violation_of_(candidate);
    const bool same = violation.invariant == violation_.invariant;
    if (same) {
      best_ = std::move(candidate);
      violation_ = violation;
    }
    if (options_.on_run != nullptr) options_.on_run(runs_, best_);
    return same;
  }
  // Changes a copy of the best by `change`.
  template <typename Change>
  bool TryWith(Change change) {
    Scenario candidate = best_;
    change(candidate);
    return Try(std::move(candidate));
  }

  // Leaves out chunks of faults, ever smaller ones, until no single fault can go.
  void DropFaults() {
    size_t chunk = best_.faults.size();
    while (chunk > 0 && !IsOver()) {
      for (size_t from = 0; from < best_.faults.size();) {
        const size_t to = std::min(from + chunk, best_.faults.size());
        const bool dropped = TryWith([&](Scenario& candidate) {
          const auto begin = candidate.faults.begin();
          candidate.faults.erase(begin + static_cast<std::ptrdiff_t>(from),
                                 begin + static_cast<std::ptrdiff_t>(to));
        });
        if (!dropped) from = to;
      }
      chunk /= 2;
    }
  }

  void DropReplicas() {
    for (size_t i = best_.twins.size(); i-- > 0;) Try(WithoutTwin(best_, i));
    for (size_t i = best_.powers.size(); i-- > 0;) {
      if (best_.powers.size() > 1) Try(WithoutValidator(best_, static_cast<uint32_t>(i)));
    }
  }

  // The smallest value from `min` on that still goes wrong, as far as halving finds it.
  template <typename MemberOf>
  void Lower(uint64_t min, MemberOf member_of) {
    if (member_of(best_) <= min) return;
    if (TryWith([&](Scenario& candidate) { member_of(candidate) = min; })) return;
    uint64_t too_low = min;
    while (member_of(best_) - too_low > 1 + member_of(best_) / 16 && !IsOver()) {
      const uint64_t middle = too_low + (member_of(best_) - too_low) / 2;
      if (!TryWith([&](Scenario& candidate) { member_of(candidate) = middle; })) too_low = middle;
    }
  }

  void ShortenPhases() {
    Lower(kChaosMsMin, [](Scenario& scenario) -> uint64_t& { return scenario.chaos_ms; });
    // Less time to go on would make a violation of liveness out of nothing.
    if (absl::StartsWith(violation_.invariant, "L")) return;
    Lower(0, [](Scenario& scenario) -> uint64_t& { return scenario.calm_ms; });
  }

  void NarrowFaults() {
    for (size_t i = 0; i < best_.faults.size(); ++i) {
      NarrowList(i, &Fault::nodes);
      NarrowList(i, &Fault::peers);
      // 0 would be for ever for some kinds.
      Lower(1, [i](Scenario& scenario) -> uint64_t& { return scenario.faults[i].for_ms; });
    }
  }

  // Fewer replicas in one list of a fault; from "all" to one alone.
  void NarrowList(size_t index, std::vector<uint32_t> Fault::*list) {
    const uint32_t replicas = static_cast<uint32_t>(best_.powers.size() + best_.twins.size());
    if ((best_.faults[index].*list).empty()) {
      for (uint32_t only = 0; only < replicas; ++only) {
        const auto one = [&](Scenario& candidate) { candidate.faults[index].*list = {only}; };
        if (TryWith(one)) return;
      }
      return;
    }
    for (size_t i = (best_.faults[index].*list).size(); i-- > 0;) {
      if ((best_.faults[index].*list).size() < 2) return;
      TryWith([&](Scenario& candidate) {
        std::vector<uint32_t>& members = candidate.faults[index].*list;
        members.erase(members.begin() + static_cast<std::ptrdiff_t>(i));
      });
    }
  }

  void LessLoad() {
    Lower(0, [](Scenario& scenario) -> uint64_t& { return scenario.transactions_per_s; });
  }

  template <typename T>
  void ToDefault(T Scenario::*member) {
    static const Scenario defaults;
    TryWith([member](Scenario& candidate) { candidate.*member = defaults.*member; });
  }

  // What a file need not say is one thing less to think about.
  void MoreDefaults() {
    for (const auto member : {&Scenario::round_timeout_min_ms,
                              &Scenario::round_timeout_max_ms,
                              &Scenario::heartbeat_ms,
                              &Scenario::listen_ms,
                              &Scenario::block_bytes_max,
                              &Scenario::block_transactions_max,
                              &Scenario::duplicate_window_blocks,
                              &Scenario::execution_lag_max,
                              &Scenario::snapshot_interval_blocks,
                              &Scenario::retention_blocks,
                              &Scenario::mempool_transactions_max,
                              &Scenario::mempool_bytes_max,
                              &Scenario::scrub_bytes_per_s,
                              &Scenario::delay_min_us,
                              &Scenario::delay_mean_us,
                              &Scenario::link_bytes_per_ms,
                              &Scenario::sync_us,
                              &Scenario::execute_us,
                              &Scenario::transaction_bytes,
                              &Scenario::measure_from_ms}) {
      ToDefault(member);
    }
    ToDefault(&Scenario::real_signatures);
    ToDefault(&Scenario::leaders);
    TryWith([](Scenario& candidate) {
      candidate.regions.clear();
      candidate.region_delays_us.clear();
    });
    TryWith([](Scenario& candidate) {
      std::fill(candidate.powers.begin(), candidate.powers.end(), 1);
    });
  }

  Scenario best_;
  Violation violation_;
  const ViolationOf& violation_of_;
  const ShrinkOptions& options_;
  size_t runs_ = 0;
};

}  // namespace

Scenario WithoutTwin(const Scenario& scenario, size_t position) {
  KILN_CHECK(position < scenario.twins.size());
  Scenario smaller = scenario;
  smaller.twins.erase(smaller.twins.begin() + static_cast<std::ptrdiff_t>(position));
  RemoveReplica(&smaller.faults, static_cast<uint32_t>(scenario.powers.size() + position));
  return smaller;
}

Scenario WithoutValidator(const Scenario& scenario, uint32_t validator) {
  KILN_CHECK(scenario.powers.size() > 1 && validator < scenario.powers.size());
  Scenario smaller = scenario;
  for (size_t i = smaller.twins.size(); i-- > 0;) {
    if (smaller.twins[i] == validator) smaller = WithoutTwin(smaller, i);
  }
  smaller.powers.erase(smaller.powers.begin() + validator);
  if (!smaller.regions.empty()) smaller.regions.erase(smaller.regions.begin() + validator);
  Renumber(&smaller.twins, validator);
  Renumber(&smaller.leaders, validator);
  RemoveReplica(&smaller.faults, validator);
  return smaller;
}

ShrinkResult Shrink(const Scenario& scenario, const Violation& violation,
                    const ViolationOf& violation_of, const ShrinkOptions& options) {
  return Shrinker(scenario, violation, violation_of, options).Run();
}

}  // namespace kiln::sim
