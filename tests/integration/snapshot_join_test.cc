// A validator that joins a chain whose first blocks nobody has any more.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/integration/load.h"
#include "tests/integration/test_cluster.h"

namespace kiln::integration {
namespace {

using ::testing::HasSubstr;

constexpr size_t kNewcomer = 3;

class SnapshotJoin : public testing::Test {
 protected:
  // With load, as high as this.
  void RunTo(uint64_t height) {
    Load load(cluster_.chain(), LoadOptions{.clients = 2, .in_flight = 2});
    ASSERT_TRUE(cluster_.WaitForHeight(0, height));
    load.Stop();
  }
  void ExpectJoined() {
    cluster_.Start(kNewcomer);
    ASSERT_TRUE(cluster_.WaitUntilCaughtUp(kNewcomer));
    EXPECT_TRUE(cluster_.IsRunning(kNewcomer)) << "the process stays the same";
    EXPECT_THAT(cluster_.LogSinceStart(kNewcomer), HasSubstr("starting again from the snapshot"));
  }

  TestCluster cluster_{4,
                       {{"retention_blocks", "1"}},
                       {.duplicate_window_blocks = 16, .snapshot_interval_blocks = 16}};
};

// With nothing, and then again after it was away: from its own older ledger.
TEST_F(SnapshotJoin, FetchesASnapshotAndGoesOnInTheSameProcess) {
  for (size_t i = 0; i < kNewcomer; ++i) cluster_.Start(i);
  for (size_t i = 0; i < kNewcomer; ++i) ASSERT_TRUE(cluster_.WaitUntilReady(i));
  RunTo(80);
  ExpectJoined();
  ASSERT_EQ(cluster_.Terminate(kNewcomer), 0);
  RunTo(cluster_.HighestHeight() + 80);
  ExpectJoined();
  ASSERT_TRUE(cluster_.StopAll());
  cluster_.ExpectEqualLedgers();
}

}  // namespace
}  // namespace kiln::integration
