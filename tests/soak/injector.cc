#include "tests/soak/injector.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace kiln::soak {

using integration::LastLine;
using integration::WaitUntil;

namespace {

constexpr absl::Duration kRefusalTimeout = absl::Seconds(2);
constexpr uint64_t kTransactionsBetween = 50;
constexpr uint64_t kOperationsBetween = 8;

FaultDeckOptions DeckOf(const Target& target, uint64_t seed) {
  FaultDeckOptions options = {.seed = seed, .validators = target.cluster->size()};
  if (target.small_disk != nullptr) options.on_small_disk = target.on_small_disk;
  options.only = target.only;
  return options;
}

}  // namespace

Injector::Injector(const Target& target, uint64_t seed, FaultReport* report)
    : target_(target),
      report_(report),
      deck_(DeckOf(target, seed)),
      start_(absl::Now()),
      log_(target.cluster->dir() + "/faults.log") {}

void Injector::InjectNext() {
  const Fault fault = deck_.Next();
  absl::SleepFor(fault.quiet);
  ExpectAllRunning();
  if (testing::Test::HasFailure()) return;
  report_->AddFault(fault.kind);
  Note(absl::StrCat("#", ++injected_, " ", Describe(fault)));
  Inject(fault);
  if (!testing::Test::HasFailure()) ExpectProgress();
}

void Injector::Inject(const Fault& fault) {
  switch (fault.kind) {
    case FaultKind::kKill:
      return KillOne(fault);
    case FaultKind::kPause:
      return PauseOne(fault);
    case FaultKind::kKillAll:
      return KillAll(fault);
    case FaultKind::kDiskLow:
      return MakeDiskLow(fault);
    case FaultKind::kDiskFull:
      return MakeDiskFull(fault);
    case FaultKind::kDamage:
      return Damage(fault);
  }
}

void Injector::KillOne(const Fault& fault) {
  cluster().Kill(fault.validator);
  absl::SleepFor(fault.lasts);
  StartAndAwait(FaultKind::kKill, fault.validator);
}

void Injector::PauseOne(const Fault& fault) {
  const size_t victim = fault.validator;
  const uint64_t votes = VotesOf(victim);
  cluster().Signal(victim, SIGSTOP);
  absl::SleepFor(fault.lasts);
  cluster().Signal(victim, SIGCONT);
  AwaitRecovery(FaultKind::kPause, {Watch(victim, votes)});
}

void Injector::KillAll(const Fault& fault) {
  for (size_t i = 0; i < cluster().size(); ++i) cluster().Kill(i);
  absl::SleepFor(fault.lasts);
  cluster().StartAll();
  std::vector<RecoveryWatch> watches;
  for (size_t i = 0; i < cluster().size(); ++i) watches.push_back(Watch(i));
  AwaitRecovery(FaultKind::kKillAll, std::move(watches));
}

void Injector::MakeDiskLow(const Fault& fault) {
  const size_t victim = fault.validator;
  target_.small_disk->SetFreeBytes(kSmallDiskFreeBytesMin / 2);
  EXPECT_TRUE(WaitUntil([&] { return SaysWhyNotReady(victim, "disk_free_bytes_min"); }))
      << "validator-" << victim << " does not say that its disk is nearly full";
  const absl::StatusOr<Receipt> refused =
      integration::Put(cluster().Only(victim), "refused", kRefusalTimeout);
  EXPECT_TRUE(absl::StrContains(refused.status().message(), "nearly full")) << refused.status();
  absl::SleepFor(fault.lasts);
  ExpectProgress();
  const uint64_t votes = VotesOf(victim);
  target_.small_disk->MakeRoom();
  Outcome(FaultKind::kDiskLow, "refused transactions");
  AwaitRecovery(FaultKind::kDiskLow, {Watch(victim, votes)});
}

void Injector::MakeDiskFull(const Fault& fault) {
  const size_t victim = fault.validator;
  target_.small_disk->SetFreeBytes(0);
  const bool is_noticed = WaitUntil(
      [&] { return !cluster().IsRunning(victim) || SaysWhyNotReady(victim, "nothing is signed"); });
  EXPECT_TRUE(is_noticed) << "validator-" << victim << " does not say that its disk is full";
  if (cluster().IsRunning(victim)) {
    SitOutFullDisk(victim);
  } else {
    ReturnFromFullDisk(victim);
  }
}

// It waits for room and signs nothing, while the others go on.
void Injector::SitOutFullDisk(size_t validator) {
  ExpectProgress();  // what it had begun has ended
  const uint64_t votes = VotesOf(validator);
  ExpectProgress();
  EXPECT_EQ(VotesOf(validator), votes) << "validator-" << validator << " votes with a full disk";
  target_.small_disk->MakeRoom();
  Outcome(FaultKind::kDiskFull, "stopped voting");
  AwaitRecovery(FaultKind::kDiskFull, {Watch(validator, votes)});
}

// A write failed before it had looked at the disk.
void Injector::ReturnFromFullDisk(size_t validator) {
  ExpectNamedEnd(validator, cluster().WaitForEnd(validator), kFailStopExitStatus, "writing to");
  cluster().Start(validator);
  ExpectNamedEnd(validator, cluster().WaitForEnd(validator), 1, "disk");
  ExpectProgress();
  target_.small_disk->MakeRoom();
  Outcome(FaultKind::kDiskFull, "stopped itself");
  StartAndAwait(FaultKind::kDiskFull, validator);
}

bool Injector::SaysWhyNotReady(size_t validator, absl::string_view why) const {
  const absl::StatusOr<NodeStatus> status = cluster().Status(validator);
  return status.ok() && absl::StrContains(status->not_ready_reason, why);
}

uint64_t Injector::VotesOf(size_t validator) const {
  absl::StatusOr<NodeStatus> status;
  const bool has_answered = WaitUntil([&] {
    status = cluster().Status(validator);
    return status.ok();
  });
  EXPECT_TRUE(has_answered) << "validator-" << validator << ": " << status.status();
  return has_answered ? status->votes_signed : 0;
}

void Injector::StartAndAwait(FaultKind kind, size_t validator) {
  cluster().Start(validator);
  AwaitRecovery(kind, {Watch(validator)});
}

RecoveryWatch Injector::Watch(size_t validator, uint64_t votes_before) const {
  return RecoveryWatch({.validator = validator,
                        .height = target_.load->highest_height(),
                        .votes_before = votes_before},
                       absl::Now());
}

bool Injector::Poll(RecoveryWatch& watch) const {
  if (watch.has_recovered()) return true;
  const absl::StatusOr<NodeStatus> status = cluster().Status(watch.validator());
  return watch.Take(status, absl::Now());
}

void Injector::AwaitRecovery(FaultKind kind, std::vector<RecoveryWatch> watches) {
  // Each is asked in each round, so that its times do not depend on the others'.
  const auto recovered = [this](RecoveryWatch& watch) { return Poll(watch); };
  const bool is_decided = WaitUntil([&] {
    return std::count_if(watches.begin(), watches.end(), recovered) ==
               static_cast<ptrdiff_t>(watches.size()) ||
           std::any_of(watches.begin(), watches.end(), [&](const RecoveryWatch& watch) {
             return !cluster().IsRunning(watch.validator());
           });
  });
  for (RecoveryWatch& watch : watches) {
    if (watch.has_recovered()) {
      report_->AddRecovery(kind, watch.times());
      continue;
    }
    ADD_FAILURE() << "after a fault of kind \"" << NameOf(kind) << "\": " << watch.Describe()
                  << (cluster().IsRunning(watch.validator()) ? ", but runs" : ", and has ended")
                  << (is_decided ? "" : " after all patience")
                  << "; its last line: " << LastLine(cluster().LogSinceStart(watch.validator()));
  }
}

void Injector::ExpectNamedEnd(size_t validator, int status, int wanted, absl::string_view why) {
  const std::string line = LastLine(cluster().LogSinceStart(validator));
  EXPECT_EQ(status, wanted) << "validator-" << validator << " ended with: " << line;
  EXPECT_TRUE(absl::StartsWith(line, "kiln") && absl::StrContains(line, why) &&
              !absl::StrContains(line, "check failed"))
      << "validator-" << validator << " ended with: " << line;
}

void Injector::ExpectProgress() {
  EXPECT_TRUE(target_.load->WaitForMore(kTransactionsBetween));
  EXPECT_TRUE(target_.registers->WaitForMore(kOperationsBetween));
}

void Injector::ExpectAllRunning() {
  for (size_t i = 0; i < cluster().size(); ++i) {
    EXPECT_TRUE(cluster().IsRunning(i))
        << "validator-" << i << " ended by itself with status " << cluster().WaitForEnd(i)
        << "; its last line: " << LastLine(cluster().LogSinceStart(i));
  }
}

void Injector::Outcome(FaultKind kind, absl::string_view what) {
  report_->AddOutcome(kind, what);
  Note(absl::StrCat("  ", what));
}

void Injector::Note(absl::string_view line) {
  const std::string text =
      absl::StrFormat("%7.2f s  %s\n", absl::ToDoubleSeconds(absl::Now() - start_), line);
  std::fputs(text.c_str(), stderr);
  log_ << text << std::flush;
}

}  // namespace kiln::soak
