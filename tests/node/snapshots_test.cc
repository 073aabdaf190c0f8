#include "node/snapshots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "node/duplicate_window.h"
#include "node/execution.h"
#include "tests/node/memory_store.h"
#include "tests/node/test_blocks.h"

namespace kiln::node {
namespace {

using testing::ElementsAre;

constexpr uint64_t kInterval = 16;

Genesis ChainOfShortIntervals() {
  Genesis genesis = SmallGenesis();
  genesis.limits.snapshot_interval_blocks = kInterval;
  return genesis;
}

// Writes each transaction under itself.
class Keeper : public Application {
 public:
  absl::StatusOr<Effects> Execute(const Block& block, State& state) override {
    Effects effects;
    for (const absl::string_view transaction : block.transactions) {
      state.Put(transaction, "kept");
      effects.replies.push_back(Reply::Ok());
    }
    return effects;
  }
  absl::StatusOr<std::string> Query(const StateView&, absl::string_view) const override {
    return absl::UnimplementedError("nobody asks");
  }
};

// One validator that can stop between any two blocks.
struct Validator {
  explicit Validator(size_t snapshots_kept = 2) : kept(snapshots_kept), chain(genesis, &store) {
    Start();
  }

  void Start() {
    window.emplace(genesis.limits.duplicate_window_blocks);
    KILN_CHECK_OK(window->Restore(store));
    snapshots.emplace(genesis.limits, &store, kept);
    KILN_CHECK_OK(snapshots->Restore());
    const auto newest = store.ResultsAt(store.executed_state().height);
    executor.emplace(genesis.limits, &store, &application, &*window, &*snapshots,
                     newest.ok() ? newest->total_transactions : 0);
  }
  absl::StatusOr<ExecutedBlock> Next() {
    const uint64_t height = store.executed_state().height.value + 1;
    return executor->Execute(
        chain.Commit({{.payload = absl::StrCat(height % 50), .last_height = height + 10}}));
  }
  void RunTo(uint64_t height) {
    while (store.executed_state().height.value < height) KILN_CHECK_OK(Next().status());
  }

  const size_t kept;
  Genesis genesis = ChainOfShortIntervals();
  storage::MemoryStore store{genesis};
  TestChain chain;
  Keeper application;
  std::optional<DuplicateWindow> window;
  std::optional<Snapshots> snapshots;
  std::optional<Executor> executor;
};

TEST(Snapshots, AreTakenOfEveryMultipleOfTheIntervalBeforeTheStateGoesOn) {
  Validator validator;
  validator.RunTo(kInterval);
  EXPECT_THAT(validator.store.Snapshots().value(), ElementsAre());
  validator.RunTo(kInterval + 1);
  EXPECT_THAT(validator.store.Snapshots().value(), ElementsAre(Height{16}));
  const auto cursor = validator.store.OpenSnapshot({16}).value();
  EXPECT_FALSE(cursor->Seek("17").value() && cursor->key() == "17");
  EXPECT_TRUE(cursor->Seek("16").value() && cursor->key() == "16");
}

TEST(Snapshots, BeyondTheNewestAreDropped) {
  Validator validator(/*snapshots_kept=*/1);
  validator.RunTo(2 * kInterval + 1);
  EXPECT_THAT(validator.store.Snapshots().value(), ElementsAre(Height{32}));
  validator.RunTo(5 * kInterval + 1);
  EXPECT_THAT(validator.store.Snapshots().value(), ElementsAre(Height{80}));
}

TEST(Snapshots, AreNamedOneIntervalLaterByEveryState) {
  Validator validator;
  validator.RunTo(4 * kInterval);
  Hash root;
  for (uint64_t height = 1; height <= 4 * kInterval; ++height) {
    const consensus::ExecutedState state = validator.store.ResultsAt({height})->state;
    EXPECT_EQ(state.snapshot_height, consensus::SnapshotNamedAt({height}, kInterval));
    if (height < 2 * kInterval) {
      EXPECT_EQ(state.snapshot_root, Hash());
    }
    if (height >= 2 * kInterval && height % kInterval == 0) {
      EXPECT_NE(state.snapshot_root, root) << "at height " << height;
      root = state.snapshot_root;
    }
    EXPECT_EQ(state.snapshot_root, root) << "at height " << height;
  }
  EXPECT_EQ(root, validator.snapshots->IndexOf({48}).value()->root());
}

TEST(Snapshots, HaveTheSameRootsWhereverAValidatorStops) {
  Validator steady;
  Validator restless;
  for (uint64_t height = 1; height <= 4 * kInterval; ++height) {
    const auto one = steady.Next();
    restless.Start();
    const auto other = restless.Next();
    ASSERT_TRUE(one.ok()) << one.status();
    ASSERT_TRUE(other.ok()) << other.status();
    ASSERT_EQ(one->state_root, other->state_root) << "at height " << height;
  }
}

// What a start finds on the disk.
class FoundByAStart : public storage::MemoryStore {
 public:
  struct Disk {
    std::vector<Height> snapshots;
    Height base;
    Height executed;
  };

  FoundByAStart(const Genesis& genesis, Disk disk) : MemoryStore(genesis), disk_(std::move(disk)) {}

  absl::StatusOr<std::vector<Height>> Snapshots() const override { return disk_.snapshots; }
  storage::LedgerBase base() const override {
    storage::LedgerBase base = MemoryStore::base();
    base.header.height = disk_.base;
    return base;
  }
  consensus::ExecutedState executed_state() const override { return {.height = disk_.executed}; }
  absl::Status DropSnapshot(Height height) override {
    dropped.push_back(height);
    return absl::OkStatus();
  }

  std::vector<Height> dropped;

 private:
  const Disk disk_;
};

// After a power failure: the state was not synced, the snapshot of it was.
TEST(Snapshots, OfAStateThatWasLostAreDroppedByAStart) {
  const Genesis genesis = ChainOfShortIntervals();
  FoundByAStart store(genesis, {.snapshots = {{32}}, .base = {0}, .executed = {0}});
  Snapshots snapshots(genesis.limits, &store, 2);
  ASSERT_TRUE(snapshots.Restore().ok());
  EXPECT_THAT(store.dropped, ElementsAre(Height{32}));
  EXPECT_TRUE(absl::IsNotFound(snapshots.IndexOf({32}).status()));
}

// A validator fetched the snapshot of height 32, took one of it itself, and went on; the one of
// height 16 is from before.
TEST(Snapshots, OfTheHeightThatTheLedgerBeginsWithAreKeptByAStart) {
  const Genesis genesis = ChainOfShortIntervals();
  FoundByAStart store(genesis, {.snapshots = {{16}, {32}}, .base = {32}, .executed = {33}});
  Snapshots snapshots(genesis.limits, &store, 2);
  ASSERT_TRUE(snapshots.Restore().ok());
  EXPECT_THAT(store.dropped, ElementsAre(Height{16}));
}

TEST(Snapshots, SayWhatToDoWhenOneIsMissing) {
  Validator validator;
  validator.RunTo(2 * kInterval - 1);
  KILN_CHECK_OK(validator.store.DropSnapshot({16}));
  validator.Start();
  const auto executed = validator.Next();
  EXPECT_TRUE(absl::IsNotFound(executed.status())) << executed.status();
  EXPECT_THAT(std::string(executed.status().message()),
              testing::AllOf(testing::HasSubstr("snapshot of height 16 is missing"),
                             testing::HasSubstr("put the folder snapshots back")));
}

TEST(Snapshots, AreWorkedOutByAThreadMeanwhile) {
  Validator helped;
  Validator alone;
  std::thread worker([&helped] { helped.snapshots->Run(); });
  helped.RunTo(5 * kInterval);
  alone.RunTo(5 * kInterval);
  helped.snapshots->Stop();
  worker.join();
  EXPECT_EQ(helped.store.executed_state(), alone.store.executed_state());
}

}  // namespace
}  // namespace kiln::node
