#include "node/pruner.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "base/check.h"
#include "storage/rocksdb_store.h"
#include "tests/node/temp_dir.h"
#include "tests/storage/ledger_driver.h"

namespace kiln::node {
namespace {

constexpr uint64_t kBlocksBetweenSnapshots = 16;

// A chain of short intervals whose blocks are executed as they are committed.
class PrunerTest : public testing::Test {
 protected:
  PrunerTest() { Open(); }

  void Open() {
    store_.reset();
    store_ =
        storage::OpenRocksDbStore({.data_dir = dir_ / "data", .genesis = world_.genesis()}).value();
  }
  // With the two newest snapshots kept.
  void RunTo(uint64_t height) {
    while (driver_.committed() < height) {
      KILN_CHECK_OK(store_->Persist(driver_.Extend({absl::StrCat(driver_.chain().size())})));
    }
    for (uint64_t at = store_->executed_state().height.value + 1; at <= height; ++at) {
      KILN_CHECK_OK(store_->ApplyBlock(storage::LedgerDriver::WritesAt(at), driver_.ResultsAt(at)));
      if (at % kBlocksBetweenSnapshots != 0) continue;
      KILN_CHECK_OK(store_->TakeSnapshot());
      if (at <= 2 * kBlocksBetweenSnapshots) continue;
      KILN_CHECK_OK(store_->DropSnapshot({at - 2 * kBlocksBetweenSnapshots}));
    }
  }
  Pruner MakePruner(uint64_t retention) {
    return Pruner(world_.genesis().limits, store_.get(), retention);
  }
  static void StepAll(Pruner* pruner) {
    while (pruner->Step().value()) {
    }
  }
  uint64_t lowest() const { return store_->base().lowest().value; }
  bool IsStored(uint64_t height) const { return store_->BlockById(driver_.at(height)->id).ok(); }

  consensus::TestWorld world_{
      {1, 1, 1, 1},
      {.duplicate_window_blocks = 16, .snapshot_interval_blocks = kBlocksBetweenSnapshots}};
  storage::LedgerDriver driver_{&world_};
  TempDir dir_;
  std::unique_ptr<storage::Store> store_;
};

TEST_F(PrunerTest, KeepsAllWhenThereIsNoRetention) {
  RunTo(200);
  Pruner pruner = MakePruner(0);
  EXPECT_FALSE(pruner.Step().value());
  EXPECT_EQ(lowest(), 1u);
}

TEST_F(PrunerTest, KeepsAsMuchAsTheRetentionSays) {
  RunTo(200);
  Pruner pruner = MakePruner(120);
  StepAll(&pruner);
  EXPECT_EQ(lowest(), driver_.committed() - 120 + 1);
  EXPECT_TRUE(store_->BlockAt({lowest()}).ok());
}

TEST_F(PrunerTest, KeepsWhatTheSnapshotsNeedHoweverLittleIsAskedFor) {
  RunTo(200);  // snapshots of heights 176 and 192 are kept
  Pruner pruner = MakePruner(1);
  StepAll(&pruner);
  EXPECT_EQ(lowest(), 176 - 16 + 1u);
}

TEST_F(PrunerTest, FollowsTheChain) {
  Pruner pruner = MakePruner(40);
  uint64_t blocks_max = 0;
  for (uint64_t height = 20; height <= 1000; height += 20) {
    RunTo(height);
    StepAll(&pruner);
    blocks_max = std::max(blocks_max, driver_.committed() - lowest() + 1);
  }
  EXPECT_LE(blocks_max, 80u);
  EXPECT_GT(lowest(), 900u);
  Open();
  EXPECT_FALSE(IsStored(1));
  EXPECT_FALSE(IsStored(lowest() - 1));
}

// Whoever is asked about each block must not look at the disk for each of them.
TEST_F(PrunerTest, LooksAgainAfterSomeBlocksOnly) {
  RunTo(200);
  Pruner pruner = MakePruner(80);
  StepAll(&pruner);
  const uint64_t syncs = store_->counters().syncs;
  RunTo(driver_.committed() + 1);
  EXPECT_FALSE(pruner.Step().value());
  EXPECT_EQ(store_->counters().syncs, syncs + 1);  // of the block
}

TEST_F(PrunerTest, IsWokenOnlyWhenThereMayBeSomethingToDo) {
  Pruner keeps_all = MakePruner(0);
  Pruner pruner = MakePruner(80);
  EXPECT_TRUE(keeps_all.Wake());
  RunTo(200);
  StepAll(&keeps_all);
  StepAll(&pruner);
  EXPECT_FALSE(keeps_all.Wake());
  EXPECT_FALSE(pruner.Wake());
  RunTo(220);
  EXPECT_FALSE(keeps_all.Wake());
  EXPECT_TRUE(pruner.Wake());
}

TEST_F(PrunerTest, DeletesWhatTheProcessBeforeHasLeft) {
  RunTo(200);
  const storage::PrunePlan plan{.lowest = {100}, .window_lowest = {100}};
  KILN_CHECK_OK(store_->Prune(plan));
  Open();
  ASSERT_TRUE(store_->BlockAt({100}).ok());
  Pruner pruner = MakePruner(150);
  StepAll(&pruner);
  Open();
  EXPECT_EQ(lowest(), 100u);
  EXPECT_FALSE(store_->DeletePruned(plan, 1000).value() && IsStored(50));
}

TEST_F(PrunerTest, RunsWhenItIsWokenUntilItIsStopped) {
  RunTo(200);
  Pruner pruner = MakePruner(120);
  absl::Status ended;
  std::thread thread([&] { ended = pruner.Run([&] { return pruner.Step(); }); });
  while (lowest() == 1) std::this_thread::yield();
  pruner.Wake();
  pruner.Stop();
  thread.join();
  EXPECT_TRUE(ended.ok()) << ended;
  EXPECT_EQ(lowest(), driver_.committed() - 120 + 1);
}

TEST_F(PrunerTest, EndsWithTheFirstError) {
  Pruner pruner = MakePruner(1);
  const absl::Status ended = pruner.Run(
      []() -> absl::StatusOr<bool> { return absl::UnavailableError("the disk is gone"); });
  EXPECT_EQ(ended.message(), "the disk is gone");
}

}  // namespace
}  // namespace kiln::node
