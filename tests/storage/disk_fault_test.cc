// Each call to the disk fails once: whatever is then refused, nothing that was promised is lost.
#include <rocksdb/env.h>

#include <iostream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/check.h"
#include "tests/storage/recorded_run.h"
#include "tests/storage/store_fixture.h"

namespace kiln::storage {
namespace {

using rocksdb::IOStatus;
using Kind = DiskCall::Kind;

constexpr uint64_t kFaultedRounds = 60;  // some tables, blob files and logs are written
constexpr uint64_t kFaultedReopening = 40;
constexpr size_t kCallsPerFault = 19;  // every so many calls, each time another one

// What the node relies on: whatever of it fails must end all writing. The rest is RocksDB's
// housekeeping, which it does again, or files that nothing reads.
bool IsEssential(const DiskCall& call) {
  if (absl::StartsWith(call.name, "OPTIONS-") || absl::EndsWith(call.name, ".dbtmp")) return false;
  return call.kind == Kind::kAppend || call.kind == Kind::kSync || call.kind == Kind::kCreate ||
         call.kind == Kind::kSyncFolder;
}

// What became of a run, one of whose calls failed.
struct Outcome {
  bool is_reached = false;  // the call
  bool has_failed = false;  // the run
};

class DiskFaults : public testing::Test {
 protected:
  // Runs until something fails, then checks what must hold from there on.
  Outcome RunWith(size_t failing_call, const IOStatus& fault) {
    RecordedRun run;
    run.disk().FailCall(failing_call, fault);
    bool is_in_closing = false;
    const absl::Status status = RunRounds(&run, &is_in_closing);
    const std::optional<DiskCall> failed = run.disk().failed_call();
    SCOPED_TRACE(absl::StrCat("call ", failing_call, ", ",
                              failed.has_value() ? Describe(*failed) : "", ": ", fault.ToString(),
                              "; ", status.ToString()));
    if (run.is_open() && !status.ok()) ExpectStopped(&run, status);
    const bool must_stop = failed.has_value() && IsEssential(*failed) && !is_in_closing;
    EXPECT_FALSE(status.ok() && must_stop);
    EXPECT_NE(status.code(), absl::StatusCode::kInternal);
    run.Close();
    ExpectAllKept(run);
    return {.is_reached = failed.has_value(), .has_failed = !status.ok()};
  }

  // A call that fails while the store is closed stops nobody: it left behind what recovery needs.
  static absl::Status RunRounds(RecordedRun* run, bool* is_in_closing) {
    absl::Status status = run->Open();
    for (uint64_t round = 1; round <= kFaultedRounds && status.ok(); ++round) {
      status = run->RunRound(round);
      if (round != kFaultedReopening || !status.ok()) continue;
      run->Close();
      *is_in_closing = run->disk().failed_call().has_value();
      status = run->Open();
    }
    // What failed in the background is said by the next write.
    for (int i = 0; i < 100 && status.ok() && run->disk().failed_call().has_value(); ++i) {
      status = run->RunRound(kFaultedRounds + 1 + static_cast<uint64_t>(i));
    }
    return status;
  }

  // The store says the same to every write, and goes on to read.
  static void ExpectStopped(RecordedRun* run, const absl::Status& failure) {
    EXPECT_THAT(std::string(failure.message()), testing::HasSubstr("the node must stop"));
    EXPECT_EQ(run->store().Persist(run->promises().front().write), failure);
    EXPECT_EQ(run->RunRound(1000), failure);
    EXPECT_TRUE(run->CheckBlocks(run->store()).ok());
  }

  static void ExpectAllKept(const RecordedRun& run) {
    const absl::StatusOr<std::unique_ptr<Store>> store = run.OpenAt(run.folder());
    ASSERT_TRUE(store.ok()) << store.status();
    size_t found = 0;
    const absl::Status kept = run.CheckCrashAt(run.disk().record_size() + 1, **store, &found);
    EXPECT_TRUE(kept.ok()) << kept;
  }

  // A fault at every kCallsPerFault-th call, from `first` on.
  void RunWithEach(size_t first, const IOStatus& fault) {
    size_t faults = 0;
    size_t stops = 0;
    for (size_t call = first;; call += kCallsPerFault) {
      const Outcome outcome = RunWith(call, fault);
      if (!outcome.is_reached) break;
      ++faults;
      stops += outcome.has_failed ? 1 : 0;
    }
    std::cout << faults << " faults (" << fault.ToString() << "), " << stops
              << " of them stopped the store\n";
    EXPECT_GT(faults, 10);
    EXPECT_GT(stops, 5);
  }
};

IOStatus Retryable(const char* message) {
  IOStatus status = IOStatus::IOError(message);
  status.SetRetryable(true);
  return status;
}

TEST_F(DiskFaults, StopTheStoreWhenTheDiskHasAnError) {
  RunWithEach(0, IOStatus::IOError("Input/output error"));
}

TEST_F(DiskFaults, StopTheStoreWhenTheDiskSaysThatAnotherTryMayHelp) {
  RunWithEach(2, Retryable("Input/output error"));
}

TEST_F(DiskFaults, StopTheStoreWhenTheDiskIsFull) {
  RunWithEach(4, IOStatus::NoSpace("No space left on device"));
}

TEST_F(DiskFaults, StopTheStoreWhenNoFileCanBeOpened) {
  RunWithEach(6, IOStatus::IOError("Too many open files"));
}

TEST_F(DiskFaults, StopTheStoreWhenTheFileSystemIsReadOnly) {
  RunWithEach(8, IOStatus::IOError("Read-only file system"));
}

TEST_F(DiskFaults, OnlyDelayWhenSyncsAreSlow) {
  RecordedRun run;
  run.disk().SlowSyncs(absl::Milliseconds(20));
  KILN_CHECK_OK(run.Open());
  for (uint64_t round = 1; round <= 15; ++round) KILN_CHECK_OK(run.RunRound(round));
  EXPECT_TRUE(run.CheckBlocks(run.store()).ok());
  run.Close();
  ExpectAllKept(run);
}

}  // namespace
}  // namespace kiln::storage
