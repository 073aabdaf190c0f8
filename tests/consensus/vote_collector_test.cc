#include "consensus/vote_collector.h"

#include "gtest/gtest.h"
#include "tests/consensus/test_world.h"

namespace kiln::consensus {
namespace {

bool Certifies(const absl::StatusOr<std::optional<QuorumCertificate>>& qc) {
  return qc.ok() && qc->has_value();
}
bool Certifies(const absl::StatusOr<std::optional<TimeoutCertificate>>& tc) {
  return tc.ok() && tc->has_value();
}

TEST(VoteCollector, MakesACertificateOfAQuorumOnce) {
  TestWorld world;
  VoteCollector collector(&world.validators());
  const BlockPtr block = world.Chain(1)[1];
  EXPECT_FALSE(Certifies(collector.Add(world.VoteFor(block, {3}))));
  EXPECT_FALSE(Certifies(collector.Add(world.VoteFor(block, {0}))));
  const auto qc = collector.Add(world.VoteFor(block, {2}));
  ASSERT_TRUE(Certifies(qc));
  EXPECT_EQ(**qc, world.QcFor(block, {{0}, {2}, {3}}));
  EXPECT_TRUE(world.verifier().VerifyQuorumCertificate(**qc).ok());
  const auto late = collector.Add(world.VoteFor(block, {1}));
  EXPECT_TRUE(late.ok());
  EXPECT_FALSE(Certifies(late));
}

TEST(VoteCollector, CountsPowerNotHeads) {
  TestWorld world({5, 1, 1, 1, 1});  // 7 of 9 are a quorum, 4 a blocking share
  const BlockPtr block = world.Chain(1)[1];
  VoteCollector light(&world.validators());
  for (uint32_t i = 1; i <= 4; ++i) EXPECT_FALSE(Certifies(light.Add(world.VoteFor(block, {i}))));
  EXPECT_TRUE(Certifies(light.Add(world.VoteFor(block, {0}))));
  VoteCollector heavy(&world.validators());
  EXPECT_FALSE(Certifies(heavy.Add(world.VoteFor(block, {0}))));
  EXPECT_FALSE(Certifies(heavy.Add(world.VoteFor(block, {1}))));
  EXPECT_TRUE(Certifies(heavy.Add(world.VoteFor(block, {2}))));
}

TEST(VoteCollector, ExactlyTwoThirdsAreNoQuorum) {
  TestWorld world({1, 1, 1});
  VoteCollector collector(&world.validators());
  const BlockPtr block = world.Chain(1)[1];
  EXPECT_FALSE(Certifies(collector.Add(world.VoteFor(block, {0}))));
  EXPECT_FALSE(Certifies(collector.Add(world.VoteFor(block, {1}))));
  EXPECT_TRUE(Certifies(collector.Add(world.VoteFor(block, {2}))));
}

TEST(VoteCollector, CountsARepeatedVoteOnce) {
  TestWorld world;
  VoteCollector collector(&world.validators());
  const BlockPtr block = world.Chain(1)[1];
  ASSERT_TRUE(collector.Add(world.VoteFor(block, {0})).ok());
  ASSERT_TRUE(collector.Add(world.VoteFor(block, {1})).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(collector.Add(world.VoteFor(block, {1})).status()));
}

TEST(VoteCollector, NamesAnAuthorThatVotesForTwoBlocks) {
  TestWorld world;
  VoteCollector collector(&world.validators());
  const BlockPtr block = world.Child(world.genesis_block(), {1});
  const BlockPtr twin = world.Child(world.genesis_block(), {1}, {.transactions = {"twin"}});
  ASSERT_TRUE(collector.Add(world.VoteFor(block, {0})).ok());
  ASSERT_TRUE(collector.Add(world.VoteFor(twin, {1})).ok());
  ASSERT_TRUE(collector.Add(world.VoteFor(twin, {2})).ok());
  // Its first vote stands: with the second the twin would have a quorum.
  const auto second = collector.Add(world.VoteFor(twin, {0}));
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status())) << second.status();
  EXPECT_TRUE(Certifies(collector.Add(world.VoteFor(twin, {3}))));
}

TEST(VoteCollector, HoldsABoundedNumberOfRounds) {
  TestWorld world;
  VoteCollector collector(&world.validators());
  collector.ForgetBelow({10}, {10});
  const auto vote_in = [&](uint64_t round) {
    return collector.Add(world.VoteFor(world.Child(world.genesis_block(), {round}), {0}));
  };
  EXPECT_TRUE(absl::IsOutOfRange(vote_in(9).status()));
  EXPECT_TRUE(vote_in(10).ok());
  EXPECT_TRUE(vote_in(10 + VoteCollector::kRoundsMax - 1).ok());
  EXPECT_TRUE(absl::IsOutOfRange(vote_in(10 + VoteCollector::kRoundsMax).status()));
  EXPECT_TRUE(absl::IsOutOfRange(vote_in(kRoundMax.value).status()));
}

TEST(VoteCollector, ForgetsWhatIsBelow) {
  TestWorld world;
  VoteCollector collector(&world.validators());
  const BlockPtr block = world.Child(world.genesis_block(), {3});
  const QuorumCertificate qc = world.genesis_qc();
  for (const uint32_t i : {0U, 1U}) {
    ASSERT_TRUE(collector.Add(world.VoteFor(block, {i})).ok());
    ASSERT_TRUE(collector.Add(world.TimeoutOf({i}, {3}, qc)).ok());
  }
  collector.ForgetBelow({3}, {4});
  EXPECT_TRUE(Certifies(collector.Add(world.VoteFor(block, {2}))));
  EXPECT_FALSE(collector.HasBlockingShare({3}));
  EXPECT_TRUE(absl::IsOutOfRange(collector.Add(world.TimeoutOf({2}, {3}, qc)).status()));
  collector.ForgetBelow({1}, {1});  // bounds never fall
  EXPECT_TRUE(absl::IsOutOfRange(collector.Add(world.TimeoutOf({2}, {3}, qc)).status()));
}

TEST(VoteCollector, MakesATimeoutCertificateWithTheHighestReportedQc) {
  TestWorld world;
  VoteCollector collector(&world.validators());
  const std::vector<BlockPtr> chain = world.Chain(3);
  ASSERT_TRUE(collector.Add(world.TimeoutOf({3}, {5}, world.QcFor(chain[1]))).ok());
  ASSERT_TRUE(collector.Add(world.TimeoutOf({0}, {5}, world.QcFor(chain[3]))).ok());
  const auto tc = collector.Add(world.TimeoutOf({1}, {5}, world.QcFor(chain[2])));
  ASSERT_TRUE(Certifies(tc));
  EXPECT_EQ(**tc, world.TcFor({5}, world.QcFor(chain[3]), {{0}, {1}, {3}},
                              {Round{3}, Round{2}, Round{1}}));
  EXPECT_TRUE(world.verifier().VerifyTimeoutCertificate(**tc).ok());
  EXPECT_FALSE(Certifies(collector.Add(world.TimeoutOf({2}, {5}, world.QcFor(chain[2])))));
}

TEST(VoteCollector, CountsARepeatedTimeoutOnce) {
  TestWorld world;
  VoteCollector collector(&world.validators());
  const QuorumCertificate qc = world.genesis_qc();
  ASSERT_TRUE(collector.Add(world.TimeoutOf({0}, {2}, qc)).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(collector.Add(world.TimeoutOf({0}, {2}, qc)).status()));
  EXPECT_FALSE(collector.HasBlockingShare({2}));
}

TEST(VoteCollector, KnowsWhenAnHonestValidatorGaveUp) {
  TestWorld world({3, 1, 1, 1, 1});  // more than 7/3 must have given up
  VoteCollector collector(&world.validators());
  const QuorumCertificate qc = world.genesis_qc();
  EXPECT_FALSE(collector.HasBlockingShare({2}));
  ASSERT_TRUE(collector.Add(world.TimeoutOf({1}, {2}, qc)).ok());
  ASSERT_TRUE(collector.Add(world.TimeoutOf({2}, {2}, qc)).ok());
  EXPECT_FALSE(collector.HasBlockingShare({2}));
  ASSERT_TRUE(collector.Add(world.TimeoutOf({3}, {2}, qc)).ok());
  EXPECT_TRUE(collector.HasBlockingShare({2}));
  EXPECT_FALSE(collector.HasBlockingShare({3}));
}

}  // namespace
}  // namespace kiln::consensus
