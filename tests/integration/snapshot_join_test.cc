// A validator that joins a chain whose first blocks nobody has any more.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

#include "base/check.h"
#include "storage/database.h"
#include "storage/rocksdb_database.h"
#include "storage/schema.h"
#include "tests/integration/snapshot_fixture.h"

namespace kiln::integration {
namespace {

constexpr size_t kNewcomer = 3;

// No entry of the state is what was written.
void SpoilState(const std::string& home) {
  auto database = storage::OpenRocksDbDatabase(home + "/data", storage::Access::kReadWrite,
                                               /*env=*/nullptr);
  KILN_CHECK_OK(database.status());
  const std::unique_ptr<storage::WriteBatch> batch = (*database)->NewBatch(/*bytes=*/0);
  const auto entries = (*database)->NewIterator(storage::Family::kApplicationState);
  for (entries->Seek(""); entries->Valid(); entries->Next()) {
    batch->Put(storage::Family::kApplicationState, entries->key(), "spoiled");
  }
  KILN_CHECK_OK((*database)->Write(batch.get(), storage::Durability::kSynced));
}

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

// The blocks that its state came from are gone, here and everywhere. It does what the last line of
// the log says, word for word (docs/operations/bad-days.md).
TEST_F(SnapshotJoin, ComesBackFromADamagedStateByTheWayOutThatItNames) {
  ASSERT_TRUE(cluster_.StartAllAndWait());
  RunTo(80);
  ASSERT_EQ(cluster_.Terminate(kNewcomer), 0);
  const std::string data = cluster_.home(kNewcomer) + "/data";
  SpoilState(cluster_.home(kNewcomer));
  {
    const Load load(cluster_.Only(0), LoadOptions{.clients = 2, .in_flight = 2});
    cluster_.Start(kNewcomer);
    EXPECT_GT(cluster_.WaitForEnd(kNewcomer), 0) << "with a snapshot it reads all of its state";
    EXPECT_THAT(LastLine(cluster_.LogSinceStart(kNewcomer)),
                testing::HasSubstr("move the data folder away, run `kiln recover`, and start the "
                                   "node: the others give it a snapshot"));
  }
  std::filesystem::rename(data, data + ".damaged");
  const std::string log = cluster_.dir() + "/recover.log";
  ASSERT_EQ(RunCommand(
                {BuiltProgram("kiln"), "recover", "--home", cluster_.home(kNewcomer), "--yes"}, log)
                .status,
            0)
      << ReadFile(log);
  ExpectJoined();
  RunTo(cluster_.HighestHeight() + 20);  // past the rounds in which it abstains
  ASSERT_TRUE(cluster_.WaitUntilReady(kNewcomer));
  ASSERT_TRUE(cluster_.StopAll());
  cluster_.ExpectEqualLedgers();
}

}  // namespace
}  // namespace kiln::integration
