// A validator that joins a chain whose first blocks nobody has any more.
#include <gtest/gtest.h>

#include <cstddef>

#include "tests/integration/snapshot_fixture.h"

namespace kiln::integration {
namespace {

constexpr size_t kNewcomer = 3;

class SnapshotJoin : public SnapshotFixture {
 protected:
  SnapshotJoin() : SnapshotFixture({{"retention_blocks", "1"}}) {}
  void ExpectJoined() {
    cluster_.Start(kNewcomer);
    ExpectASnapshotIsTaken(kNewcomer);
  }
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
