// Faults: whom they befall, when, and how hard.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "sim/fault_driver.h"
#include "sim/generator_parts.h"

namespace kiln::sim {
namespace {

// Clocks further off than this are not what the protocol allows a validator.
constexpr double kWallJumpSmallMs = 500;
constexpr double kHourMs = 3'600'000;

bool Is(const Fault& fault, std::initializer_list<absl::string_view> kinds) {
  return std::find(kinds.begin(), kinds.end(), fault.kind) != kinds.end();
}

}  // namespace

// --- Kinds

std::vector<FaultKind> KindsOf(absl::string_view letters) {
  std::vector<FaultKind> kinds;
  for (const FaultKind& kind : FaultKinds()) {
    if (letters.find(kind.row[0]) != absl::string_view::npos) kinds.push_back(kind);
  }
  return kinds;
}

FaultKind KindNamed(absl::string_view name) {
  for (const FaultKind& kind : FaultKinds()) {
    if (kind.kind == name) return kind;
  }
  KILN_CHECK(false) << "no such fault: " << name;
  return {};
}

bool SpendsBudget(const Fault& fault) {
  if (fault.row[0] == 'B') return true;
  // Clocks that are far ahead make blocks that are; with a quorum of them the chain would have to
  // wait for the others' clocks.
  if (fault.kind == "wall_jump") return fault.amount > kWallJumpSmallMs;
  return Is(fault, {"sync_error", "lying_sync", "rot", "silent_rot", "disk_full", "old_copy",
                    "old_safety_record", "lost_safety_record", "wrong_disk", "recovered_record",
                    "recovered_old_record", "recovered_copy", "recovered_folder"});
}

// --- Who cannot be counted on

FaultBudget::FaultBudget(std::vector<uint64_t> powers)
    : powers_(std::move(powers)), spent_(powers_.size(), false) {
  for (const uint64_t power : powers_) total_ += power;
}

bool FaultBudget::Spend(uint32_t validator) {
  if (spent_[validator]) return true;
  if (3 * (power_ + powers_[validator]) >= total_) return false;
  power_ += powers_[validator];
  spent_[validator] = true;
  return true;
}

std::optional<uint32_t> FaultBudget::Draw(SimRandom* random) {
  std::vector<uint32_t> spent;
  std::vector<uint32_t> free;
  for (uint32_t i = 0; i < powers_.size(); ++i) {
    if (spent_[i]) {
      spent.push_back(i);
    } else if (3 * (power_ + powers_[i]) < total_) {
      free.push_back(i);
    }
  }
  const bool again = !spent.empty() && (free.empty() || random->Chance(0.4));
  const std::vector<uint32_t>& from = again ? spent : free;
  if (from.empty()) return std::nullopt;
  const uint32_t drawn = random->Pick(from);
  KILN_CHECK(Spend(drawn));
  return drawn;
}

// --- Drawing

FaultDrawer::FaultDrawer(Scenario* scenario, SimRandom random)
    : scenario_(scenario),
      random_(random),
      budget_(scenario->powers),
      validators_(static_cast<uint32_t>(scenario->powers.size())),
      replicas_(validators_ + static_cast<uint32_t>(scenario->twins.size())) {
  for (const uint32_t twin : scenario->twins) KILN_CHECK(budget_.Spend(twin));
}

bool FaultDrawer::Add(const FaultKind& kind) {
  std::optional<Fault> fault = Draw(kind);
  if (!fault.has_value()) return false;
  const std::vector<Fault>& dealt = scenario_->faults;
  if (std::any_of(dealt.begin(), dealt.end(),
                  [&](const Fault& other) { return LeaveRecordAlone(other, *fault); })) {
    return false;
  }
  scenario_->faults.push_back(*std::move(fault));
  return true;
}

std::optional<Fault> FaultDrawer::Draw(const FaultKind& kind) {
  Fault fault;
  fault.row = std::string(kind.row);
  fault.kind = std::string(kind.kind);
  bool drawn = false;
  switch (kind.row[0]) {
    case 'N':
      drawn = DrawLinks(&fault);
      break;
    case 'C':
      drawn = DrawClock(&fault);
      break;
    case 'K':
      drawn = DrawCrash(&fault);
      break;
    case 'D':
      drawn = DrawDisk(&fault);
      break;
    default:
      drawn = DrawLie(&fault);
  }
  if (!drawn) return std::nullopt;
  return fault;
}

bool FaultDrawer::DrawLinks(Fault* fault) {
  if (replicas_ < 2) return false;
  Window(scenario_->round_timeout_min_ms / 4 + 1, 5000, fault);
  if (Is(*fault, {"partition", "mute", "deaf", "bridge"})) {
    fault->nodes = OneSide();
    if (fault->kind == "bridge") fault->peers = {static_cast<uint32_t>(random_.Below(replicas_))};
    return true;
  }
  if (fault->kind == "ring") {
    fault->amount = static_cast<double>(random_.Between(1, std::max(1U, replicas_ / 3)));
    return true;
  }
  if (fault->kind == "silence_leaders") return true;
  if (fault->kind == "almost_timeout") {
    fault->amount = Amount(0.4, 0.98);
    return true;
  }
  fault->nodes = SomeReplicas();
  if (fault->kind == "slow_link") {
    fault->amount = std::floor(std::exp(Amount(std::log(20.0), std::log(5000.0))));
    return true;
  }
  if (random_.Chance(0.5)) fault->peers = SomeReplicas();
  if (fault->kind == "drop" || random_.Chance(0.3)) fault->messages = SomeMessages(2);
  if (fault->kind == "loss") fault->amount = Amount(0.01, 0.3);
  if (fault->kind == "duplication") fault->amount = Amount(0.01, 0.5);
  if (fault->kind == "delay") {
    const double scale = static_cast<double>(scenario_->round_timeout_min_ms);
    fault->amount = std::ceil(Amount(1, std::min(500.0, 2 * scale)));
  }
  return true;
}

bool FaultDrawer::DrawClock(Fault* fault) {
  if (fault->kind == "drift") {
    Window(500, scenario_->chaos_ms, fault);
    fault->nodes = SomeReplicas();
    fault->amount = Amount(-5, 5);
    return true;
  }
  if (fault->kind == "pause") {
    Window(scenario_->round_timeout_min_ms / 4 + 1, 10000, fault);
    fault->nodes = SomeReplicas();
    return true;
  }
  Window(100, 5000, fault);
  fault->nodes = SomeReplicas();
  switch (random_.Below(3)) {
    case 0:
      fault->amount = std::floor(Amount(-kWallJumpSmallMs, kWallJumpSmallMs));
      if (random_.Chance(0.3)) fault->for_ms = 0;
      return true;
    case 1:
      fault->amount = -std::floor(Amount(kWallJumpSmallMs, kHourMs));
      return true;
    default:
      fault->amount = std::ceil(Amount(kWallJumpSmallMs + 1, kHourMs));
      return AffectsUnreliable(fault);
  }
}

bool FaultDrawer::DrawCrash(Fault* fault) {
  const uint64_t timeout_ms = scenario_->round_timeout_min_ms;
  Window(1, 4 * timeout_ms, fault);
  fault->nodes = SomeReplicas();
  if (fault->kind == "crash_at_effect") {
    fault->amount = static_cast<double>(random_.Between(1, random_.Chance(0.7) ? 12 : 60));
  } else if (fault->kind == "crash_loop") {
    Window(timeout_ms, 10 * timeout_ms, fault);
    fault->amount = std::ceil(Amount(1, static_cast<double>(timeout_ms)));
  } else if (fault->kind == "power_loss" && random_.Chance(0.7)) {
    fault->nodes.clear();  // all
  }
  return true;
}

bool FaultDrawer::DrawDisk(Fault* fault) {
  Window(scenario_->round_timeout_min_ms / 2 + 1, 3000, fault);
  if (Is(*fault, {"torn_write", "lost_writes", "slow_disk"})) {
    fault->nodes = SomeReplicas();
    if (fault->kind == "slow_disk") {
      fault->amount = std::ceil(std::exp(Amount(std::log(1.0), std::log(1000.0))));
    }
    return true;
  }
  if (!AffectsUnreliable(fault)) return false;
  if (fault->row == "D8") {
    const double most = static_cast<double>(std::max<uint64_t>(2, fault->at_ms));
    fault->amount = std::ceil(Amount(1, std::min(most, 3000.0)));
  }
  if (fault->kind == "wrong_disk") {
    if (validators_ < 2) return false;
    const auto step = static_cast<uint32_t>(1 + random_.Below(validators_ - 1));
    fault->peers = {(fault->nodes[0] + step) % validators_};
  }
  return true;
}

bool FaultDrawer::DrawLie(Fault* fault) {
  if (!AffectsUnreliable(fault)) return false;
  Window(500, scenario_->chaos_ms, fault);
  if (random_.Chance(0.4)) {
    fault->at_ms = 0;
    fault->for_ms = 0;
  }
  if (fault->kind == "amnesia") fault->amount = static_cast<double>(random_.Between(1, 20));
  if (fault->kind == "slow_drip") fault->amount = Amount(0.5, 0.98);
  if (fault->kind == "mutate") fault->amount = Amount(0.02, 0.5);
  return true;
}

bool FaultDrawer::AffectsUnreliable(Fault* fault) {
  const std::optional<uint32_t> validator = budget_.Draw(&random_);
  if (!validator.has_value()) return false;
  fault->nodes = {*validator};
  return true;
}

void FaultDrawer::Window(uint64_t min_ms, uint64_t max_ms, Fault* fault) {
  const uint64_t chaos_ms = scenario_->chaos_ms;
  min_ms = std::clamp<uint64_t>(min_ms, 1, chaos_ms / 2);
  max_ms = std::clamp(max_ms, min_ms, chaos_ms);
  fault->at_ms = random_.Below(chaos_ms - min_ms);
  // Short ones are as frequent as long ones.
  const double scale = std::log(static_cast<double>(max_ms) / static_cast<double>(min_ms));
  const auto length =
      static_cast<uint64_t>(static_cast<double>(min_ms) * std::exp(scale * random_.Unit()));
  fault->for_ms = std::min(std::max(length, min_ms), chaos_ms - fault->at_ms);
}

std::vector<uint32_t> FaultDrawer::SomeReplicas() {
  const double choice = random_.Unit();
  if (choice < 0.15) return {};
  std::vector<uint32_t> all(replicas_);
  for (uint32_t i = 0; i < replicas_; ++i) all[i] = i;
  random_.Shuffle(&all);
  all.resize(choice < 0.65 ? 1 : random_.Between(1, replicas_));
  std::sort(all.begin(), all.end());
  return all;
}

// Of a partition: any size, one alone, or a group that is just a quorum, or just none.
std::vector<uint32_t> FaultDrawer::OneSide() {
  std::vector<uint32_t> side(replicas_);
  for (uint32_t i = 0; i < replicas_; ++i) side[i] = i;
  random_.Shuffle(&side);
  const uint64_t choice = random_.Below(4);
  if (choice == 0) {
    side.resize(1);
  } else if (choice == 1) {
    side.resize(random_.Between(1, replicas_ - 1));
  } else {
    unsigned __int128 total = 0;
    for (const uint64_t power : scenario_->powers) total += power;
    unsigned __int128 power = 0;
    size_t count = 0;
    while (count < side.size() && 3 * power <= 2 * total) {
      if (side[count] < validators_) power += scenario_->powers[side[count]];
      ++count;
    }
    side.resize(choice == 2 || count == 1 ? count : count - 1);
  }
  std::sort(side.begin(), side.end());
  return side;
}

std::vector<std::string> FaultDrawer::SomeMessages(size_t count_max) {
  std::vector<std::string> kinds = {"proposal", "vote",         "timeout",      "certificates",
                                    "blocks",   "transactions", "block_request"};
  random_.Shuffle(&kinds);
  kinds.resize(random_.Between(1, count_max));
  return kinds;
}

}  // namespace kiln::sim
