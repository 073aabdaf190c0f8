// What decayed of the state and of its snapshots is found while the validator runs.
#include "node/state_scrub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "storage/ledger_store.h"
#include "storage/rocksdb_database.h"
#include "storage/snapshot_stream.h"
#include "tests/node/temp_dir.h"
#include "tests/storage/ledger_driver.h"

namespace kiln::node {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr uint64_t kSnapshotEvery = 16;

// Forty executed blocks, with snapshots of heights 16, which the states name, and 32, which those
// from 48 on will.
class StateScrubTest : public testing::Test {
 protected:
  StateScrubTest() {
    auto database =
        storage::OpenRocksDbDatabase(dir_ / "data", storage::Access::kReadWrite, nullptr);
    KILN_CHECK_OK(database.status());
    database_ = *std::move(database);
    auto opened = storage::OpenStore(database_, world_.genesis(), /*read_only=*/false);
    KILN_CHECK_OK(opened.status());
    store_ = *std::move(opened);
    RunTo(40);
    snapshots_.emplace(world_.genesis().limits, store_.get(), 10);
    KILN_CHECK_OK(snapshots_->Restore());
    while (snapshots_->WorkOne()) {
    }
    scrub_.emplace(world_.genesis().limits,
                   StateScrub::Environment{.store = store_.get(),
                                           .database = database_.get(),
                                           .snapshots = &*snapshots_,
                                           .found = [this](const storage::Damage& damage) {
                                             found_.push_back(damage);
                                           }});
  }

  Hash RootOf(uint64_t height) {
    if (snapshots_.has_value()) return snapshots_->FindIndex({height}).value()->root();
    return storage::IndexSnapshot(*store_, {height}, 16, [] { return false; }).value()->root();
  }
  void RunTo(uint64_t height) {
    while (driver_.committed() < height) {
      KILN_CHECK_OK(store_->Persist(driver_.Extend({absl::StrCat(driver_.chain().size())})));
    }
    for (uint64_t at = store_->executed_state().height.value + 1; at <= height; ++at) {
      if (at % kSnapshotEvery == 0 && at > kSnapshotEvery) {
        driver_.SetSnapshotRoot(RootOf(at - kSnapshotEvery));
      }
      std::string value(80'000, '\0');  // nothing that would be compressed away
      for (char& byte : value) byte = static_cast<char>(chance_());
      KILN_CHECK_OK(store_->ApplyBlock({{.key = absl::StrCat("key ", at), .value = value}},
                                       driver_.ResultsAt(at)));
      if (at % kSnapshotEvery == 0) KILN_CHECK_OK(store_->TakeSnapshot());
    }
  }
  // In files of its own: what the ledger has linked stays as it is.
  void RotSnapshot(uint64_t height) {
    for (const auto& file :
         std::filesystem::directory_iterator(absl::StrCat(dir_ / "data", "/snapshots/", height))) {
      if (file.path().extension() != ".sst") continue;
      std::ifstream in(file.path(), std::ios::binary);
      std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
      if (bytes.size() < 100'000) continue;
      bytes[bytes.size() / 2] ^= 1;
      const std::string changed = file.path().string() + ".changed";
      std::ofstream(changed, std::ios::binary) << bytes;
      std::filesystem::rename(changed, file.path());
    }
  }
  // Bytes of one pass.
  uint64_t Pass() {
    uint64_t bytes = 0;
    while (true) {
      const absl::StatusOr<StateScrub::Progress> progress = scrub_->Step();
      KILN_CHECK_OK(progress.status());
      if (progress->is_over) return bytes;
      EXPECT_LE(progress->bytes, 2 * storage::kSnapshotChunkBytes) << "a little at a time";
      bytes += progress->bytes;
    }
  }
  std::vector<Height> Kept() { return store_->Snapshots().value(); }

  std::mt19937_64 chance_{1};  // the same in every run
  consensus::TestWorld world_{
      {1, 1, 1, 1}, {.duplicate_window_blocks = 16, .snapshot_interval_blocks = kSnapshotEvery}};
  storage::LedgerDriver driver_{&world_};
  TempDir dir_;
  std::shared_ptr<storage::Database> database_;
  std::unique_ptr<storage::Store> store_;
  std::optional<Snapshots> snapshots_;
  std::optional<StateScrub> scrub_;
  std::vector<storage::Damage> found_;
};

TEST_F(StateScrubTest, ReadsTheStateAndEverySnapshotInEachPass) {
  const uint64_t bytes = Pass();
  EXPECT_GT(bytes, (40 + 16 + 32) * 80'000u);
  EXPECT_EQ(Pass(), bytes);
  EXPECT_TRUE(found_.empty());
  EXPECT_THAT(Kept(), ElementsAre(Height{16}, Height{32}));
}

TEST_F(StateScrubTest, DropsARottenSnapshotAndNamesIt) {
  RotSnapshot(16);
  Pass();
  ASSERT_EQ(found_.size(), 1u);
  EXPECT_EQ(found_[0].part, storage::LedgerPart::kSnapshot);
  EXPECT_EQ(found_[0].height, Height{16});
  EXPECT_THAT(found_[0].cause, HasSubstr("checksum"));
  EXPECT_THAT(Kept(), ElementsAre(Height{32}));
  EXPECT_TRUE(absl::IsNotFound(snapshots_->FindIndex({16}).status())) << "nobody is offered it";
  Pass();
  EXPECT_EQ(found_.size(), 1u);
}

// Without it a restart could not say what those states have to name.
TEST_F(StateScrubTest, KeepsARottenSnapshotUntilTheStatesHaveNamedIt) {
  RotSnapshot(32);
  Pass();
  ASSERT_EQ(found_.size(), 1u);
  EXPECT_THAT(Kept(), ElementsAre(Height{16}, Height{32}));
  RunTo(48);
  Pass();
  EXPECT_EQ(found_.size(), 2u);
  EXPECT_THAT(Kept(), ElementsAre(Height{16}, Height{48}));
}

}  // namespace
}  // namespace kiln::node
