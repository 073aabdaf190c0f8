#include "tests/soak/recovery_watch.h"

#include "gtest/gtest.h"

namespace kiln::soak {
namespace {

constexpr RecoveryGoal kGoal = {.validator = 2, .height = 100, .votes_before = 7};

absl::Time At(int64_t seconds) {
  return absl::FromUnixSeconds(1'000'000 + seconds);
}

NodeStatus Status(bool ready, uint64_t votes, uint64_t height) {
  NodeStatus status;
  status.ready = ready;
  status.votes_signed = votes;
  status.executed_height = height;
  return status;
}

TEST(RecoveryWatch, TimesEachStepFromTheStart) {
  RecoveryWatch watch(kGoal, At(0));
  EXPECT_FALSE(watch.Take(Status(false, 7, 100), At(1)));
  EXPECT_FALSE(watch.Take(Status(true, 7, 101), At(2)));
  EXPECT_TRUE(watch.Take(Status(true, 8, 102), At(3)));
  EXPECT_EQ(watch.times().level, absl::Seconds(1));
  EXPECT_EQ(watch.times().ready, absl::Seconds(2));
  EXPECT_EQ(watch.times().voting, absl::Seconds(3));
}

TEST(RecoveryWatch, DoesNotTakeOldVotesForNewOnes) {
  RecoveryWatch watch(kGoal, At(0));
  EXPECT_FALSE(watch.Take(Status(true, 7, 100), At(1)));
  EXPECT_EQ(watch.Describe(), "validator-2 does not vote");
}

TEST(RecoveryWatch, DoesNotTakeAnOldHeightForLevel) {
  RecoveryWatch watch(kGoal, At(0));
  EXPECT_FALSE(watch.Take(Status(true, 8, 99), At(1)));
  EXPECT_EQ(watch.Describe(), "validator-2 has not executed height 100");
}

TEST(RecoveryWatch, LearnsNothingFromSilence) {
  RecoveryWatch watch(kGoal, At(0));
  EXPECT_FALSE(watch.Take(absl::UnavailableError("down"), At(1)));
  EXPECT_EQ(watch.Describe(),
            "validator-2 is not ready, does not vote, has not executed height 100");
}

TEST(RecoveryWatch, StaysRecovered) {
  RecoveryWatch watch(kGoal, At(0));
  EXPECT_TRUE(watch.Take(Status(true, 8, 100), At(1)));
  EXPECT_TRUE(watch.Take(absl::UnavailableError("down"), At(2)));
  EXPECT_EQ(watch.times().ready, absl::Seconds(1)) << "the first time counts";
  EXPECT_EQ(watch.Describe(), "validator-2 has recovered");
}

}  // namespace
}  // namespace kiln::soak
