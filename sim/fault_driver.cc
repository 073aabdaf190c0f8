#include "sim/fault_driver.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "storage/schema.h"

namespace kiln::sim {
namespace {

bool IsOneOf(absl::string_view kind, std::initializer_list<absl::string_view> kinds) {
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

}  // namespace

bool BreaksTrust(const Fault& fault) {
  return absl::StartsWith(fault.row, "B") ||
         IsOneOf(fault.kind, {"lying_sync", "old_copy", "old_safety_record", "wrong_disk"});
}

bool LeaveRecordAlone(const Fault& a, const Fault& b) {
  const bool are_both = (a.kind == "recovered_folder" && b.kind == "recovered_old_record") ||
                        (b.kind == "recovered_folder" && a.kind == "recovered_old_record");
  if (!are_both) return false;
  if (a.nodes.empty() || b.nodes.empty()) return true;
  return std::any_of(a.nodes.begin(), a.nodes.end(), [&](uint32_t number) {
    return std::find(b.nodes.begin(), b.nodes.end(), number) != b.nodes.end();
  });
}

FaultDriver::FaultDriver(const Scenario& scenario, FaultHost* host, SimRandom random)
    : scenario_(scenario),
      host_(host),
      random_(random),
      effects_left_(host->replicas(), 0),
      counting_(host->replicas(), nullptr),
      disk_full_(host->replicas(), false),
      disk_lies_(host->replicas(), false),
      patience_(host->replicas(), kOperatorPatience) {}

void FaultDriver::After(uint64_t us, EventQueue::Action action) {
  host_->queue().At(now_us() + us, [this, action = std::move(action)]() mutable {
    if (!healed_) std::move(action)();
  });
}

void FaultDriver::Schedule() {
  for (const Fault& fault : scenario_.faults) {
    if (fault.kind == "amnesia") {
      for (const uint32_t number : NodesOf(fault)) Remember(number);
    }
    if (absl::StartsWith(fault.row, "B")) continue;  // liars keep their own time
    if (IsOneOf(fault.kind,
                {"old_copy", "old_safety_record", "recovered_copy", "recovered_old_record"})) {
      const uint64_t age_ms = static_cast<uint64_t>(fault.amount);
      const uint64_t taken_ms = fault.at_ms > age_ms ? fault.at_ms - age_ms : 0;
      After(taken_ms * 1000 + 1, [this, &fault] { TakeCopies(fault); });
    }
    After(fault.at_ms * 1000, [this, &fault] { Begin(fault); });
    if (fault.for_ms > 0) {
      After((fault.at_ms + fault.for_ms) * 1000, [this, &fault] { End(fault); });
    }
  }
}

std::vector<uint32_t> FaultDriver::NodesOf(const Fault& fault) const {
  std::vector<uint32_t> nodes;
  for (uint32_t number = 0; number < host_->replicas(); ++number) {
    const bool is_named = fault.nodes.empty() || std::find(fault.nodes.begin(), fault.nodes.end(),
                                                           number) != fault.nodes.end();
    if (is_named) nodes.push_back(number);
  }
  return nodes;
}

void FaultDriver::Begin(const Fault& fault) {
  host_->OnFault(fault, /*began=*/true);
  if (BeginOnNetwork(fault) || BeginOnClocks(fault) || BeginCrash(fault)) return;
  BeginOnDisks(fault);
}

bool FaultDriver::BeginOnNetwork(const Fault& fault) {
  if (!absl::StartsWith(fault.row, "N")) return false;
  host_->network().Begin(fault, now_us());
  return true;
}

bool FaultDriver::BeginOnClocks(const Fault& fault) {
  if (!absl::StartsWith(fault.row, "C")) return false;
  for (const uint32_t number : NodesOf(fault)) {
    SimReplica& replica = host_->replica(number);
    host_->CountFault(fault);
    if (fault.kind == "wall_jump") {
      replica.SetWallOffset(static_cast<int64_t>(fault.amount * 1000));
    } else if (fault.kind == "drift") {
      replica.SetDrift(fault.amount);
    } else {
      replica.PauseUntil(now_us() + fault.for_ms * 1000);
    }
  }
  return true;
}

CrashKind FaultDriver::AnyCrash() {
  static const std::vector<CrashKind> kKinds = {CrashKind::kProcessOnly, CrashKind::kNoneKept,
                                                CrashKind::kAllKept, CrashKind::kPrefixKept,
                                                CrashKind::kTornRecord};
  return random_.Pick(kKinds);
}

bool FaultDriver::BeginCrash(const Fault& fault) {
  if (fault.kind == "power_loss") {
    LosePower(fault);
    return true;
  }
  for (const uint32_t number : NodesOf(fault)) {
    if (fault.kind == "crash") {
      CrashAndStart(fault, number, AnyCrash());
      if (fault.amount == 1) host_->EndStreams(number);
    } else if (fault.kind == "torn_write") {
      CrashAndStart(fault, number, CrashKind::kTornRecord);
    } else if (fault.kind == "lost_writes") {
      CrashAndStart(fault, number, CrashKind::kNoneKept);
    } else if (fault.kind == "crash_at_effect") {
      effects_left_[number] = std::max<uint64_t>(1, static_cast<uint64_t>(fault.amount));
      counting_[number] = &fault;
    } else if (fault.kind == "crash_loop") {
      CrashAgain(&fault, number, now_us() + fault.for_ms * 1000);
    } else {
      return false;
    }
  }
  return true;
}

void FaultDriver::CrashAndStart(const Fault& fault, uint32_t number, CrashKind kind) {
  if (!host_->replica(number).hears()) return;
  host_->CountFault(fault);
  host_->CrashReplica(number, kind);
  // What crashes for no stated time stays down until all faults end.
  if (fault.for_ms > 0) StartLater(number, fault.for_ms * 1000);
}

void FaultDriver::CrashAgain(const Fault* fault, uint32_t number, uint64_t until_us) {
  if (now_us() >= until_us) return host_->StartReplica(number);
  if (host_->replica(number).is_up()) {
    host_->CountFault(*fault);
    host_->CrashReplica(number, AnyCrash());
  }
  After(1000, [this, fault, number, until_us] {
    host_->StartReplica(number);
    const uint64_t lives_us = std::max<uint64_t>(1, static_cast<uint64_t>(fault->amount * 1000));
    After(1 + random_.Below(2 * lives_us),
          [this, fault, number, until_us] { CrashAgain(fault, number, until_us); });
  });
}

void FaultDriver::LosePower(const Fault& fault) {
  std::vector<uint32_t> nodes = NodesOf(fault);
  for (const uint32_t number : nodes) {
    if (!host_->replica(number).is_up()) continue;
    host_->CountFault(fault);
    const CrashKind kind = random_.Below(2) == 0 ? CrashKind::kNoneKept : CrashKind::kTornRecord;
    host_->CrashReplica(number, kind);
  }
  random_.Shuffle(&nodes);
  const uint64_t all_us = std::max<uint64_t>(1, fault.for_ms * 1000);
  for (size_t i = 0; i < nodes.size(); ++i) StartLater(nodes[i], all_us * (i + 1) / nodes.size());
}

void FaultDriver::StartLater(uint32_t number, uint64_t after_us) {
  After(after_us, [this, number] {
    if (!disk_full_[number]) host_->StartReplica(number);
  });
}

void FaultDriver::BeginOnDisks(const Fault& fault) {
  for (const uint32_t number : NodesOf(fault)) {
    SimReplica& replica = host_->replica(number);
    SimDisk& disk = replica.disk();
    if (fault.kind == "sync_error") {
      disk.FailNextSync();
    } else if (fault.kind == "lying_sync") {
      disk_lies_[number] = true;
      disk.set_syncs_lie(true);
    } else if (fault.kind == "rot" || fault.kind == "silent_rot") {
      Decay(fault, number);
    } else if (fault.kind == "disk_full") {
      disk_full_[number] = true;
      disk.set_full(true);
    } else if (fault.kind == "slow_disk") {
      host_->CountFault(fault);
      replica.SetSyncTime(static_cast<uint64_t>(fault.amount * 1000));
    } else {
      host_->CrashReplica(number, CrashKind::kNoneKept);
      Lose(fault, number);
      if (absl::StartsWith(fault.kind, "recovered_")) replica.MustRecover();
      StartLater(number, std::max<uint64_t>(1, fault.for_ms * 1000));
    }
  }
}

void FaultDriver::Lose(const Fault& fault, uint32_t number) {
  SimDisk& disk = host_->replica(number).disk();
  if (IsOneOf(fault.kind, {"lost_safety_record", "recovered_record"})) {
    disk.DeleteSafetyRecord();
  } else if (fault.kind == "recovered_folder") {
    disk.DeleteAll();
  } else if (fault.kind == "wrong_disk") {
    if (!fault.peers.empty()) disk.Restore(host_->replica(fault.peers.front()).disk().Snapshot());
  } else if (const auto copy = copies_[&fault].find(number); copy != copies_[&fault].end()) {
    const bool is_whole = IsOneOf(fault.kind, {"old_copy", "recovered_copy"});
    is_whole ? disk.Restore(copy->second) : disk.RestoreSafetyRecord(copy->second);
  }
}

// One bit, a whole value, or two values in each other's places. The safety record is written anew
// with each vote, so that its bits are turned while the process is down.
void FaultDriver::Decay(const Fault& fault, uint32_t number) {
  static const std::vector<RotKind> kKinds = {RotKind::kBitFlip, RotKind::kBitFlip,
                                              RotKind::kZeroes, RotKind::kMisdirect};
  SimDisk& disk = host_->replica(number).disk();
  const bool is_silent = fault.kind == "silent_rot";
  if (is_silent && random_.Below(2) == 0) {
    host_->CrashReplica(number, CrashKind::kNoneKept);
    disk.Rot({.kind = RotKind::kBitFlip,
              .family = storage::Family::kSafety,
              .key = std::string(storage::kSafetyKey)},
             now_us(), &random_);
    return StartLater(number, 1000);
  }
  disk.Rot({.kind = random_.Pick(kKinds), .is_detected_below = !is_silent}, now_us(), &random_);
}

// What the disk had promised meanwhile is lost.
void FaultDriver::StopLying(uint32_t number) {
  host_->CrashReplica(number, CrashKind::kNoneKept);
  disk_lies_[number] = false;
  host_->replica(number).disk().set_syncs_lie(false);
}

void FaultDriver::TakeCopies(const Fault& fault) {
  for (const uint32_t number : NodesOf(fault)) {
    copies_[&fault].emplace(number, host_->replica(number).disk().Snapshot());
  }
}

void FaultDriver::End(const Fault& fault) {
  if (absl::StartsWith(fault.row, "N")) {
    host_->network().End(fault);
    host_->Reconnect();
  }
  for (const uint32_t number : NodesOf(fault)) {
    SimReplica& replica = host_->replica(number);
    if (fault.kind == "wall_jump") replica.SetWallOffset(0);
    if (fault.kind == "drift") replica.SetDrift(0);
    if (fault.kind == "slow_disk") replica.SetSyncTime(0);
    if (fault.kind == "disk_full") {
      disk_full_[number] = false;
      replica.disk().set_full(false);
      host_->StartReplica(number);
    }
    if (fault.kind == "lying_sync") {
      StopLying(number);
      StartLater(number, kOperatorUs);
    }
  }
  host_->OnFault(fault, /*began=*/false);
}

void FaultDriver::Heal() {
  for (const Fault& fault : scenario_.faults) {
    if (absl::StartsWith(fault.row, "N")) host_->network().End(fault);
  }
  for (uint32_t number = 0; number < host_->replicas(); ++number) {
    SimReplica& replica = host_->replica(number);
    replica.SetWallOffset(0);
    replica.SetDrift(0);
    replica.SetSyncTime(0);
    replica.disk().set_full(false);
    if (disk_lies_[number]) StopLying(number);
    effects_left_[number] = 0;
    disk_full_[number] = false;
  }
  healed_ = true;
}

bool FaultDriver::OnEffect(uint32_t number) {
  if (effects_left_[number] == 0 || --effects_left_[number] > 0) return true;
  CrashAndStart(*counting_[number], number, AnyCrash());
  return false;
}

// In the calm phase too: only a broken disk makes a replica stop then, and it may do so until the
// last of its patience.
void FaultDriver::OnStopped(uint32_t number) {
  if (--patience_[number] < 0) return;
  host_->queue().At(now_us() + kOperatorUs, [this, number] {
    if (!disk_full_[number]) host_->StartReplica(number);
  });
}

void FaultDriver::Remember(uint32_t number) {
  std::deque<DiskImage>& records = remembered_[number];
  records.push_back(host_->replica(number).disk().Snapshot());
  if (records.size() > kRememberedMax) records.pop_front();
  After(kRememberEveryUs, [this, number] { Remember(number); });
}

void FaultDriver::Forget(uint32_t number, uint64_t records) {
  const auto remembered = remembered_.find(number);
  if (healed_ || remembered == remembered_.end() || remembered->second.empty()) return;
  const std::deque<DiskImage>& copies = remembered->second;
  const size_t back = std::min<size_t>(records, copies.size() - 1);
  host_->CrashReplica(number, CrashKind::kProcessOnly);
  host_->replica(number).disk().RestoreSafetyRecord(copies[copies.size() - 1 - back]);
  StartLater(number, 1000);
}

}  // namespace kiln::sim
