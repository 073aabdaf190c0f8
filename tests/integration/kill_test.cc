// Validators that are killed at random moments under load.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/integration/load.h"
#include "tests/integration/test_cluster.h"
#include "tests/integration/vote_audit.h"

namespace kiln::integration {
namespace {

constexpr int kKills = 20;
constexpr int kKillsOfAll = 3;
constexpr absl::Duration kMomentMax = absl::Milliseconds(600);
constexpr absl::Duration kDownTimeMax = absl::Milliseconds(300);

const TestCluster::Settings kRoundsForKills = {{"round_timeout_min_ms", "200"},
                                               {"round_timeout_max_ms", "2000"},
                                               {"heartbeat_interval_ms", "500"},
                                               {"doppelganger_wait_ms", "200"}};

const ChainLimits kManySnapshots = {.snapshot_interval_blocks = 100};

TestCluster::Settings WithVoteLogs() {
  TestCluster::Settings settings = kRoundsForKills;
  settings["vote_log_file"] = "\"votes.log\"";
  return settings;
}

VoteAudit ReadVotes(const TestCluster& cluster) {
  VoteAudit votes;
  for (size_t i = 0; i < cluster.size(); ++i) votes.ReadLog(cluster.home(i) + "/votes.log");
  return votes;
}

// Everything acknowledged is executed everywhere; then all stop, and their disks are compared.
void ExpectNothingWasLost(TestCluster& cluster, Load& load) {
  load.Stop();
  EXPECT_GT(load.acknowledged(), 0U);
  const uint64_t height = std::max(load.highest_height(), cluster.HighestHeight());
  for (size_t i = 0; i < cluster.size(); ++i) ASSERT_TRUE(cluster.WaitForHeight(i, height));
  ASSERT_TRUE(cluster.StopAll());
  cluster.ExpectEqualLedgers();
  cluster.ExpectAllHold(load.acknowledged_ids());
}

TEST(Kill, OneAfterTheOtherUnderLoadLosesNothingAndNobodyVotesTwice) {
  TestRandom random;
  TestCluster cluster(4, WithVoteLogs(), kManySnapshots);
  ASSERT_TRUE(cluster.StartAllAndWait());
  Load load(cluster.chain());
  ASSERT_TRUE(load.WaitForMore(100));
  for (int kill = 0; kill < kKills; ++kill) {
    SCOPED_TRACE(absl::StrCat("kill ", kill));
    random.Pause(kMomentMax);
    const size_t victim = random.Below(cluster.size());
    ASSERT_TRUE(cluster.IsRunning(victim)) << "validator-" << victim;
    cluster.Kill(victim);
    const VoteAudit::EpochRound durable = DurableLastVotedRound(cluster.home(victim));
    random.Pause(kDownTimeMax);
    // What it signed was on its disk first. Nobody can have more of it while it is down.
    EXPECT_LE(ReadVotes(cluster).HighestBy(static_cast<uint32_t>(victim)), durable);
    cluster.Start(victim);
    if (kill % 4 == 3) {
      ASSERT_TRUE(cluster.WaitUntilReady(victim));
      ASSERT_TRUE(cluster.WaitUntilCaughtUp(victim));
      ASSERT_TRUE(load.WaitForMore(100));
    }
  }
  for (size_t i = 0; i < cluster.size(); ++i) ASSERT_TRUE(cluster.WaitUntilReady(i));
  ASSERT_TRUE(load.WaitForMore(100));
  ExpectNothingWasLost(cluster, load);
  load.ExpectNoErrors();
  const VoteAudit votes = ReadVotes(cluster);
  votes.ExpectOneVotePerRound();
  EXPECT_LE(votes.torn_lines(), static_cast<uint64_t>(kKills));
  for (uint32_t i = 0; i < cluster.size(); ++i) {
    EXPECT_GT(votes.CountBy(i), 10U) << "validator-" << i;
    EXPECT_LE(votes.HighestBy(i), DurableLastVotedRound(cluster.home(i)));
  }
}

TEST(Kill, AllAtOnceUnderLoadLosesNothingAndCommitsResume) {
  TestRandom random;
  TestCluster cluster(4, WithVoteLogs(), kManySnapshots);
  ASSERT_TRUE(cluster.StartAllAndWait());
  Load load(cluster.chain());
  for (int kill = 0; kill < kKillsOfAll; ++kill) {
    SCOPED_TRACE(absl::StrCat("kill ", kill));
    ASSERT_TRUE(load.WaitForMore(200));
    random.Pause(kMomentMax);
    for (size_t i = 0; i < cluster.size(); ++i) cluster.Kill(i);
    cluster.StartAll();
  }
  ASSERT_TRUE(load.WaitForMore(200));
  ExpectNothingWasLost(cluster, load);
  load.ExpectOnlyUnknownOutcomes();
  ReadVotes(cluster).ExpectOneVotePerRound();
}

TEST(Kill, OneOfFourForGoodLeavesTheRestCommitting) {
  TestCluster cluster(4, kRoundsForKills, kManySnapshots);
  ASSERT_TRUE(cluster.StartAllAndWait());
  cluster.Kill(1);
  // From an idle chain first: nobody else's transactions drive the rounds on.
  absl::StatusOr<std::unique_ptr<Client>> client = Client::Connect(cluster.Only(2));
  ASSERT_TRUE(client.ok()) << client.status();
  const absl::StatusOr<Receipt> receipt =
      (*client)->Submit({"Dno such key", "from idle"}, kPatience);
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  Load load(cluster.chain());
  ASSERT_TRUE(load.WaitForMore(500));
  load.Stop();
  load.ExpectNoErrors();
  ASSERT_TRUE(cluster.StopAll());
}

}  // namespace
}  // namespace kiln::integration
