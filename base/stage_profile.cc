#include "base/stage_profile.h"

#include <algorithm>

#include "base/clock.h"

namespace kiln {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// For every frame or batch, many thousands of times a second.
bool IsShort(Stage stage) {
  return stage == Stage::kSubmit || stage == Stage::kDecode || stage == Stage::kVerify;
}

bool IsCpuDue(Stage stage) {
  if (!IsShort(stage)) return true;
  thread_local uint64_t calls = 0;
  return calls++ % StageTimer::kCpuMeasuredEvery == 0;
}

void Raise(std::atomic<uint64_t>* highest, uint64_t value) {
  uint64_t known = highest->load(kRelaxed);
  while (known < value && !highest->compare_exchange_weak(known, value, kRelaxed)) {
  }
}

}  // namespace

absl::string_view NameOf(Stage stage) {
  static constexpr std::array<absl::string_view, kStageCount> kNames = {
      "submit", "decode", "verify", "step", "persist", "send", "execute", "apply", "answer"};
  return kNames[static_cast<size_t>(stage)];
}

absl::string_view NameOf(Leg leg) {
  static constexpr std::array<absl::string_view, kLegCount> kNames = {
      "batch_to_answer", "block_to_durable", "durable_to_commit", "commit_to_execution",
      "execution_to_answer"};
  return kNames[static_cast<size_t>(leg)];
}

absl::string_view NameOf(Depth depth) {
  static constexpr std::array<absl::string_view, kDepthCount> kNames = {
      "inbox", "verification", "send", "mempool", "unexecuted"};
  return kNames[static_cast<size_t>(depth)];
}

absl::string_view ItemsOf(Stage stage) {
  static constexpr std::array<absl::string_view, kStageCount> kNames = {
      "transactions", "bytes",        "messages", "events",      "transactions",
      "messages",     "transactions", "writes",   "transactions"};
  return kNames[static_cast<size_t>(stage)];
}

void StageProfile::AddLeg(Leg leg, uint64_t ns) {
  LegCounters& counters = legs_[static_cast<size_t>(leg)];
  counters.count.fetch_add(1, kRelaxed);
  counters.ns.fetch_add(ns, kRelaxed);
}

void StageProfile::AddDepth(Depth depth, uint64_t length) {
  DepthCounters& counters = depths_[static_cast<size_t>(depth)];
  counters.samples.fetch_add(1, kRelaxed);
  counters.sum.fetch_add(length, kRelaxed);
  Raise(&counters.highest, length);
}

void StageProfile::BlockSeen(Height height) {
  BlockMark& mark = blocks_[height.value % kBlocksFollowed];
  if (mark.height.load(kRelaxed) == height.value) return;  // another block of its height was
  mark.passed.store(static_cast<uint64_t>(Leg::kBlockToDurable), kRelaxed);
  mark.at_ns.store(MonotonicNs(), kRelaxed);
  mark.height.store(height.value, std::memory_order_release);
}

void StageProfile::BlockDurable(Height height) {
  Pass(height, Leg::kBlockToDurable);
}
void StageProfile::BlockCommitted(Height height) {
  Pass(height, Leg::kDurableToCommit);
}
void StageProfile::BlockStarted(Height height) {
  Pass(height, Leg::kCommitToExecution);
}
void StageProfile::BlockAnswered(Height height) {
  Pass(height, Leg::kExecutionToAnswer);
}

void StageProfile::Pass(Height height, Leg leg) {
  BlockMark& mark = blocks_[height.value % kBlocksFollowed];
  const uint64_t number = static_cast<uint64_t>(leg);
  if (mark.height.load(std::memory_order_acquire) != height.value) return;
  if (mark.passed.load(std::memory_order_acquire) != number) return;
  const uint64_t now_ns = MonotonicNs();
  AddLeg(leg, now_ns - mark.at_ns.load(kRelaxed));
  mark.at_ns.store(now_ns, kRelaxed);
  mark.passed.store(number + 1, std::memory_order_release);
}

ProfileSnapshot StageProfile::Read() const {
  ProfileSnapshot snapshot{.monotonic_ns = MonotonicNs(), .process_cpu_ns = ProcessCpuNs()};
  for (size_t i = 0; i < kStageCount; ++i) {
    const StageCounters& from = stages_[i];
    StageTotals& to = snapshot.stages[i];
    to = {from.calls.load(kRelaxed), from.items.load(kRelaxed), from.wall_ns.load(kRelaxed),
          from.cpu_ns.load(kRelaxed)};
    const uint64_t measured = from.cpu_calls.load(kRelaxed);
    if (measured == 0 || measured == to.calls) continue;
    to.cpu_ns =
        static_cast<uint64_t>(static_cast<double>(to.cpu_ns) *
                              (static_cast<double>(to.calls) / static_cast<double>(measured)));
  }
  for (size_t i = 0; i < kLegCount; ++i) {
    snapshot.legs[i] = {legs_[i].count.load(kRelaxed), legs_[i].ns.load(kRelaxed)};
  }
  for (size_t i = 0; i < kDepthCount; ++i) {
    snapshot.depths[i] = {depths_[i].samples.load(kRelaxed), depths_[i].sum.load(kRelaxed),
                          depths_[i].highest.load(kRelaxed)};
  }
  return snapshot;
}

StageTimer::StageTimer(StageProfile* profile, Stage stage, uint64_t items)
    : profile_(profile), stage_(stage), items_(items) {
  if (profile_ == nullptr) return;
  measures_cpu_ = IsCpuDue(stage);
  wall_ns_ = MonotonicNs();
  if (measures_cpu_) cpu_ns_ = ThreadCpuNs();
}

void StageTimer::Next(Stage stage, uint64_t items) {
  if (profile_ == nullptr) return;
  const uint64_t wall_ns = MonotonicNs();
  const uint64_t cpu_ns = measures_cpu_ ? ThreadCpuNs() : 0;
  Count(wall_ns, cpu_ns);
  stage_ = stage;
  items_ = items;
  wall_ns_ = wall_ns;
  cpu_ns_ = cpu_ns;
}

void StageTimer::End() {
  if (profile_ == nullptr) return;
  Count(MonotonicNs(), measures_cpu_ ? ThreadCpuNs() : 0);
  profile_ = nullptr;
}

void StageTimer::Count(uint64_t wall_ns, uint64_t cpu_ns) {
  StageProfile::StageCounters& counters = profile_->stages_[static_cast<size_t>(stage_)];
  counters.calls.fetch_add(1, kRelaxed);
  counters.items.fetch_add(items_, kRelaxed);
  counters.wall_ns.fetch_add(wall_ns - wall_ns_, kRelaxed);
  if (!measures_cpu_) return;
  counters.cpu_calls.fetch_add(1, kRelaxed);
  counters.cpu_ns.fetch_add(cpu_ns - cpu_ns_, kRelaxed);
}

}  // namespace kiln
