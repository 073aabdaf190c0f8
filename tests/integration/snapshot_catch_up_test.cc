// A validator that was away for more blocks than it is to fetch, though everybody still has them.
#include <gtest/gtest.h>

#include <csignal>
#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "tests/integration/snapshot_fixture.h"

namespace kiln::integration {
namespace {

constexpr size_t kLate = 3;

class SnapshotCatchUp : public SnapshotFixture {
 protected:
  SnapshotCatchUp()
      : SnapshotFixture({{"snapshot_catch_up_blocks", "100"},
                         {"snapshots_kept", "3"},  // so that one of them is always certified
                         {"round_timeout_min_ms", "80"}}) {}
  bool HasBlock(size_t i, uint64_t height) {
    return RunCommand({BuiltProgram("kiln"), "ledger", "inspect", "--home", cluster_.home(i),
                       "--height", absl::StrCat(height)},
                      cluster_.log_file(i))
               .status == 0;
  }
};

// Away, and then again without having ended: it stood still, as a machine does that was suspended.
TEST_F(SnapshotCatchUp, TakesASnapshotInsteadOfBlocksAndGoesOnInTheSameProcess) {
  ASSERT_TRUE(cluster_.StartAllAndWait());
  RunTo(cluster_.HighestHeight() + 20);
  ASSERT_EQ(cluster_.Terminate(kLate), 0);
  const uint64_t gone = cluster_.HighestHeight() + 380;
  RunTo(cluster_.HighestHeight() + 500);
  cluster_.Start(kLate);
  ExpectASnapshotIsTaken(kLate);
  ASSERT_TRUE(cluster_.WaitUntilReady(kLate)) << "it votes";

  cluster_.Signal(kLate, SIGSTOP);
  const uint64_t gone_again = cluster_.HighestHeight() + 380;
  RunTo(cluster_.HighestHeight() + 500);
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
