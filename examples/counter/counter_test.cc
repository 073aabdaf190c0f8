// Counters on a cluster in which things go wrong.
#include "counter.h"

#include <memory>

#include "gtest/gtest.h"
#include "kiln/testing/simulated_cluster.h"

TEST(Counter, CountsOnWhileTheLeaderIsSilentAndAnotherLosesPower) {
  kiln::testing::SimulatedCluster cluster({.validators = 4, .seed = 7},
                                          [] { return std::make_unique<Counter>(); });
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(cluster.SubmitAndWait("blue").ok());
  cluster.Silence(cluster.leader());
  cluster.TearLastWrite(cluster.follower(0)).Restart();
  const absl::StatusOr<kiln::Receipt> fourth = cluster.SubmitAndWait("blue");
  ASSERT_TRUE(fourth.ok()) << fourth.status();
  EXPECT_EQ(fourth->reply.bytes, "4");
  cluster.Heal();
  const absl::Status agreed = cluster.RunUntilAgreement(absl::Seconds(5));
  EXPECT_TRUE(agreed.ok()) << agreed;
  EXPECT_EQ(*cluster.Query("blue", kiln::Read::kLinearizable), "4");
}

TEST(Counter, IsDeterministic) {
  kiln::testing::SimulatedCluster cluster({.validators = 1},
                                          [] { return std::make_unique<Counter>(); });
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(cluster.SubmitAndWait("blue").ok());
  const absl::Status deterministic = cluster.CheckDeterminism();
  EXPECT_TRUE(deterministic.ok()) << deterministic;
}
