// Every point of a long run at which the machine may stop, and what its disk may then hold.
//
//   KILN_SEED=17 storage_test --gtest_filter='*CrashImages*'     another choice of what is lost
//   KILN_ALL_IMAGES=1 storage_test --gtest_filter='*CrashImages*'     every kind at every point
#include <rocksdb/env.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <numeric>
#include <random>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "tests/storage/crash_disk.h"
#include "tests/storage/recorded_run.h"
#include "tests/storage/store_fixture.h"

namespace kiln::storage {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kRounds = 240;
constexpr uint64_t kReopenEvery = 45;
constexpr uint64_t kPruneEvery = 30;
constexpr uint64_t kHeightsKept = 12;
// Runs, each of which is stopped at every kRuns-th point of its own.
constexpr size_t kRuns = 4;
constexpr size_t kImagesMin = 2000 / kRuns;
// Where that many files and names are uncertain there is much to choose from: more random images.
constexpr size_t kManyUncertain = 3;
constexpr size_t kExtraImages = 1;
constexpr size_t kFailuresShownMax = 5;
constexpr size_t kImagesPerContinuation = 8;

uint64_t SeedOf(size_t run) {
  const char* named = std::getenv("KILN_SEED");
  uint64_t seed = 1;
  if (named != nullptr) KILN_CHECK(absl::SimpleAtoi(named, &seed)) << named;
  return seed * kRuns + run;
}

// The machine's disk without what costs time and is never read: RocksDB's OPTIONS files (it goes on
// without them) and space that is reserved in advance.
class LeanFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  LeanFileSystem() : rocksdb::FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "LeanFileSystem"; }

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    if (absl::StrContains(path, "/OPTIONS-")) return rocksdb::IOStatus::NotSupported();
    rocksdb::FileOptions lean = options;
    lean.allow_fallocate = false;
    return target()->NewWritableFile(path, lean, file, debug);
  }
};

// Opens images of one run's crashes, and counts.
class ImageChecker {
 public:
  ImageChecker(const RecordedRun* run, uint64_t seed)
      : run_(run), record_(run->disk().Record()), seed_(seed), random_(seed) {}

  // Of the disk after so many calls. An image that is like the last one of its kind is left out.
  void CheckOne(const CrashDisk& disk, size_t point, CrashKind kind) {
    Check(disk.ImageOf(kind, &random_), point, kind);
    if (disk.uncertain() < kManyUncertain) return;
    for (size_t i = 0; i < kExtraImages; ++i) {
      Check(disk.ImageOf(CrashKind::kRandomPart, &random_), point, CrashKind::kRandomPart);
    }
  }
  void CheckAll(const CrashDisk& disk, size_t point) {
    for (size_t kind = 0; kind < kCrashKindCount; ++kind) {
      CheckOne(disk, point, static_cast<CrashKind>(kind));
    }
  }

  std::string Summary() const {
    std::string text =
        absl::StrCat(images(), " images of ", record_.size(), " calls, seed ", seed_);
    for (size_t kind = 0; kind < kCrashKindCount; ++kind) {
      absl::StrAppend(&text, ", ", images_[kind], " kept ", NameOf(static_cast<CrashKind>(kind)));
    }
    return absl::StrCat(text, ", ", failures_, " violations");
  }

  size_t images() const { return std::accumulate(images_.begin(), images_.end(), size_t{0}); }
  const std::vector<DiskCall>& record() const { return record_; }

 private:
  void Check(const CrashImage& image, size_t point, CrashKind kind) {
    Last& last = last_.at(static_cast<size_t>(kind));
    const size_t kept = run_->NewestKeptAt(point);
    if (last.kept == kept && last.image == image) return;
    last = {.kept = kept, .image = image};
    const std::string folder = dir_.At("image");
    fs::create_directory(folder);
    WriteImage(image, folder);
    const absl::Status status = CheckFolder(folder, point);
    fs::remove_all(folder);
    ++images_.at(static_cast<size_t>(kind));
    if (status.ok() || ++failures_ > kFailuresShownMax) return;
    ADD_FAILURE() << Where(point, kind) << ": " << status;
  }

  absl::Status CheckFolder(const std::string& folder, size_t point) {
    size_t found = 0;
    {
      KILN_ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, run_->OpenAt(folder, lean_.get()));
      KILN_RETURN_IF_ERROR(run_->CheckCrashAt(point, *store, &found));
      if (images() % kImagesPerContinuation != 0 || found + 1 >= run_->promises().size()) {
        return absl::OkStatus();
      }
      KILN_RETURN_IF_ERROR(store->Persist(run_->promises()[found + 1].write));
    }
    KILN_ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, run_->OpenAt(folder, lean_.get()));
    return Annotate(run_->CheckReads(*store, run_->promises()[found + 1]), "after going on");
  }

  // With the last calls before the point, for whoever looks into a failure.
  std::string Where(size_t point, CrashKind kind) const {
    constexpr size_t kCallsShown = 6;
    std::string text = absl::StrCat("KILN_SEED=", seed_ / kRuns, ", crash after ", point,
                                    " calls, ", NameOf(kind), " kept; the last calls:");
    for (size_t i = point - std::min(point, kCallsShown); i < point; ++i) {
      absl::StrAppend(&text, " [", Describe(record_[i]), "]");
    }
    return text;
  }

  struct Last {
    size_t kept = SIZE_MAX;
    CrashImage image;
  };

  const RecordedRun* const run_;
  const std::vector<DiskCall> record_;
  const uint64_t seed_;
  std::mt19937_64 random_;
  const std::unique_ptr<rocksdb::Env> lean_ =
      rocksdb::NewCompositeEnv(std::make_shared<LeanFileSystem>());
  TemporaryDir dir_{MemoryFolder()};
  std::array<Last, kCrashKindCount> last_;
  std::array<size_t, kCrashKindCount> images_{};
  size_t failures_ = 0;
};

// A run of kRounds that is stopped and opened again a few times.
void RunAll(RecordedRun* run) {
  KILN_CHECK_OK(run->Open());
  for (uint64_t round = 1; round <= kRounds; ++round) {
    KILN_CHECK_OK(run->RunRound(round));
    if (round % kPruneEvery == 0) KILN_CHECK_OK(run->Prune(kHeightsKept));
    if (round % kReopenEvery == 0) KILN_CHECK_OK(run->Open());
  }
  run->Close();
}

class CrashImages : public testing::TestWithParam<size_t> {};

TEST_P(CrashImages, HoldAllThatWasPromisedWhereverTheMachineStops) {
  RecordedRun run;
  RunAll(&run);
  ImageChecker checker(&run, SeedOf(GetParam()));
  const bool checks_all = std::getenv("KILN_ALL_IMAGES") != nullptr;
  CrashDisk disk;
  for (size_t point = 0; point <= checker.record().size(); ++point) {
    if (point > 0) disk.Apply(checker.record()[point - 1]);
    if (checks_all) {
      checker.CheckAll(disk, point);
    } else if (point % kRuns == GetParam()) {
      const size_t kind = (point / kRuns) % kCrashKindCount;
      checker.CheckOne(disk, point, static_cast<CrashKind>(kind));
    }
  }
  std::cout << checker.Summary() << "\n";
  EXPECT_GE(checker.images(), kImagesMin);
}

INSTANTIATE_TEST_SUITE_P(Runs, CrashImages, testing::Range(size_t{0}, kRuns));

// Names and sizes of the logs of an image.
std::map<std::string, size_t> LogsOf(const CrashDisk& disk, CrashKind kind) {
  std::mt19937_64 unused;
  std::map<std::string, size_t> logs;
  for (const auto& [name, contents] : disk.ImageOf(kind, &unused)) {
    if (absl::EndsWith(name, ".log")) logs[name] = contents.size();
  }
  return logs;
}

TEST(StrictFiles, BeginALogWhenAllLogsBeforeItAreDurable) {
  RecordedRun run;
  RunAll(&run);
  CrashDisk disk;
  bool is_opening = false;  // the logs of before are in tables when its first log gets a byte
  size_t logs_followed = 0;
  for (const DiskCall& call : run.disk().Record()) {
    if (call.kind == DiskCall::Kind::kOpen && call.name == "CURRENT") is_opening = true;
    if (call.kind == DiskCall::Kind::kCreate && absl::EndsWith(call.name, ".log")) {
      const auto logs = LogsOf(disk, CrashKind::kEverything);
      if (!std::exchange(is_opening, false) && !logs.empty()) {
        EXPECT_EQ(LogsOf(disk, CrashKind::kNothingUnsynced), logs) << Describe(call);
        ++logs_followed;
      }
    }
    disk.Apply(call);
  }
  EXPECT_GT(logs_followed, 5);
}

TEST(StrictFiles, NameAManifestThatIsDurable) {
  RecordedRun run;
  RunAll(&run);
  CrashDisk disk;
  std::mt19937_64 unused;
  size_t renames = 0;
  for (const DiskCall& call : run.disk().Record()) {
    if (call.kind == DiskCall::Kind::kRename && call.data == "CURRENT") {
      const CrashImage image = disk.ImageOf(CrashKind::kNothingUnsynced, &unused);
      std::string named = image.at(call.name);
      named.pop_back();  // the end of the line
      EXPECT_TRUE(image.contains(named)) << named;
      ++renames;
    }
    disk.Apply(call);
  }
  EXPECT_GT(renames, kRounds / kReopenEvery);
}

}  // namespace
}  // namespace kiln::storage
