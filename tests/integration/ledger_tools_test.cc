// What the offline commands write, real nodes start from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "node/home.h"
#include "storage/ledger_reader.h"
#include "storage/rocksdb_database.h"
#include "storage/schema.h"
#include "tests/integration/test_cluster.h"

namespace kiln::integration {
namespace {

class LedgerTools : public testing::Test {
 protected:
  // `kiln ledger ARGUMENTS --json`; it must end with status 0.
  nlohmann::json Ledger(std::vector<std::string> arguments) {
    const CommandResult result = Run(std::move(arguments));
    EXPECT_EQ(result.status, 0) << ReadFile(cluster_.dir() + "/ledger.log");
    return nlohmann::json::parse(result.output, nullptr, false);
  }
  CommandResult Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {BuiltProgram("kiln"), "ledger"});
    arguments.emplace_back("--json");
    return RunCommand(arguments, cluster_.dir() + "/ledger.log");
  }
  void PutMany(const std::string& prefix, size_t first_validator = 0) {
    for (int i = 0; i < 5; ++i) {
      const auto receipt =
          Put(cluster_.AllFrom(first_validator), absl::StrCat(prefix, " ", i), kPatience);
      EXPECT_TRUE(receipt.ok()) << receipt.status();
    }
  }
  // Starts validator 3 again, and looks at all ledgers when it has caught up.
  void ExpectThatTheLastGoesOn() {
    cluster_.Start(3);
    EXPECT_TRUE(cluster_.WaitUntilReady(3));
    PutMany("after", 3);
    EXPECT_TRUE(cluster_.WaitUntilCaughtUp(3));
    EXPECT_TRUE(cluster_.StopAll());
    cluster_.ExpectEqualLedgers();
  }

  TestCluster cluster_;
};

TEST_F(LedgerTools, CarryAValidatorThatWasAwayForwardWithAFile) {
  ASSERT_TRUE(cluster_.StartAllAndWait());
  PutMany("with all");
  ASSERT_EQ(cluster_.Terminate(3), 0);
  PutMany("without the last");
  ASSERT_TRUE(cluster_.StopAll());

  const std::string file = cluster_.dir() + "/chain";
  const uint64_t last = Ledger({"export", "--home", cluster_.home(0), "--output", file})
                            .value("last_height", uint64_t{0});
  ASSERT_GT(last, 0u);
  for (size_t i = 1; i < 3; ++i) {
    const std::string other = absl::StrCat(file, i);
    Ledger({"export", "--home", cluster_.home(i), "--to", absl::StrCat(last), "--output", other});
    EXPECT_TRUE(ReadFile(other) == ReadFile(file)) << "validator " << i << " wrote another file";
  }
  const nlohmann::json imported = Ledger({"import", file, "--home", cluster_.home(3), "--yes"});
  EXPECT_GT(imported.value("blocks_added", 0), 0);
  EXPECT_EQ(imported.value("committed_height_after", uint64_t{0}), last);
  for (size_t i = 0; i < 3; ++i) cluster_.Start(i);
  ExpectThatTheLastGoesOn();
}

TEST_F(LedgerTools, RepairADamagedLedgerFromAValidatorThatRuns) {
  ASSERT_TRUE(cluster_.StartAllAndWait());
  PutMany("whole");
  ASSERT_EQ(cluster_.Terminate(3), 0);
  const std::vector<std::string> verify = {"verify", "--home", cluster_.home(3)};
  {
    const auto database = storage::OpenRocksDbDatabase(node::HomePaths(cluster_.home(3)).data_dir,
                                                       storage::Access::kReadWrite, nullptr);
    ASSERT_TRUE(database.ok()) << database.status();
    const storage::LedgerReader reader(database->get(), cluster_.chain().genesis.limits);
    const std::unique_ptr<storage::WriteBatch> batch = (*database)->NewBatch(0);
    for (const uint64_t height : {1, 3}) {
      const auto id = reader.IdAt({height});
      ASSERT_TRUE(id.ok()) << id.status();
      batch->Delete(storage::Family::kBlocks, storage::BlockKey({height}, *id));
    }
    batch->Put(storage::Family::kCertificates, storage::HeightKey({2}), "rotten");
    ASSERT_TRUE((*database)->Write(batch.get(), storage::Durability::kSynced).ok());
  }
  const CommandResult damaged = Run(verify);
  EXPECT_EQ(damaged.status, 1);
  const nlohmann::json found = nlohmann::json::parse(damaged.output, nullptr, false);
  ASSERT_TRUE(found.is_object()) << damaged.output;
  EXPECT_EQ(found["ledgers"][0]["damage"].size(), 3u) << damaged.output;

  const std::vector<std::string> repair = {"repair", "--home", cluster_.home(3), "--from",
                                           cluster_.client_address(0)};
  EXPECT_EQ(Ledger(repair)["written"], false);
  EXPECT_EQ(Run(verify).status, 1);
  std::vector<std::string> with_yes = repair;
  with_yes.emplace_back("--yes");
  EXPECT_EQ(Ledger(with_yes)["good"], true);
  ExpectThatTheLastGoesOn();
}

TEST_F(LedgerTools, RollTheApplicationBackSoThatTheNextStartExecutesAllAgain) {
  ASSERT_TRUE(cluster_.StartAllAndWait());
  PutMany("once");
  ASSERT_EQ(cluster_.Terminate(3), 0);
  const nlohmann::json done = Ledger({"rollback-application", "--home", cluster_.home(3), "--yes"});
  EXPECT_GT(done.value("executed_height_before", 0), 0);
  ExpectThatTheLastGoesOn();
}

}  // namespace
}  // namespace kiln::integration
