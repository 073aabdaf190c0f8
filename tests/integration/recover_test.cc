// A validator that loses its safety record, or all it had, and comes back by `kiln recover`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "base/check.h"
#include "storage/database.h"
#include "storage/rocksdb_database.h"
#include "storage/schema.h"
#include "tests/integration/load.h"
#include "tests/integration/test_cluster.h"
#include "tests/integration/vote_audit.h"

namespace kiln::integration {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr size_t kVictim = 2;

void DeleteSafetyRecord(const std::string& home) {
  auto database = storage::OpenRocksDbDatabase(home + "/data", storage::Access::kReadWrite,
                                               /*env=*/nullptr);
  KILN_CHECK_OK(database.status());
  const std::unique_ptr<storage::WriteBatch> batch = (*database)->NewBatch(/*bytes=*/0);
  batch->Delete(storage::Family::kSafety, storage::kSafetyKey);
  KILN_CHECK_OK((*database)->Write(batch.get(), storage::Durability::kSynced));
}

class Recover : public testing::Test {
 protected:
  // Four validators under load, of which one is killed, loses something, and refuses to start.
  void LoseAndRefuse(const std::function<void(const std::string& home)>& lose) {
    ASSERT_TRUE(cluster_.StartAllAndWait());
    load_ = std::make_unique<Load>(cluster_.chain(), LoadOptions{.clients = 2});
    ASSERT_TRUE(load_->WaitForMore(100));
    cluster_.Kill(kVictim);
    signed_ = DurableLastVotedRound(cluster_.home(kVictim));
    lose(cluster_.home(kVictim));
    cluster_.Start(kVictim);
    EXPECT_EQ(cluster_.WaitForEnd(kVictim), 1);
    EXPECT_THAT(cluster_.LogSinceStart(kVictim), HasSubstr("kiln recover"));
  }

  CommandResult RunRecover(const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {BuiltProgram("kiln"), "recover", "--home",
                                          cluster_.home(kVictim), "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunCommand(arguments, cluster_.dir() + "/recover.log");
  }

  // It abstains where it may have signed, and then takes part as before.
  void RecoverAndVoteAgain(const std::vector<std::string>& arguments = {"--yes"}) {
    ASSERT_TRUE(load_->WaitForMore(50)) << "the others go on meanwhile";
    const CommandResult result = RunRecover(arguments);
    ASSERT_EQ(result.status, 0) << ReadFile(cluster_.dir() + "/recover.log");
    const nlohmann::json json = nlohmann::json::parse(result.output, nullptr, false);
    ASSERT_TRUE(json.is_object()) << result.output;
    EXPECT_TRUE(json.value("written", false));
    EXPECT_GE(json.value("abstains_up_to_round", uint64_t{0}), signed_.second);
    EXPECT_EQ(DurableLastVotedRound(cluster_.home(kVictim)).second,
              json.value("abstains_up_to_round", uint64_t{0}));

    cluster_.Start(kVictim);
    ASSERT_TRUE(cluster_.WaitUntilReady(kVictim));
    ASSERT_TRUE(cluster_.WaitUntilCaughtUp(kVictim));
    ASSERT_TRUE(WaitUntil([&] {
      const absl::StatusOr<NodeStatus> status = cluster_.Status(kVictim);
      return status.ok() && status->votes_signed > 3;
    }));
    // Its votes count again: with another one down, nothing is committed without them.
    cluster_.Kill(0);
    ASSERT_TRUE(load_->WaitForMore(100));
    cluster_.Start(0);
    ExpectNobodySignedTwice();
  }

  void ExpectNobodySignedTwice() {
    load_->Stop();
    const uint64_t height = std::max(load_->highest_height(), cluster_.HighestHeight());
    for (size_t i = 0; i < cluster_.size(); ++i) ASSERT_TRUE(cluster_.WaitForHeight(i, height));
    ASSERT_TRUE(cluster_.StopAll());
    cluster_.ExpectEqualLedgers();
    cluster_.ExpectAllHold(load_->acknowledged_ids());
    VoteAudit votes;
    for (size_t i = 0; i < cluster_.size(); ++i) votes.ReadLog(cluster_.home(i) + "/votes.log");
    votes.ExpectOneVotePerRound();
    EXPECT_GT(votes.HighestBy(kVictim), signed_);
  }

  TestCluster cluster_{4,
                       {{"round_timeout_min_ms", "300"},
                        {"round_timeout_max_ms", "3000"},
                        {"heartbeat_interval_ms", "500"},
                        {"doppelganger_wait_ms", "200"},
                        {"vote_log_file", "\"votes.log\""}}};
  std::unique_ptr<Load> load_;
  VoteAudit::EpochRound signed_;
};

TEST_F(Recover, BringsAValidatorBackThatLostItsSafetyRecord) {
  LoseAndRefuse(DeleteSafetyRecord);
  if (HasFatalFailure()) return;
  const CommandResult dry_run = RunRecover({});
  EXPECT_EQ(dry_run.status, 0) << ReadFile(cluster_.dir() + "/recover.log");
  EXPECT_THAT(dry_run.output, HasSubstr("\"written\": false"));
  cluster_.Start(kVictim);
  EXPECT_EQ(cluster_.WaitForEnd(kVictim), 1) << "a dry run changes nothing";
  RecoverAndVoteAgain();
}

TEST_F(Recover, BringsAValidatorBackThatLostItsWholeDataFolder) {
  LoseAndRefuse([](const std::string& home) { fs::remove_all(home + "/data"); });
  if (HasFatalFailure()) return;
  RecoverAndVoteAgain();
}

TEST_F(Recover, BringsAValidatorBackThatHasAnOldCopyOnly) {
  ASSERT_TRUE(cluster_.StartAllAndWait());
  load_ = std::make_unique<Load>(cluster_.chain(), LoadOptions{.clients = 2});
  ASSERT_TRUE(load_->WaitForMore(100));
  const std::string data = cluster_.home(kVictim) + "/data";
  const std::string copy = cluster_.home(kVictim) + "/copy";
  ASSERT_EQ(cluster_.Terminate(kVictim), 0);
  fs::copy(data, copy, fs::copy_options::recursive);
  cluster_.Start(kVictim);
  ASSERT_TRUE(cluster_.WaitUntilReady(kVictim));
  ASSERT_TRUE(load_->WaitForMore(100));
  cluster_.Kill(kVictim);
  signed_ = DurableLastVotedRound(cluster_.home(kVictim));
  fs::remove_all(data);
  fs::rename(copy, data);
  RecoverAndVoteAgain({"--old-copy", "--yes"});
}

TEST_F(Recover, RefusesWhereItHasNoPlace) {
  ASSERT_TRUE(cluster_.StartAllAndWait());
  EXPECT_EQ(RunRecover({"--yes"}).status, 1);
  EXPECT_THAT(ReadFile(cluster_.dir() + "/recover.log"), HasSubstr("uses the key of validator-2"));
  ASSERT_EQ(cluster_.Terminate(kVictim), 0);
  EXPECT_EQ(RunRecover({"--yes"}).status, 1);
  EXPECT_THAT(ReadFile(cluster_.dir() + "/recover.log"), HasSubstr("the safety record is whole"));
  cluster_.Kill(0);
  EXPECT_EQ(RunRecover({"--yes", "--old-copy", "--timeout", "2"}).status, 1);
  EXPECT_THAT(ReadFile(cluster_.dir() + "/recover.log"),
              HasSubstr("power 2 of 4 answered, more than two thirds are needed"));
}

}  // namespace
}  // namespace kiln::integration
