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

constexpr absl::Duration kDownTimeMax = absl::Seconds(3);
constexpr absl::Duration kPauseMin = absl::Milliseconds(100);
constexpr absl::Duration kPauseMax = absl::Seconds(5);
constexpr absl::Duration kDiskLowTimeMax = absl::Seconds(3);
// How long a full disk may go unnoticed: what is written next may still fit into a file.
constexpr absl::Duration kDiskFullPatience = absl::Seconds(10);
constexpr absl::Duration kRefusalTimeout = absl::Seconds(2);
constexpr absl::Duration kQuietTimeMax = absl::Seconds(1);  // between faults
constexpr uint64_t kTransactionsBetween = 50;
constexpr uint64_t kOperationsBetween = 8;

}  // namespace

Injector::Injector(const Target& target, Chance* chance, FaultReport* report)
    : target_(target),
      chance_(chance),
      report_(report),
      deck_(target.small_disk != nullptr, chance),
      start_(absl::Now()),
      log_(target.cluster->dir() + "/faults.log") {}

void Injector::InjectNext() {
  absl::SleepFor(chance_->Between(absl::ZeroDuration(), kQuietTimeMax));
  ExpectAllRunning();
  if (testing::Test::HasFailure()) return;
  const FaultKind kind = deck_.Next();
  report_->AddFault(kind);
  Inject(kind);
  if (!testing::Test::HasFailure()) ExpectProgress();
}

void Injector::Inject(FaultKind kind) {
  switch (kind) {
    case FaultKind::kKill:
      return KillOne();
    case FaultKind::kPause:
      return PauseOne();
    case FaultKind::kKillAll:
      return KillAll();
    case FaultKind::kDiskLow:
      return MakeDiskLow();
    case FaultKind::kDiskFull:
      return MakeDiskFull();
    case FaultKind::kDamage:
      return Damage();
  }
}

void Injector::KillOne() {
  const size_t victim = ChooseValidator();
  const absl::Duration down = chance_->Between(absl::ZeroDuration(), kDownTimeMax);
  Note(absl::StrCat("kill -9 of validator-", victim, ", down for ", absl::FormatDuration(down)));
  cluster().Kill(victim);
  absl::SleepFor(down);
  StartAndAwait(FaultKind::kKill, victim);
}

void Injector::PauseOne() {
  const size_t victim = ChooseValidator();
  const absl::Duration pause = chance_->Between(kPauseMin, kPauseMax);
  Note(absl::StrCat("SIGSTOP of validator-", victim, " for ", absl::FormatDuration(pause)));
  const absl::StatusOr<NodeStatus> before = cluster().Status(victim);
  cluster().Signal(victim, SIGSTOP);
  absl::SleepFor(pause);
  cluster().Signal(victim, SIGCONT);
  const uint64_t votes_before = before.ok() ? before->votes_signed : 0;
  AwaitRecovery(FaultKind::kPause, {Watch(victim, votes_before)});
}

void Injector::KillAll() {
  const absl::Duration down = chance_->Between(absl::ZeroDuration(), kDownTimeMax);
  Note(absl::StrCat("kill -9 of all, down for ", absl::FormatDuration(down)));
  for (size_t i = 0; i < cluster().size(); ++i) cluster().Kill(i);
  absl::SleepFor(down);
  cluster().StartAll();
  std::vector<RecoveryWatch> watches;
  for (size_t i = 0; i < cluster().size(); ++i) watches.push_back(Watch(i));
  AwaitRecovery(FaultKind::kKillAll, std::move(watches));
}

void Injector::MakeDiskLow() {
  const size_t victim = target_.on_small_disk;
  const absl::Duration low = chance_->Between(absl::ZeroDuration(), kDiskLowTimeMax);
  Note(absl::StrCat("the disk of validator-", victim, " is nearly full for ",
                    absl::FormatDuration(low)));
  target_.small_disk->SetFreeBytes(kSmallDiskFreeBytesMin / 2);
  const bool says_so = WaitUntil([&] {
    const absl::StatusOr<NodeStatus> status = cluster().Status(victim);
    return status.ok() && absl::StrContains(status->not_ready_reason, "disk_free_bytes_min");
  });
  EXPECT_TRUE(says_so) << "validator-" << victim << " does not say that its disk is nearly full";
  const absl::StatusOr<Receipt> refused =
      integration::Put(cluster().Only(victim), "refused", kRefusalTimeout);
  EXPECT_TRUE(absl::StrContains(refused.status().message(), "nearly full")) << refused.status();
  absl::SleepFor(low);
  ExpectProgress();
  const absl::StatusOr<NodeStatus> before = cluster().Status(victim);
  target_.small_disk->MakeRoom();
  Outcome(FaultKind::kDiskLow, "refused transactions");
  AwaitRecovery(FaultKind::kDiskLow, {Watch(victim, before.ok() ? before->votes_signed : 0)});
}

void Injector::MakeDiskFull() {
  const size_t victim = target_.on_small_disk;
  Note(absl::StrCat("the disk of validator-", victim, " is full"));
  const absl::StatusOr<NodeStatus> before = cluster().Status(victim);
  target_.small_disk->MakeFull();
  const int status = cluster().WaitForEnd(victim, kDiskFullPatience);
  if (status < 0) {
    target_.small_disk->MakeRoom();
    Outcome(FaultKind::kDiskFull, "wrote nothing new");
    const uint64_t votes_before = before.ok() ? before->votes_signed : 0;
    return AwaitRecovery(FaultKind::kDiskFull, {Watch(victim, votes_before)});
  }
  ExpectNamedEnd(victim, status, kFailStopExitStatus, "writing to");
  cluster().Start(victim);
  ExpectNamedEnd(victim, cluster().WaitForEnd(victim), 1, "disk");
  ExpectProgress();
  target_.small_disk->MakeRoom();
  Outcome(FaultKind::kDiskFull, "stopped itself");
  StartAndAwait(FaultKind::kDiskFull, victim);
}

void Injector::StartAndAwait(FaultKind kind, size_t validator) {
  cluster().Start(validator);
  AwaitRecovery(kind, {Watch(validator)});
}

RecoveryWatch Injector::Watch(size_t validator, uint64_t votes_before) const {
  return {target_.cluster, validator, target_.load->highest_height(), votes_before};
}

void Injector::AwaitRecovery(FaultKind kind, std::vector<RecoveryWatch> watches) {
  // Each is asked in each round, so that its times do not depend on the others'.
  const auto recovered = [](RecoveryWatch& watch) { return watch.Poll(); };
  const bool all_recovered = WaitUntil([&] {
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
                  << (all_recovered ? "" : " after all patience")
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
