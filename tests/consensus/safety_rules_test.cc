// Each rule about what a validator may sign: one case that is signed, one that is refused.
#include "consensus/safety_rules.h"

#include <memory>
#include <optional>

#include "gtest/gtest.h"
#include "tests/consensus/test_world.h"

namespace kiln::consensus {
namespace {

using testing::Test;

// Validator 0 of four, which knows a chain of ten blocks, one in each round.
class SafetyRulesTest : public Test {
 protected:
  SafetyRules Rules() { return Rules(InitialSafetyRecord(world_.genesis_qc())); }
  SafetyRules Rules(SafetyRecord record) {
    return SafetyRules(world_.chain_id(), kSelf, &world_.signer(kSelf), std::move(record));
  }
  BlockPtr BlockLedBySelf(const BlockPtr& parent) {
    uint64_t round = parent->header.round.value + 1;
    while (world_.LeaderOf({round}) != kSelf) ++round;
    return world_.Child(parent, {round});
  }
  static constexpr ValidatorIndex kSelf{0};

  TestWorld world_;
  const std::vector<BlockPtr> chain_ = world_.Chain(10);
};

// The call is refused with words that contain `why`, and leaves no trace.
#define EXPECT_REFUSED(rules, call, why)                                                          \
  do {                                                                                            \
    const SafetyRecord before = (rules).record();                                                 \
    (rules).TakeChanged();                                                                        \
    const auto refused = (rules).call;                                                            \
    ASSERT_FALSE(refused.ok());                                                                   \
    EXPECT_NE(refused.status().message().find(why), absl::string_view::npos) << refused.status(); \
    EXPECT_EQ((rules).record(), before);                                                          \
    EXPECT_FALSE((rules).TakeChanged());                                                          \
  } while (false)

// --- Votes

TEST_F(SafetyRulesTest, VotesForABlockOfTheNextRound) {
  SafetyRules rules = Rules();
  const auto vote = rules.SignVote(*chain_[1], std::nullopt);
  ASSERT_TRUE(vote.ok()) << vote.status();
  EXPECT_EQ(vote->round, Round{1});
  EXPECT_EQ(vote->block_id, chain_[1]->id);
  EXPECT_EQ(vote->author, kSelf);
  EXPECT_EQ(vote->signature, world_.VoteFor(chain_[1], kSelf).signature);
  EXPECT_EQ(rules.record().last_voted_round, Round{1});
  EXPECT_EQ(rules.record().last_vote, *vote);
  EXPECT_TRUE(rules.TakeChanged());
}

TEST_F(SafetyRulesTest, RefusesASecondVoteInTheSameRound) {
  SafetyRules rules = Rules();
  ASSERT_TRUE(rules.SignVote(*chain_[1], std::nullopt).ok());
  EXPECT_REFUSED(rules, SignVote(*chain_[1], std::nullopt),
                 "already voted or timed out in round 1");
  const BlockPtr twin = world_.Child(chain_[0], {1}, {.transactions = {"twin"}});
  EXPECT_REFUSED(rules, SignVote(*twin, std::nullopt), "already voted or timed out in round 1");
}

TEST_F(SafetyRulesTest, RefusesAVoteBelowTheLastOne) {
  SafetyRules rules = Rules();
  ASSERT_TRUE(rules.SignVote(*chain_[5], std::nullopt).ok());
  EXPECT_REFUSED(rules, SignVote(*chain_[4], std::nullopt),
                 "already voted or timed out in round 5");
}

TEST_F(SafetyRulesTest, RefusesAVoteInARoundItTimedOutIn) {
  SafetyRules rules = Rules();
  ASSERT_TRUE(rules.SignTimeout({1}, world_.genesis_qc(), std::nullopt).ok());
  EXPECT_REFUSED(rules, SignVote(*chain_[1], std::nullopt),
                 "already voted or timed out in round 1");
}

TEST_F(SafetyRulesTest, VotesAboveARoundItTimedOutIn) {
  SafetyRules rules = Rules();
  ASSERT_TRUE(rules.SignTimeout({1}, world_.genesis_qc(), std::nullopt).ok());
  EXPECT_TRUE(rules.SignVote(*chain_[2], std::nullopt).ok());
}

TEST_F(SafetyRulesTest, RefusesAVoteOnAnotherChain) {
  SafetyRules rules = Rules();
  Header header = chain_[1]->header;
  header.chain_id = chain_[2]->id;
  const BlockPtr other =
      MakeBlock(header, world_.genesis_qc(), EmptyPayload(), EmptyPayloadIndex());
  EXPECT_REFUSED(rules, SignVote(*other, std::nullopt), "another chain");
}

TEST_F(SafetyRulesTest, RefusesAVoteInAnotherEpoch) {
  SafetyRecord record = InitialSafetyRecord(world_.genesis_qc());
  record.epoch = {2};
  SafetyRules rules = Rules(record);
  EXPECT_REFUSED(rules, SignVote(*chain_[1], std::nullopt), "another epoch");
}

TEST_F(SafetyRulesTest, VotesAcrossAGapOfRoundsWithATimeoutCertificate) {
  SafetyRules rules = Rules();
  const BlockPtr block = world_.Child(chain_[3], {6});
  const TimeoutCertificate tc = world_.TcFor({5}, world_.QcFor(chain_[3]));
  EXPECT_TRUE(rules.SignVote(*block, tc).ok());
  EXPECT_EQ(rules.record().locked_qc_round, Round{3});
  EXPECT_EQ(rules.record().high_qc, block->justify) << "a lock is never above the highest QC";
}

TEST_F(SafetyRulesTest, RefusesAGapOfRoundsWithoutATimeoutCertificate) {
  SafetyRules rules = Rules();
  const BlockPtr block = world_.Child(chain_[3], {6});
  EXPECT_REFUSED(rules, SignVote(*block, std::nullopt), "extends the QC of round 3");
}

TEST_F(SafetyRulesTest, RefusesATimeoutCertificateOfAnotherRound) {
  const BlockPtr block = world_.Child(chain_[3], {6});
  for (const uint64_t round : {4, 6, 7}) {
    SafetyRules rules = Rules();
    const TimeoutCertificate tc = world_.TcFor({round}, world_.QcFor(chain_[3]));
    EXPECT_REFUSED(rules, SignVote(*block, tc), "extends the QC of round 3");
  }
}

TEST_F(SafetyRulesTest, RefusesABlockBelowTheHighestQcThatATimeoutReported) {
  SafetyRules rules = Rules();
  const BlockPtr block = world_.Child(chain_[3], {6});
  const TimeoutCertificate tc =
      world_.TcFor({5}, world_.QcFor(chain_[4]), {{0}, {1}, {3}}, {Round{3}, Round{4}, Round{2}});
  EXPECT_REFUSED(rules, SignVote(*block, tc), "extends the QC of round 3");
}

TEST_F(SafetyRulesTest, VotesForABlockAboveWhatTheTimeoutsReported) {
  SafetyRules rules = Rules();
  const BlockPtr block = world_.Child(chain_[4], {6});
  const TimeoutCertificate tc = world_.TcFor({5}, world_.QcFor(chain_[3]));
  EXPECT_TRUE(rules.SignVote(*block, tc).ok());
}

TEST_F(SafetyRulesTest, NeverLowersItsLock) {
  SafetyRules rules = Rules();
  ASSERT_TRUE(rules.SignVote(*chain_[6], std::nullopt).ok());
  EXPECT_EQ(rules.record().locked_qc_round, Round{5});
  // Others gave up without having seen the QC of round 5: a vote below the own lock is safe then.
  const BlockPtr below = world_.Child(chain_[3], {8});
  ASSERT_TRUE(rules.SignVote(*below, world_.TcFor({7}, world_.QcFor(chain_[3]))).ok());
  EXPECT_EQ(rules.record().locked_qc_round, Round{5});
}

// --- Timeouts

TEST_F(SafetyRulesTest, GivesUpOnARoundThatItDidNotVoteIn) {
  SafetyRules rules = Rules();
  const QuorumCertificate qc = world_.QcFor(chain_[3]);
  const auto timeout = rules.SignTimeout({4}, qc, std::nullopt);
  ASSERT_TRUE(timeout.ok()) << timeout.status();
  EXPECT_EQ(*timeout, world_.TimeoutOf(kSelf, {4}, qc));
  EXPECT_EQ(rules.record().last_voted_round, Round{4});
  EXPECT_EQ(rules.record().last_timeout, *timeout);
  EXPECT_TRUE(rules.TakeChanged());
}

TEST_F(SafetyRulesTest, GivesUpOnTheRoundThatItVotedIn) {
  SafetyRules rules = Rules();
  ASSERT_TRUE(rules.SignVote(*chain_[4], std::nullopt).ok());
  EXPECT_TRUE(rules.SignTimeout({4}, world_.QcFor(chain_[3]), std::nullopt).ok());
}

TEST_F(SafetyRulesTest, RefusesATimeoutBelowTheLastVote) {
  SafetyRules rules = Rules();
  ASSERT_TRUE(rules.SignVote(*chain_[5], std::nullopt).ok());
  EXPECT_REFUSED(rules, SignTimeout({4}, world_.QcFor(chain_[3]), std::nullopt),
                 "already voted in round 5");
}

TEST_F(SafetyRulesTest, RefusesATimeoutThatHidesItsLock) {
  SafetyRules rules = Rules();
  ASSERT_TRUE(rules.SignVote(*chain_[5], std::nullopt).ok());  // locks the QC of round 4
  EXPECT_REFUSED(rules, SignTimeout({5}, world_.QcFor(chain_[3]), std::nullopt),
                 "the QC of round 3 is below the lock of round 4");
  EXPECT_TRUE(rules.SignTimeout({5}, world_.QcFor(chain_[4]), std::nullopt).ok());
}

TEST_F(SafetyRulesTest, RefusesATimeoutForARoundThatIsCertified) {
  SafetyRules rules = Rules();
  EXPECT_REFUSED(rules, SignTimeout({4}, world_.QcFor(chain_[4]), std::nullopt),
                 "the round is over");
}

TEST_F(SafetyRulesTest, RefusesATimeoutWithAQcOfAnotherEpoch) {
  SafetyRules rules = Rules();
  QuorumCertificate qc = world_.QcFor(chain_[3]);
  qc.epoch = {2};
  EXPECT_REFUSED(rules, SignTimeout({4}, qc, std::nullopt), "another epoch");
}

TEST_F(SafetyRulesTest, AskedAgainGivesTheSameTimeout) {
  SafetyRules rules = Rules();
  const auto first =
      rules.SignTimeout({5}, world_.QcFor(chain_[3]), world_.TcFor({4}, world_.QcFor(chain_[3])));
  ASSERT_TRUE(first.ok());
  rules.TakeChanged();
  const auto again = rules.SignTimeout({5}, world_.QcFor(chain_[4]), std::nullopt);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again, *first);
  EXPECT_FALSE(rules.TakeChanged());
}

TEST_F(SafetyRulesTest, AttachesTheTimeoutCertificateOfTheRoundBeforeAlone) {
  const QuorumCertificate qc = world_.QcFor(chain_[1]);
  const TimeoutCertificate tc = world_.TcFor({4}, qc);
  SafetyRules entered_by_it = Rules();
  EXPECT_EQ(entered_by_it.SignTimeout({5}, qc, tc)->last_tc, tc);
  SafetyRules later = Rules();
  EXPECT_EQ(later.SignTimeout({6}, qc, tc)->last_tc, std::nullopt);
}

// --- Proposals

TEST_F(SafetyRulesTest, SignsItsOwnProposal) {
  SafetyRules rules = Rules();
  const BlockPtr block = BlockLedBySelf(chain_[1]);
  const auto signature = rules.SignProposal(*block);
  ASSERT_TRUE(signature.ok()) << signature.status();
  EXPECT_EQ(*signature, world_.ProposalOf(block).signature);
  EXPECT_EQ(rules.record().last_proposed_round, block->header.round);
  EXPECT_TRUE(rules.TakeChanged());
}

TEST_F(SafetyRulesTest, RefusesASecondProposalForARound) {
  SafetyRules rules = Rules();
  const BlockPtr block = BlockLedBySelf(chain_[1]);
  ASSERT_TRUE(rules.SignProposal(*block).ok());
  EXPECT_REFUSED(rules, SignProposal(*block), "already proposed in round");
}

TEST_F(SafetyRulesTest, SignsAProposalForAReservedRoundWithoutAnotherRecord) {
  SafetyRules rules = Rules();
  const BlockPtr block = BlockLedBySelf(chain_[1]);
  rules.ReserveProposal(block->header.round);
  EXPECT_TRUE(rules.TakeChanged());
  EXPECT_FALSE(rules.HasProposed(block->header.round));
  ASSERT_TRUE(rules.SignProposal(*block).ok());
  EXPECT_FALSE(rules.TakeChanged());
  EXPECT_TRUE(rules.HasProposed(block->header.round));
  EXPECT_REFUSED(rules, SignProposal(*block), "already proposed in round");
}

TEST_F(SafetyRulesTest, AReservedRoundCountsAsProposedInAfterARestart) {
  SafetyRules stopped = Rules();
  const BlockPtr block = BlockLedBySelf(chain_[1]);
  stopped.ReserveProposal(block->header.round);
  SafetyRules rules = Rules(stopped.record());
  EXPECT_TRUE(rules.HasProposed(block->header.round));
  EXPECT_REFUSED(rules, SignProposal(*block), "already proposed in round");
}

TEST_F(SafetyRulesTest, AReservationNeverLowersTheLastProposedRound) {
  SafetyRules rules = Rules();
  rules.ReserveProposal({9});
  rules.TakeChanged();
  rules.ReserveProposal({8});
  EXPECT_EQ(rules.record().last_proposed_round, Round{9});
  EXPECT_FALSE(rules.TakeChanged());
}

TEST_F(SafetyRulesTest, RefusesAProposalBelowTheLastOne) {
  SafetyRules rules = Rules();
  const BlockPtr early = BlockLedBySelf(chain_[1]);
  const BlockPtr late = BlockLedBySelf(chain_[9]);
  ASSERT_LT(early->header.round, late->header.round);
  ASSERT_TRUE(rules.SignProposal(*late).ok());
  EXPECT_REFUSED(rules, SignProposal(*early), "already proposed in round");
}

TEST_F(SafetyRulesTest, RefusesAProposalOfAnotherValidator) {
  SafetyRules rules = Rules();
  const BlockPtr block = world_.Child(chain_[1], {2}, {.proposer = ValidatorIndex{1}});
  EXPECT_REFUSED(rules, SignProposal(*block), "not this validator's block");
}

TEST_F(SafetyRulesTest, RefusesAProposalOnAnotherChainOrInAnotherEpoch) {
  SafetyRules rules = Rules();
  Header header = BlockLedBySelf(chain_[1])->header;
  header.epoch = {2};
  const auto seal = [&] {
    return MakeBlock(header, world_.QcFor(chain_[1]), EmptyPayload(), EmptyPayloadIndex());
  };
  EXPECT_REFUSED(rules, SignProposal(*seal()), "another epoch");
  header.epoch = {1};
  header.chain_id = chain_[2]->id;
  EXPECT_REFUSED(rules, SignProposal(*seal()), "another chain");
}

// --- The record

TEST_F(SafetyRulesTest, KeepsTheHighestCertificates) {
  SafetyRules rules = Rules();
  rules.Observe(world_.QcFor(chain_[4]));
  EXPECT_TRUE(rules.TakeChanged());
  rules.Observe(world_.QcFor(chain_[3]));
  EXPECT_FALSE(rules.TakeChanged());
  EXPECT_EQ(rules.record().high_qc.round, Round{4});

  rules.Observe(world_.TcFor({7}, world_.QcFor(chain_[4])));
  EXPECT_TRUE(rules.TakeChanged());
  rules.Observe(world_.TcFor({6}, world_.QcFor(chain_[4])));
  EXPECT_FALSE(rules.TakeChanged());
  EXPECT_EQ(rules.record().last_tc->round, Round{7});
}

TEST_F(SafetyRulesTest, IgnoresCertificatesOfAnotherEpoch) {
  SafetyRules rules = Rules();
  QuorumCertificate qc = world_.QcFor(chain_[4]);
  qc.epoch = {2};
  TimeoutCertificate tc = world_.TcFor({7}, world_.QcFor(chain_[4]));
  tc.epoch = {2};
  rules.Observe(qc);
  rules.Observe(tc);
  EXPECT_FALSE(rules.TakeChanged());
  EXPECT_EQ(rules.record(), InitialSafetyRecord(world_.genesis_qc()));
}

TEST_F(SafetyRulesTest, RemembersAcrossARestart) {
  SafetyRecord durable;
  {
    SafetyRules before = Rules();
    ASSERT_TRUE(before.SignVote(*chain_[5], std::nullopt).ok());
    const auto read = DecodeSafetyRecord(Encode(before.record()));
    ASSERT_TRUE(read.ok()) << read.status();
    durable = *read;
  }
  SafetyRules after = Rules(durable);
  const BlockPtr twin = world_.Child(chain_[4], {5}, {.transactions = {"twin"}});
  EXPECT_REFUSED(after, SignVote(*twin, std::nullopt), "already voted or timed out in round 5");
  EXPECT_REFUSED(after, SignTimeout({5}, world_.QcFor(chain_[3]), std::nullopt), "below the lock");
}

// --- Signatures that the record does not know

TEST_F(SafetyRulesTest, KnowsTheVotesThatItSigned) {
  SafetyRules rules = Rules();
  for (uint64_t round = 1; round <= 3; ++round) {
    ASSERT_TRUE(rules.SignVote(*chain_[round], std::nullopt).ok());
    EXPECT_TRUE(rules.Knows(world_.QcFor(chain_[round])));
  }
  EXPECT_TRUE(rules.Knows(world_.QcFor(chain_[1]))) << "too long ago to be judged";
  EXPECT_TRUE(rules.Knows(world_.genesis_qc()));
}

TEST_F(SafetyRulesTest, DoesNotKnowAVoteOfALaterRound) {
  SafetyRules rules = Rules();
  ASSERT_TRUE(rules.SignVote(*chain_[1], std::nullopt).ok());
  EXPECT_FALSE(rules.Knows(world_.QcFor(chain_[2])));
  EXPECT_TRUE(rules.Knows(world_.QcFor(chain_[2], {{1}, {2}, {3}}))) << "others' votes";
}

TEST_F(SafetyRulesTest, DoesNotKnowAnotherVoteOfTheSameRound) {
  SafetyRules rules = Rules();
  ASSERT_TRUE(rules.SignVote(*chain_[1], std::nullopt).ok());
  const BlockPtr rival = world_.Child(chain_[0], {1}, {.time_us = chain_[1]->header.time_us + 1});
  EXPECT_FALSE(rules.Knows(world_.QcFor(rival)));
  ASSERT_TRUE(rules.SignTimeout({2}, world_.QcFor(chain_[1]), std::nullopt).ok());
  EXPECT_FALSE(rules.Knows(world_.QcFor(chain_[2]))) << "given up on, not voted in";
}

TEST_F(SafetyRulesTest, KnowsOnlyTheTimeoutsThatItSigned) {
  SafetyRules rules = Rules();
  const QuorumCertificate qc = world_.QcFor(chain_[1], {{1}, {2}, {3}});
  ASSERT_TRUE(rules.SignTimeout({2}, qc, std::nullopt).ok());
  EXPECT_TRUE(rules.Knows(world_.TcFor({2}, qc)));
  EXPECT_FALSE(rules.Knows(world_.TcFor({3}, qc)));
  EXPECT_TRUE(rules.Knows(world_.TcFor({3}, qc, {{1}, {2}, {3}})));
}

}  // namespace
}  // namespace kiln::consensus
