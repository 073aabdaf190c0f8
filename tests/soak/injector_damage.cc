// Flipped bits: what a validator may do about them, and the way back that docs/operations.md gives.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/soak/injector.h"

namespace kiln::soak {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kReadTimeout = absl::Seconds(2);
constexpr int kBlocksRead = 20;
constexpr int kRefusedExitStatus = 1;

// What is in `to` goes, but not the folder itself, which may be where something is mounted.
void CopyContents(const std::string& from, const std::string& to) {
  fs::create_directories(to);
  for (const fs::directory_entry& entry : fs::directory_iterator(to)) fs::remove_all(entry.path());
  fs::copy(from, to, fs::copy_options::recursive);
}

}  // namespace

// The copy is made while the validator is stopped, and it has not run since: its newest state.
void Injector::Damage(const Fault& fault) {
  const size_t victim = fault.validator;
  if (fault.by_sigterm) {
    EXPECT_EQ(cluster().Terminate(victim), 0) << "validator-" << victim << " after SIGTERM";
  } else {
    cluster().Kill(victim);
  }
  const std::string copy = cluster().dir() + "/newest-copy";
  CopyContents(DataDir(victim), copy);
  Chance details(fault.details_seed);
  const BitFlip flip(DataDir(victim), &details);
  Note(absl::StrCat("  flipped ", flip.Describe()));
  cluster().Start(victim);
  RecoveryWatch watch = Watch(victim);
  const bool is_decided =
      integration::WaitUntil([&] { return !cluster().IsRunning(victim) || Poll(watch); });
  ASSERT_TRUE(is_decided) << watch.Describe();
  if (watch.has_recovered()) report_->AddRecovery(FaultKind::kDamage, watch.times());
  if (!watch.has_recovered() && cluster().WaitForEnd(victim) == kRefusedExitStatus) {
    RestoreCopy(victim, copy);
  } else {
    LiveWithDamage(fault, flip, &details);
  }
  fs::remove_all(copy);
}

// It has refused to start, so it has signed nothing since the copy was made.
void Injector::RestoreCopy(size_t validator, const std::string& copy) {
  ExpectNamedEnd(validator, cluster().WaitForEnd(validator), kRefusedExitStatus,
                 DataDir(validator));
  Note(absl::StrCat("  ", integration::LastLine(cluster().LogSinceStart(validator))));
  CopyContents(copy, DataDir(validator));
  Outcome(FaultKind::kDamage, "refused");
  StartAndAwait(FaultKind::kDamage, validator);
}

// It has started, and may have voted: the copy is old now. What is on its disk is the newest state,
// once the bit is right again.
void Injector::LiveWithDamage(const Fault& fault, const BitFlip& flip, Chance* details) {
  const size_t validator = fault.validator;
  const absl::Time until = absl::Now() + fault.lasts;
  ReadSomeBlocks(validator, details);
  ExpectProgress();
  int status = cluster().WaitForEnd(validator, std::max(until - absl::Now(), absl::ZeroDuration()));
  if (status < 0) status = cluster().Terminate(validator);
  if (status == 0) {
    Outcome(FaultKind::kDamage, flip.Repair() ? "went on" : "went on, file replaced");
  } else {
    ExpectNamedEnd(validator, status, kFailStopExitStatus, "stopped");
    Note(absl::StrCat("  ", integration::LastLine(cluster().LogSinceStart(validator))));
    EXPECT_TRUE(flip.Repair()) << "what is damaged is not there any more: " << flip.Describe();
    Outcome(FaultKind::kDamage, "stopped itself");
  }
  StartAndAwait(FaultKind::kDamage, validator);
}

// So that damage in old blocks has a chance to be found. The client verifies each block; an error
// is as good an answer.
void Injector::ReadSomeBlocks(size_t validator, Chance* details) {
  ClientOptions options = cluster().Only(validator);
  options.attempt_timeout = kReadTimeout;
  const absl::StatusOr<std::unique_ptr<Client>> client = Client::Connect(options);
  ASSERT_TRUE(client.ok()) << client.status();
  const uint64_t height = target_.load->highest_height();
  for (int i = 0; i < kBlocksRead; ++i) (void)(*client)->GetBlock(1 + details->Below(height));
}

}  // namespace kiln::soak
