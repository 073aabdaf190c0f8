// Validators that are stopped, paused, or stop themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
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

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr absl::Duration kPause = absl::Seconds(3);
constexpr absl::Duration kDoomed = absl::Seconds(5);  // for what nobody will answer
const TestCluster::Settings kQuickRounds = {{"round_timeout_min_ms", "200"},
                                            {"heartbeat_interval_ms", "500"}};

TEST(Stop, BySigtermUnderLoadEndsWithStatus0AndLosesNothing) {
  TestCluster cluster;
  ASSERT_TRUE(cluster.StartAllAndWait());
  Load load(cluster.chain());
  ASSERT_TRUE(load.WaitForMore(300));
  // One of them first: the others take its clients over.
  EXPECT_EQ(cluster.Terminate(2), 0);
  ASSERT_TRUE(load.WaitForMore(300));
  load.ExpectNoErrors();
  cluster.Start(2);
  ASSERT_TRUE(cluster.WaitUntilReady(2));
  ASSERT_TRUE(cluster.WaitUntilCaughtUp(2));
  // Then all at once; their clients are still there when they come back.
  ASSERT_TRUE(load.WaitForMore(300));
  EXPECT_TRUE(cluster.StopAll());
  ASSERT_TRUE(cluster.StartAllAndWait());
  ASSERT_TRUE(load.WaitForMore(300));
  load.Stop();
  load.ExpectOnlyUnknownOutcomes();
  const uint64_t height = std::max(load.highest_height(), cluster.HighestHeight());
  for (size_t i = 0; i < cluster.size(); ++i) ASSERT_TRUE(cluster.WaitForHeight(i, height));
  ASSERT_TRUE(cluster.StopAll());
  cluster.ExpectEqualLedgers();
  cluster.ExpectAllHold(load.acknowledged_ids());
}

TEST(Pause, OfOneValidatorUnderLoadEndsInCatchingUpWithoutOldVotes) {
  TestCluster cluster(4, {{"vote_log_file", "\"votes.log\""}});
  ASSERT_TRUE(cluster.StartAllAndWait());
  Load load(cluster.chain());
  ASSERT_TRUE(load.WaitForMore(300));
  cluster.Signal(3, SIGSTOP);
  absl::SleepFor(kPause);
  ASSERT_TRUE(load.WaitForMore(300));
  cluster.Signal(3, SIGCONT);
  ASSERT_TRUE(cluster.WaitUntilReady(3));
  ASSERT_TRUE(cluster.WaitUntilCaughtUp(3));
  ASSERT_TRUE(load.WaitForMore(300));
  load.Stop();
  load.ExpectNoErrors();
  const uint64_t height = cluster.HighestHeight();
  for (size_t i = 0; i < cluster.size(); ++i) ASSERT_TRUE(cluster.WaitForHeight(i, height));
  ASSERT_TRUE(cluster.StopAll());
  cluster.ExpectEqualLedgers();
  cluster.ExpectAllHold(load.acknowledged_ids());
  VoteAudit votes;
  for (size_t i = 0; i < cluster.size(); ++i) votes.ReadLog(cluster.home(i) + "/votes.log");
  votes.ExpectOneVotePerRound();
}

TEST(FailStop, ByAFailingApplicationEndsWithStatus70AndALastLineThatSaysWhy) {
  TestCluster cluster(1);
  cluster.SetProgram(0, "misbehaving_node");
  ASSERT_TRUE(cluster.StartAllAndWait());
  ASSERT_TRUE(Put(cluster.chain(), "harmless").ok());
  EXPECT_FALSE(Put(cluster.chain(), "fail", kDoomed).ok());
  EXPECT_EQ(cluster.WaitForEnd(0), kFailStopExitStatus);
  EXPECT_THAT(LastLine(ReadFile(cluster.log_file(0))),
              AllOf(HasSubstr("told to fail"), HasSubstr("height")));
  // The block is committed, so the next start fails at it again, before anybody is served.
  cluster.Start(0);
  EXPECT_THAT(cluster.WaitForEnd(0), testing::AnyOf(1, kFailStopExitStatus));
  EXPECT_THAT(LastLine(cluster.LogSinceStart(0)), HasSubstr("told to fail"));
  // With an application that does not fail there, it goes on where it was.
  cluster.SetProgram(0, "kiln");
  cluster.Start(0);
  ASSERT_TRUE(cluster.WaitUntilReady(0));
  ASSERT_TRUE(Put(cluster.chain(), "after it").ok());
  ASSERT_TRUE(cluster.StopAll());
}

TEST(FailStop, ByADivergedApplicationNamesHeightAndBlockAndTheOthersGoOn) {
  TestCluster cluster(4, kQuickRounds);
  cluster.SetProgram(3, "misbehaving_node");
  ASSERT_TRUE(cluster.StartAllAndWait());
  const absl::StatusOr<Receipt> cause = Put(cluster.Only(0), "diverge");
  ASSERT_TRUE(cause.ok()) << cause.status();
  EXPECT_EQ(cluster.WaitForEnd(3), kFailStopExitStatus);
  // A header certifies the state after some of the blocks before it: the height named is that of
  // the first such header that has the transaction in its past.
  const std::string line = LastLine(ReadFile(cluster.log_file(3)));
  unsigned long long named = 0;
  const char* const at = std::strstr(line.c_str(), "state root at height ");
  ASSERT_TRUE(at != nullptr && std::sscanf(at, "state root at height %llu", &named) == 1) << line;
  EXPECT_GE(named, cause->height) << line;
  EXPECT_THAT(line, HasSubstr("the certified block "));
  Load load(cluster.AllFrom(0));
  EXPECT_TRUE(load.WaitForMore(300));
  load.Stop();
  load.ExpectNoErrors();
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(cluster.IsRunning(i));
  ASSERT_TRUE(cluster.StopAll());
}

// gRPC makes progress with a connection only while somebody waits for it, and a caller that sleeps
// between short calls does not.
TEST(Status, IsSeenAgainByAClientThatAskedWhileTheNodeWasDown) {
  TestCluster cluster(1);
  const absl::StatusOr<std::unique_ptr<Client>> client = Client::Connect(cluster.Only(0));
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_FALSE((*client)->GetStatus().ok());
  cluster.Start(0);
  EXPECT_TRUE(WaitUntil([&] { return (*client)->GetStatus().ok(); }));
}

}  // namespace
}  // namespace kiln::integration
