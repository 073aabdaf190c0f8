// A validator that joins a chain whose first blocks nobody has any more.
#include <gmock/gmock.h>
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

// Two of the others, a blocking share, have pruned what it lacks, and offer a snapshot instead.
TEST_F(SnapshotJoin, LetsAnArchiveFetchEveryBlockFromTheOneThatHasThem) {
  constexpr size_t kKeeper = 0;
  for (const size_t keeper : {kKeeper, kNewcomer}) cluster_.Set(keeper, "retention_blocks", "0");
  cluster_.Set(kNewcomer, "archive", "true");
  for (size_t i = 0; i < kNewcomer; ++i) cluster_.Start(i);
  for (size_t i = 0; i < kNewcomer; ++i) ASSERT_TRUE(cluster_.WaitUntilReady(i));
  RunTo(160);
  cluster_.Start(kNewcomer);
  ASSERT_TRUE(cluster_.WaitUntilCaughtUp(kNewcomer));
  ASSERT_TRUE(cluster_.WaitUntilReady(kNewcomer));
  EXPECT_THAT(cluster_.LogSinceStart(kNewcomer),
              testing::Not(testing::HasSubstr("fetching a snapshot")));
  ASSERT_TRUE(cluster_.StopAll());
  cluster_.ExpectEqualLedgers();
  EXPECT_FALSE(HasBlock(1, 1));
  EXPECT_FALSE(HasBlock(2, 1));
  EXPECT_TRUE(HasBlock(kNewcomer, 1));
}

}  // namespace
}  // namespace kiln::integration
