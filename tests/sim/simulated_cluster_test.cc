#include "kiln/testing/simulated_cluster.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kiln::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

// The application of README.md, and two things more to test with: Check refuses what has a
// question mark, and Execute fails at "stop".
class Kv final : public Application {
 public:
  absl::StatusOr<Effects> Execute(const Block& block, State& state) override {
    Effects effects;
    for (const absl::string_view transaction : block.transactions) {
      if (transaction == "stop") return absl::InternalError("it was told to stop");
      const std::vector<absl::string_view> parts =
          absl::StrSplit(transaction, absl::MaxSplits('=', 1));
      const bool is_put = parts.size() == 2 && parts[0].size() <= kStateKeyBytesMax;
      if (is_put) state.Put(parts[0], parts[1]);
      effects.replies.push_back(is_put ? Reply::Ok() : Reply::Refused("expected key=value"));
    }
    return effects;
  }
  absl::StatusOr<std::string> Query(const StateView& state, absl::string_view key) const override {
    return state.Get(key);
  }
  absl::Status Check(const StateView&, absl::string_view transaction) const override {
    if (transaction.find('?') == absl::string_view::npos) return absl::OkStatus();
    return absl::InvalidArgumentError("no questions");
  }
};

std::unique_ptr<Application> MakeKv() {
  return std::make_unique<Kv>();
}

std::string ValueOf(const absl::StatusOr<std::string>& value) {
  return value.ok() ? *value : value.status().ToString();
}

TEST(SimulatedCluster, SurvivesASilentLeaderAndATornLog) {
  SimulatedCluster cluster({.validators = 4, .seed = 7}, MakeKv);
  EXPECT_TRUE(cluster.SubmitAndWait("color=blue").ok());
  cluster.Silence(cluster.leader());
  cluster.TearLastWrite(cluster.follower(0)).Restart();
  const absl::StatusOr<Receipt> green = cluster.SubmitAndWait("color=green");
  EXPECT_TRUE(green.ok()) << green.status();
  cluster.Heal();
  const absl::Status agreed = cluster.RunUntilAgreement(absl::Seconds(5));
  EXPECT_TRUE(agreed.ok()) << agreed;
  EXPECT_EQ(ValueOf(cluster.Query("color", Read::kLinearizable)), "green");
}

// --- Clients

TEST(SimulatedCluster, GivesAReceiptWithTheReply) {
  SimulatedCluster cluster({.seed = 1}, MakeKv);
  const absl::StatusOr<Receipt> first = cluster.SubmitAndWait("a=1");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(first->reply.ok());
  const absl::StatusOr<Receipt> second = cluster.SubmitAndWait("nonsense");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->reply, Reply::Refused("expected key=value"));
  EXPECT_GT(second->height, first->height);
}

TEST(SimulatedCluster, ExecutesAKeyOnceAndACallWithoutOneEachTime) {
  SimulatedCluster cluster({.seed = 2}, MakeKv);
  const absl::StatusOr<Receipt> first = cluster.SubmitAndWait(Transaction{"a=1", "key"});
  const absl::StatusOr<Receipt> again = cluster.SubmitAndWait(Transaction{"a=1", "key"});
  ASSERT_TRUE(first.ok() && again.ok()) << first.status() << again.status();
  EXPECT_EQ(again->height, first->height);
  const absl::StatusOr<Receipt> other = cluster.SubmitAndWait("a=1");
  const absl::StatusOr<Receipt> another = cluster.SubmitAndWait("a=1");
  ASSERT_TRUE(other.ok() && another.ok());
  EXPECT_GT(another->height, other->height);
}

TEST(SimulatedCluster, PassesOnWhatCheckSays) {
  SimulatedCluster cluster({.seed = 3}, MakeKv);
  const absl::Status refused = cluster.SubmitAndWait("why?").status();
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_EQ(refused.message(), "no questions");
}

TEST(SimulatedCluster, SubmitsWithoutWaiting) {
  SimulatedCluster cluster({.seed = 4}, MakeKv);
  cluster.RunFor(absl::Milliseconds(100));
  for (int i = 0; i < 20; ++i) cluster.Submit(absl::StrCat("k", i, "=", i));
  cluster.RunFor(absl::Seconds(2));
  ASSERT_TRUE(cluster.RunUntilAgreement(absl::Seconds(5)).ok());
  ASSERT_TRUE(cluster.StateOf(3).ok());
  EXPECT_EQ(cluster.StateOf(3)->size(), 20u);
}

TEST(SimulatedCluster, AnswersLocalQueriesFromWhatAValidatorHas) {
  SimulatedCluster cluster({.seed = 5}, MakeKv);
  ASSERT_TRUE(cluster.SubmitAndWait("a=old").ok());
  ASSERT_TRUE(cluster.RunUntilAgreement(absl::Seconds(5)).ok());
  cluster.Isolate(2);
  ASSERT_TRUE(cluster.SubmitAndWait("a=new").ok());
  const absl::StatusOr<Answer> stale = cluster.QueryAt(2, "a", Read::kLocal);
  ASSERT_TRUE(stale.ok()) << stale.status();
  EXPECT_EQ(stale->value, "old");
  EXPECT_EQ(ValueOf(cluster.Query("a", Read::kLinearizable)), "new");
  EXPECT_TRUE(absl::IsNotFound(cluster.Query("b", Read::kLocal).status()));
  // A linearizable one needs a quorum, which this one cannot reach.
  const absl::Status alone = cluster.QueryAt(2, "a", Read::kLinearizable).status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(alone)) << alone;
  cluster.Heal();
  const absl::StatusOr<Answer> fresh = cluster.QueryAt(2, "a", Read::kLinearizable);
  ASSERT_TRUE(fresh.ok()) << fresh.status();
  EXPECT_EQ(fresh->value, "new");
}

// --- Time

TEST(SimulatedCluster, LetsNoMoreTimePassThanItIsAsked) {
  SimulatedCluster cluster({.seed = 6}, MakeKv);
  EXPECT_EQ(cluster.elapsed(), absl::ZeroDuration());
  cluster.RunFor(absl::Seconds(3));
  EXPECT_EQ(cluster.elapsed(), absl::Seconds(3));
  cluster.Silence(0);
  cluster.Crash(1).Restart();
  cluster.Heal();
  EXPECT_EQ(cluster.elapsed(), absl::Seconds(3));
}

// All that a test could have seen of a run.
std::string RunOnce(uint64_t seed) {
  SimulatedCluster cluster({.validators = 4, .seed = seed}, MakeKv);
  for (int i = 0; i < 5; ++i) cluster.SubmitAndWait(absl::StrCat("a=", i)).IgnoreError();
  cluster.Silence(cluster.leader());
  cluster.LosePower(cluster.follower(1));
  cluster.RunFor(absl::Seconds(4));
  cluster.Heal();
  const absl::Status agreed = cluster.RunUntilAgreement(absl::Seconds(10));
  return absl::StrCat(agreed.ToString(), absl::FormatDuration(cluster.elapsed()),
                      cluster.Chart(2000));
}

TEST(SimulatedCluster, RepeatsARunToTheByteAndChangesItWithTheSeed) {
  EXPECT_EQ(RunOnce(11), RunOnce(11));
  EXPECT_NE(RunOnce(11), RunOnce(12));
}

// --- What goes wrong

TEST(SimulatedCluster, StopsWithoutAQuorumAndSaysWhy) {
  SimulatedCluster cluster({.validators = 4, .seed = 21, .patience = absl::Seconds(3)}, MakeKv);
  ASSERT_TRUE(cluster.SubmitAndWait("a=1").ok());
  cluster.Crash(1);
  cluster.Crash(2);
  EXPECT_FALSE(cluster.is_up(2));
  const absl::Duration before = cluster.elapsed();
  const absl::Status failed = cluster.SubmitAndWait("a=2").status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(failed)) << failed;
  EXPECT_EQ(cluster.elapsed() - before, absl::Seconds(3));
  EXPECT_THAT(std::string(failed.message()), HasSubstr("seed 21"));
  EXPECT_THAT(std::string(failed.message()), HasSubstr("no receipt for \"a=2\" within 3s"));
  EXPECT_THAT(std::string(failed.message()), HasSubstr("validator 2 is down"));
  EXPECT_THAT(std::string(failed.message()), HasSubstr("timeout, round"));
  cluster.Restart(1);
  const absl::StatusOr<Receipt> receipt = cluster.SubmitAndWait("a=3");
  EXPECT_TRUE(receipt.ok()) << receipt.status();
}

TEST(SimulatedCluster, KeepsWhatWasAcknowledgedThroughEveryKindOfCrash) {
  using Ends = SimulatedCluster::Ended (SimulatedCluster::*)(uint32_t);
  const std::vector<Ends> kinds = {&SimulatedCluster::Crash, &SimulatedCluster::LosePower,
                                   &SimulatedCluster::LoseUnsyncedWrites,
                                   &SimulatedCluster::TearLastWrite};
  for (const Ends ends : kinds) {
    SimulatedCluster cluster({.validators = 4, .seed = 22}, MakeKv);
    ASSERT_TRUE(cluster.SubmitAndWait("a=1").ok());
    for (uint32_t validator = 0; validator < 4; ++validator) (cluster.*ends)(validator);
    EXPECT_TRUE(absl::IsUnavailable(cluster.SubmitAndWait("a=2").status()));
    EXPECT_TRUE(absl::IsUnavailable(cluster.StateOf(0).status()));
    cluster.Heal();
    const absl::Status agreed = cluster.RunUntilAgreement(absl::Seconds(10));
    ASSERT_TRUE(agreed.ok()) << agreed;
    EXPECT_EQ(ValueOf(cluster.Query("a", Read::kLinearizable)), "1");
  }
}

TEST(SimulatedCluster, ExecutesAgainWhatWasNotSynced) {
  SimulatedCluster cluster({.validators = 1, .seed = 23}, MakeKv);
  ASSERT_TRUE(cluster.SubmitAndWait("a=1").ok());
  const uint64_t executed = cluster.executed_height(0);
  cluster.LoseUnsyncedWrites(0).Restart();
  ASSERT_TRUE(cluster.is_up(0));
  EXPECT_EQ(cluster.executed_height(0), executed);  // replayed from the ledger
  EXPECT_THAT(*cluster.StateOf(0), ElementsAre(Pair("a", "1")));
}

TEST(SimulatedCluster, KeepsTheSmallerHalfFromGoingOn) {
  SimulatedCluster cluster({.validators = 4, .seed = 24}, MakeKv);
  ASSERT_TRUE(cluster.SubmitAndWait("a=1").ok());
  cluster.Partition({0, 1});
  cluster.RunFor(absl::Seconds(1));
  const uint64_t before = cluster.committed_height(3);
  cluster.RunFor(absl::Seconds(20));
  EXPECT_LE(cluster.committed_height(3), before);
  cluster.Heal();
  ASSERT_TRUE(cluster.SubmitAndWait("a=2").ok());
  EXPECT_GT(cluster.committed_height(3), before);
}

TEST(SimulatedCluster, WaitsForASlowDisk) {
  SimulatedCluster fast({.validators = 1, .seed = 25}, MakeKv);
  SimulatedCluster slow({.validators = 1, .seed = 25}, MakeKv);
  slow.SlowDisk(0, absl::Milliseconds(300));
  ASSERT_TRUE(fast.SubmitAndWait("a=1").ok());
  ASSERT_TRUE(slow.SubmitAndWait("a=1").ok());
  EXPECT_LT(fast.elapsed(), absl::Milliseconds(100));
  EXPECT_GT(slow.elapsed(), absl::Milliseconds(300));
}

TEST(SimulatedCluster, NamesTheFollowersInOrder) {
  const SimulatedCluster cluster({.validators = 4, .seed = 26}, MakeKv);
  std::vector<uint32_t> all = {cluster.leader(), cluster.follower(0), cluster.follower(1),
                               cluster.follower(2)};
  EXPECT_THAT(all, ::testing::UnorderedElementsAre(0, 1, 2, 3));
  EXPECT_LT(cluster.follower(0), cluster.follower(1));
}

// --- Agreement

TEST(SimulatedCluster, ReportsAnApplicationThatFails) {
  SimulatedCluster cluster({.seed = 31, .patience = absl::Seconds(2)}, MakeKv);
  EXPECT_FALSE(cluster.SubmitAndWait("stop").ok());
  const absl::Status failed = cluster.RunUntilAgreement(absl::Seconds(5));
  EXPECT_TRUE(absl::IsAborted(failed)) << failed;
  EXPECT_THAT(std::string(failed.message()), HasSubstr("it was told to stop"));
  EXPECT_FALSE(cluster.is_up(0));
  EXPECT_THAT(std::string(cluster.WhyStopped(0).message()), HasSubstr("it was told to stop"));
}

TEST(SimulatedCluster, SaysWhoIsBehindWhenThereIsNoAgreement) {
  SimulatedCluster cluster({.seed = 32}, MakeKv);
  cluster.Isolate(2);
  ASSERT_TRUE(cluster.SubmitAndWait("a=1").ok());
  const absl::Status failed = cluster.RunUntilAgreement(absl::Seconds(2));
  EXPECT_TRUE(absl::IsDeadlineExceeded(failed)) << failed;
  EXPECT_THAT(std::string(failed.message()), HasSubstr("no agreement within 2s"));
  EXPECT_THAT(std::string(failed.message()), HasSubstr("validator 2 is in round"));
  EXPECT_THAT(std::string(failed.message()), HasSubstr("seed 32"));
}

TEST(SimulatedCluster, HasEqualRootsAndStatesOnceAllAgree) {
  SimulatedCluster cluster({.powers = {1, 2, 3, 4, 5}, .seed = 33}, MakeKv);
  ASSERT_TRUE(cluster.SubmitAndWait("a=1").ok());
  ASSERT_TRUE(cluster.RunUntilAgreement(absl::Seconds(5)).ok());
  for (uint32_t validator = 0; validator < cluster.size(); ++validator) {
    EXPECT_EQ(cluster.executed_height(validator), cluster.executed_height(0));
    EXPECT_EQ(*cluster.StateRoot(validator), *cluster.StateRoot(0));
    EXPECT_THAT(*cluster.StateOf(validator), ElementsAre(Pair("a", "1")));
  }
}

}  // namespace
}  // namespace kiln::testing
