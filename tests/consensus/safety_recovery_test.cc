// What a validator that lost its safety record adopts, and whose statements it believes.
#include "consensus/safety_recovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consensus/safety_rules.h"
#include "tests/consensus/test_world.h"

namespace kiln::consensus {
namespace {

using ::testing::HasSubstr;

Hash Nonce(uint8_t byte) {
  Hash nonce;
  nonce.bytes.fill(byte);
  return nonce;
}

// Validator 0 of four lost its record; the others stand where a test puts them.
class SafetyRecoveryTest : public testing::Test {
 protected:
  static constexpr ValidatorIndex kSelf{0};

  SafetyRecovery New(const SafetyRecord& known) {
    return SafetyRecovery(kSelf, &world_.validators(), Nonce(7), known);
  }
  SafetyRecovery New() { return New(InitialSafetyRecord(world_.genesis_qc())); }

  Standing StandingOf(ValidatorIndex author, const QuorumCertificate& high_qc,
                      std::optional<TimeoutCertificate> tc = std::nullopt) {
    return Signed({.epoch = {1},
                   .author = author,
                   .asker = kSelf,
                   .nonce = Nonce(7),
                   .last_voted_round = RoundAfter(high_qc, tc),
                   .high_qc = high_qc,
                   .last_tc = std::move(tc)});
  }
  Standing Signed(Standing standing) {
    standing.signature =
        world_.signer(standing.author).Sign(StandingBytes(world_.chain_id(), standing));
    return standing;
  }
  absl::Status Add(SafetyRecovery& recovery, const Standing& standing) {
    return recovery.Add(world_.Verified(standing.author, standing));
  }

  TestWorld world_;
  const std::vector<BlockPtr> chain_ = world_.Chain(6);
};

TEST_F(SafetyRecoveryTest, AbstainsUpToTheRoundAfterTheHighestThatAnybodyStandsIn) {
  SafetyRecovery recovery = New();
  ASSERT_TRUE(Add(recovery, StandingOf({1}, world_.QcFor(chain_[2]))).ok());
  ASSERT_TRUE(Add(recovery, StandingOf({2}, world_.QcFor(chain_[4]))).ok());
  EXPECT_FALSE(recovery.HasQuorum());
  ASSERT_TRUE(Add(recovery, StandingOf({3}, world_.QcFor(chain_[1]))).ok());
  ASSERT_TRUE(recovery.HasQuorum());
  EXPECT_EQ(recovery.AbstainsUpTo(), Round{6});  // 4 is certified: somebody is in 5
  const SafetyRecord record = recovery.Adopt();
  EXPECT_EQ(record.last_voted_round, Round{6});
  EXPECT_EQ(record.last_proposed_round, Round{6});
  EXPECT_EQ(record.high_qc, world_.QcFor(chain_[4]));
  EXPECT_EQ(record.locked_qc_round, Round{4});
  EXPECT_TRUE(ForgetsLastRound(record));
}

TEST_F(SafetyRecoveryTest, CountsARoundThatWasEnteredByATimeoutCertificate) {
  SafetyRecovery recovery = New();
  const TimeoutCertificate tc = world_.TcFor({5}, world_.QcFor(chain_[3]));
  ASSERT_TRUE(Add(recovery, StandingOf({1}, world_.QcFor(chain_[3]), tc)).ok());
  ASSERT_TRUE(Add(recovery, StandingOf({2}, world_.QcFor(chain_[2]))).ok());
  ASSERT_TRUE(Add(recovery, StandingOf({3}, world_.QcFor(chain_[2]))).ok());
  const SafetyRecord record = recovery.Adopt();
  EXPECT_EQ(record.last_voted_round, Round{7});
  EXPECT_EQ(record.last_tc, tc);
  EXPECT_EQ(record.high_qc, world_.QcFor(chain_[3]));
}

TEST_F(SafetyRecoveryTest, TakesTheCertificateInATimeoutCertificateTooWhenItIsTheHighest) {
  SafetyRecovery recovery = New();
  const TimeoutCertificate tc = world_.TcFor({5}, world_.QcFor(chain_[4]));
  ASSERT_TRUE(Add(recovery, StandingOf({1}, world_.QcFor(chain_[2]), tc)).ok());
  ASSERT_TRUE(Add(recovery, StandingOf({2}, world_.QcFor(chain_[2]))).ok());
  ASSERT_TRUE(Add(recovery, StandingOf({3}, world_.QcFor(chain_[2]))).ok());
  EXPECT_EQ(recovery.Adopt().high_qc, world_.QcFor(chain_[4]));
}

TEST_F(SafetyRecoveryTest, NeedsMoreThanTwoThirdsOfThePowerWithoutItself) {
  TestWorld heavy({3, 3, 2, 1});  // 7 or more of 9
  const SafetyRecord initial = InitialSafetyRecord(heavy.genesis_qc());
  EXPECT_FALSE(SafetyRecovery({0}, &heavy.validators(), Nonce(7), initial).IsPossible());
  EXPECT_TRUE(SafetyRecovery({2}, &heavy.validators(), Nonce(7), initial).IsPossible());
  EXPECT_TRUE(New().IsPossible());
}

TEST_F(SafetyRecoveryTest, CountsEachValidatorOnce) {
  SafetyRecovery recovery = New();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Add(recovery, StandingOf({1}, world_.QcFor(chain_[2]))).ok());
  }
  EXPECT_EQ(recovery.power(), 1U);
  EXPECT_TRUE(recovery.HasAnswerOf({1}));
  EXPECT_FALSE(recovery.HasAnswerOf({2}));
}

TEST_F(SafetyRecoveryTest, DoesNotCountAnAnswerToAnotherRequest) {
  SafetyRecovery recovery = New();
  Standing standing = StandingOf({1}, world_.QcFor(chain_[2]));
  standing.nonce = Nonce(8);
  EXPECT_THAT(Add(recovery, Signed(standing)).message(), HasSubstr("an earlier recovery"));
  standing = StandingOf({1}, world_.QcFor(chain_[2]));
  standing.asker = {2};
  EXPECT_THAT(Add(recovery, Signed(standing)).message(), HasSubstr("for validator 2"));
  EXPECT_EQ(recovery.power(), 0U);
}

TEST_F(SafetyRecoveryTest, DoesNotCountAStatementOfItsOwn) {
  SafetyRecovery recovery = New();
  Standing own = StandingOf(kSelf, world_.QcFor(chain_[2]));
  own.asker = {1};
  EXPECT_THAT(Add(recovery, Signed(own)).message(), HasSubstr("own"));
}

TEST_F(SafetyRecoveryTest, CountsARecoveringValidatorOnlyOnceItsRoundCoversWhatItMayHaveSigned) {
  SafetyRecovery recovery = New();
  Standing standing = StandingOf({1}, world_.QcFor(chain_[2]));
  standing.last_voted_round = {4};  // it stands in 3
  EXPECT_THAT(Add(recovery, Signed(standing)).message(), HasSubstr("recovers itself"));
  EXPECT_EQ(recovery.power(), 0U);
  Standing later = StandingOf({1}, world_.QcFor(chain_[3]));
  later.last_voted_round = {4};
  EXPECT_TRUE(Add(recovery, Signed(later)).ok());
}

TEST_F(SafetyRecoveryTest, NeverLowersWhatIsKnown) {
  SafetyRecord known = InitialSafetyRecord(world_.genesis_qc());
  known.last_voted_round = {20};
  known.last_proposed_round = {30};
  known.high_qc = world_.QcFor(chain_[6]);
  known.locked_qc_round = {6};
  known.last_vote = world_.VoteFor(chain_[6], kSelf);
  SafetyRecovery recovery = New(known);
  for (const uint32_t author : {1, 2, 3}) {
    ASSERT_TRUE(Add(recovery, StandingOf({author}, world_.QcFor(chain_[2]))).ok());
  }
  const SafetyRecord record = recovery.Adopt();
  EXPECT_EQ(record.last_voted_round, Round{20});
  EXPECT_EQ(record.last_proposed_round, Round{30});
  EXPECT_EQ(record.high_qc, known.high_qc);
  EXPECT_EQ(record.locked_qc_round, Round{6});
  EXPECT_FALSE(record.last_vote.has_value()) << "what may have followed it is not known";
}

// --- What its verifier believes of a statement

class StandingVerifierTest : public SafetyRecoveryTest {
 protected:
  absl::Status Verify(const Standing& standing) {
    return world_.verifier().Verify(standing.author, standing).status();
  }
};

TEST_F(StandingVerifierTest, BelievesWhatIsSignedAndProved) {
  const TimeoutCertificate tc = world_.TcFor({5}, world_.QcFor(chain_[3]));
  EXPECT_TRUE(Verify(StandingOf({1}, world_.QcFor(chain_[2]))).ok());
  EXPECT_TRUE(Verify(StandingOf({1}, world_.genesis_qc())).ok());
  EXPECT_TRUE(Verify(StandingOf({1}, world_.QcFor(chain_[3]), tc)).ok());
}

TEST_F(StandingVerifierTest, RefusesARoundThatNoCertificateProves) {
  Standing inflated = StandingOf({1}, world_.QcFor(chain_[2]));
  inflated.high_qc.round = {500};
  EXPECT_THAT(Verify(Signed(inflated)).message(), HasSubstr("does not verify"));
  inflated = StandingOf({1}, world_.QcFor(chain_[2]), world_.TcFor({5}, world_.QcFor(chain_[2])));
  inflated.last_tc->round = {500};
  EXPECT_THAT(Verify(Signed(inflated)).message(), HasSubstr("does not verify"));
  inflated = StandingOf({1}, world_.QcFor(chain_[2], {{1}, {2}}));
  EXPECT_THAT(Verify(inflated).message(), HasSubstr("no quorum"));
}

TEST_F(StandingVerifierTest, RefusesAnyChangeOfWhatWasSigned) {
  const TimeoutCertificate tc = world_.TcFor({5}, world_.QcFor(chain_[3]));
  const Standing standing = StandingOf({1}, world_.QcFor(chain_[3]), tc);
  const std::vector<std::function<void(Standing&)>> changes = {
      [](Standing& s) { s.asker = {2}; },
      [](Standing& s) { s.nonce = Nonce(9); },
      [](Standing& s) { s.last_voted_round.value -= 1; },
      [&](Standing& s) { s.high_qc = world_.QcFor(chain_[2]); },
      [](Standing& s) { s.last_tc.reset(); },
      [](Standing& s) { s.epoch = {2}; },
      [](Standing& s) { s.signature[0] ^= 1; }};
  for (size_t i = 0; i < changes.size(); ++i) {
    Standing changed = standing;
    changes[i](changed);
    EXPECT_FALSE(Verify(changed).ok()) << "change " << i;
  }
}

TEST_F(StandingVerifierTest, RefusesAStatementInAnothersName) {
  const Standing standing = StandingOf({1}, world_.QcFor(chain_[2]));
  EXPECT_THAT(world_.verifier().Verify({2}, standing).status().message(),
              HasSubstr("is not the sender"));
}

// --- What the safety rules make of a recovered record

class RecoveredRulesTest : public SafetyRecoveryTest {
 protected:
  SafetyRules Recovered() {
    SafetyRecovery recovery = New();
    for (const uint32_t author : {1, 2, 3}) {
      KILN_CHECK_OK(Add(recovery, StandingOf({author}, world_.QcFor(chain_[3]))));
    }
    return SafetyRules(world_.chain_id(), kSelf, &world_.signer(kSelf), recovery.Adopt());
  }
};

TEST_F(RecoveredRulesTest, SignNothingInARoundThatMayHaveBeenSignedIn) {
  SafetyRules rules = Recovered();  // abstains up to 5
  EXPECT_FALSE(rules.SignVote(*chain_[5], std::nullopt).ok());
  EXPECT_FALSE(rules.SignTimeout({4}, world_.QcFor(chain_[3]), std::nullopt).ok());
  EXPECT_FALSE(rules.SignTimeout({5}, world_.QcFor(chain_[4]), std::nullopt).ok());
  const BlockPtr own = world_.BlockOn(chain_[4], world_.QcFor(chain_[4]), {5}, {.proposer = kSelf});
  EXPECT_FALSE(rules.SignProposal(*own).ok());
}

TEST_F(RecoveredRulesTest, SignAgainInTheRoundAfter) {
  EXPECT_TRUE(Recovered().SignVote(*chain_[6], std::nullopt).ok());
  EXPECT_TRUE(Recovered().SignTimeout({6}, world_.QcFor(chain_[5]), std::nullopt).ok());
  SafetyRules rules = Recovered();
  const BlockPtr own = world_.BlockOn(chain_[5], world_.QcFor(chain_[5]), {6}, {.proposer = kSelf});
  EXPECT_TRUE(rules.SignProposal(*own).ok());
}

TEST_F(RecoveredRulesTest, TakeASignatureOfBeforeForTheirOwnAndALaterOneForAStrangers) {
  SafetyRules rules = Recovered();
  const std::vector<ValidatorIndex> with_self = {{0}, {1}, {2}};
  EXPECT_TRUE(rules.Knows(world_.QcFor(chain_[5], with_self)));
  EXPECT_TRUE(rules.Knows(world_.TcFor({5}, world_.QcFor(chain_[3]), with_self)));
  EXPECT_FALSE(rules.Knows(world_.QcFor(chain_[6], with_self)));
  EXPECT_FALSE(rules.Knows(world_.TcFor({6}, world_.QcFor(chain_[3]), with_self)));
}

TEST_F(RecoveredRulesTest, RememberAgainWhatTheySignOnceTheyDo) {
  SafetyRules rules = Recovered();
  ASSERT_TRUE(rules.SignVote(*chain_[6], std::nullopt).ok());
  EXPECT_FALSE(ForgetsLastRound(rules.record()));
  const std::vector<ValidatorIndex> with_self = {{0}, {1}, {2}};
  EXPECT_TRUE(rules.Knows(world_.QcFor(chain_[6], with_self)));
}

}  // namespace
}  // namespace kiln::consensus
