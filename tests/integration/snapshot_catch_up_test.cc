// A validator that was away for more blocks than it is to fetch, though everybody still has them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/integration/load.h"
#include "tests/integration/test_cluster.h"

namespace kiln::integration {
namespace {

using ::testing::HasSubstr;

constexpr size_t kLate = 3;

class SnapshotCatchUp : public testing::Test {
 protected:
  // The others, with load, by this many blocks.
  void RunOn(uint64_t blocks) {
    const uint64_t height = cluster_.HighestHeight() + blocks;
    Load load(cluster_.chain(), LoadOptions{.clients = 2, .in_flight = 2});
    ASSERT_TRUE(cluster_.WaitForHeight(0, height));
    load.Stop();
  }
  void ExpectTheSnapshotWasTaken() {
    ASSERT_TRUE(cluster_.WaitUntilCaughtUp(kLate));
    EXPECT_TRUE(cluster_.IsRunning(kLate)) << "the process stays the same";
    EXPECT_THAT(cluster_.LogSinceStart(kLate), HasSubstr("starting again from the snapshot"));
    ASSERT_TRUE(cluster_.WaitUntilReady(kLate)) << "it votes";
  }
  bool HasBlock(size_t i, uint64_t height) {
    return RunCommand({BuiltProgram("kiln"), "ledger", "inspect", "--home", cluster_.home(i),
                       "--height", absl::StrCat(height)},
                      cluster_.log_file(i))
               .status == 0;
  }

  TestCluster cluster_{4,
                       {{"snapshot_catch_up_blocks", "100"},
                        {"snapshots_kept", "3"},  // so that one of them is always certified
                        {"round_timeout_min_ms", "80"}},
                       {.duplicate_window_blocks = 16, .snapshot_interval_blocks = 16}};
};

// Away, and then again without having ended: it stood still, as a machine does that was suspended.
TEST_F(SnapshotCatchUp, TakesASnapshotInsteadOfBlocksAndGoesOnInTheSameProcess) {
  ASSERT_TRUE(cluster_.StartAllAndWait());
  RunOn(20);
  ASSERT_EQ(cluster_.Terminate(kLate), 0);
  const uint64_t gone = cluster_.HighestHeight() + 380;
  RunOn(500);
  cluster_.Start(kLate);
  ExpectTheSnapshotWasTaken();

  cluster_.Signal(kLate, SIGSTOP);
  const uint64_t gone_again = cluster_.HighestHeight() + 380;
  RunOn(500);
  cluster_.Signal(kLate, SIGCONT);
  ASSERT_TRUE(cluster_.WaitUntilCaughtUp(kLate));
  ASSERT_TRUE(cluster_.WaitUntilReady(kLate));

  ASSERT_TRUE(cluster_.StopAll());
  cluster_.ExpectEqualLedgers();
  EXPECT_TRUE(HasBlock(0, gone));
  EXPECT_FALSE(HasBlock(kLate, gone));
  EXPECT_TRUE(HasBlock(0, gone_again));
  EXPECT_FALSE(HasBlock(kLate, gone_again));
}

}  // namespace
}  // namespace kiln::integration
