#include "sim/liveness_oracle.h"

#include "sim/resources_oracle.h"
#include "tests/sim/oracle_fixture.h"

namespace kiln::sim {
namespace {

class Liveness : public OracleTest {
 protected:
  void Status(uint32_t replica, uint64_t now_us, uint64_t round) {
    oracle_.OnStatus(replica, now_us, {.round = {round}, .high_qc_round = {round - 1}});
  }
  void AllCommit(uint64_t now_us, uint64_t height) {
    for (uint32_t i = 0; i < 4; ++i) oracle_.OnCommitted(i, now_us, Height{height});
  }
  LivenessBounds Bounds() { return BoundsOf(observed_, {false, false, false, false}, 0); }

  Observed observed_{Context()};
  LivenessOracle oracle_{&observed_};
  const std::vector<bool> all_up_ = {true, true, true, true};
};

TEST_F(Liveness, IsSatisfiedOnceAllCommittedAnsweredAndMovedOn) {
  AllCommit(0, 5);
  oracle_.OnSubmitted(2, 0, Hash{{7}});
  oracle_.OnHealed(1000, all_up_);
  AllCommit(2000, 6);
  EXPECT_FALSE(oracle_.IsSatisfied());
  oracle_.OnAnswered(2, Hash{{7}}, Receipt{.height = 6});
  for (uint64_t round = 1; round <= 101; ++round) {
    for (uint32_t i = 0; i < 4; ++i) Status(i, 2000 + round, round);
  }
  EXPECT_TRUE(oracle_.IsSatisfied());
  oracle_.OnEnd(1'000'000'000);
  EXPECT_EQ(violations_, none_);
}

TEST_F(Liveness, WantsAsManyRoundsAsTheScenarioSays) {
  scenario_.calm_rounds = 8;
  oracle_.OnHealed(0, all_up_);
  AllCommit(10, 1);
  for (uint32_t i = 0; i < 4; ++i) Status(i, 20, 7);
  EXPECT_FALSE(oracle_.IsSatisfied());
  for (uint32_t i = 0; i < 4; ++i) Status(i, 30, 8);
  EXPECT_TRUE(oracle_.IsSatisfied());
}

TEST_F(Liveness, RefusesAReplicaThatCommitsNothingNew) {
  AllCommit(0, 5);
  oracle_.OnHealed(0, all_up_);
  for (uint32_t i = 0; i < 3; ++i) oracle_.OnCommitted(i, 10, Height{6});
  oracle_.OnEnd(Bounds().commit_us);
  EXPECT_EQ(violations_, none_);
  oracle_.OnEnd(Bounds().commit_us + Bounds().catch_up_us);
  EXPECT_EQ(violations_, std::set<std::string>({"L1"}));
}

TEST_F(Liveness, RefusesATransactionThatIsNeverAnswered) {
  oracle_.OnHealed(0, all_up_);
  AllCommit(10, 1);
  oracle_.OnSubmitted(1, 20, Hash{{7}});
  oracle_.OnEnd(2 * (Bounds().commit_us + Bounds().catch_up_us + Bounds().interval_us));
  EXPECT_EQ(violations_, std::set<std::string>({"L2"}));
}

TEST_F(Liveness, RefusesARoundThatOneNeverHearsOf) {
  oracle_.OnHealed(0, all_up_);
  AllCommit(10, 1);
  for (uint32_t i = 0; i < 4; ++i) Status(i, 10, 1);
  for (uint32_t i = 0; i < 3; ++i) Status(i, 20, 3);
  oracle_.OnEnd(30 + Bounds().round_us + Bounds().catch_up_us);
  EXPECT_EQ(violations_, std::set<std::string>({"L3"}));
}

TEST_F(Liveness, RefusesACircleWithoutACommit) {
  oracle_.OnHealed(0, all_up_);
  AllCommit(10, 1);
  const uint64_t settled_us = Bounds().round_us + Bounds().catch_up_us;
  for (uint64_t round = 1; round <= 100; ++round) {
    for (uint32_t i = 0; i < 4; ++i) Status(i, settled_us + round, round);
  }
  EXPECT_EQ(violations_, std::set<std::string>({"L6"}));
}

TEST_F(Liveness, ExpectsNothingWithoutAQuorum) {
  oracle_.OnHealed(0, {true, true, false, false});
  oracle_.OnEnd(1'000'000'000'000);
  EXPECT_EQ(violations_, none_);
  EXPECT_TRUE(oracle_.IsSatisfied());
}

using Resources = OracleTest;

TEST_F(Resources, HoldsQueuesAndAnswersToTheirLimits) {
  Observed observed(Context());
  ResourcesOracle oracle(&observed);
  oracle.OnQueue(0, "inbox", 10, 10);
  oracle.OnTraffic(0, {1}, 100, 1000);
  EXPECT_EQ(violations_, none_);
  oracle.OnQueue(0, "inbox", 11, 10);
  oracle.OnTraffic(0, {1}, 10, 1000);
  EXPECT_EQ(violations_, std::set<std::string>({"R1", "R4"}));
}

}  // namespace
}  // namespace kiln::sim
