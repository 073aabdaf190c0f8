// Every way in which a message can be malformed is refused by name, before its signatures are paid
// for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consensus/verifier.h"
#include "tests/consensus/test_world.h"

namespace kiln::consensus {
namespace {

using ::testing::HasSubstr;

class MessageVerification : public testing::Test {
 protected:
  std::string Refusal(ValidatorIndex from, Message message) {
    const absl::Status status = world_.verifier().Verify(from, std::move(message)).status();
    EXPECT_TRUE(status.ok() || absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  }
  std::string Refusal(const Proposal& proposal) {
    return Refusal(proposal.block->header.proposer, proposal);
  }

  // The block of round 4 with one thing in its header changed, sealed and signed again.
  template <typename Change>
  Proposal ProposalWith(const Change& change) {
    Header header = block_->header;
    change(header);
    const BlockPtr block = MakeBlock(header, block_->justify, block_->payload, block_->index);
    const std::string bytes = ProposalBytes(header.chain_id, header.epoch, header.round, block->id);
    const ValidatorIndex signer{header.proposer.value % 4};
    return {block, std::nullopt, world_.signer(signer).Sign(bytes)};
  }

  TestWorld world_;
  const std::vector<BlockPtr> chain_ = world_.Chain(3);
  const QuorumCertificate qc_ = world_.QcFor(chain_[3]);
  const BlockPtr block_ = world_.Child(chain_[3], {4}, {.transactions = {"one"}});
  const ValidatorIndex leader_ = world_.LeaderOf({4});
  const ValidatorIndex other_{(leader_.value + 1) % 4};
};

TEST_F(MessageVerification, RefusesASenderWhoIsNoMember) {
  EXPECT_THAT(Refusal({4}, world_.VoteFor(block_, {0})),
              HasSubstr("sender 4 is not in the validator set"));
}

// --- Votes
// ----------------------------------------------------------------------------------------

TEST_F(MessageVerification, AcceptsAVoteAndKeepsItsSender) {
  const Vote vote = world_.VoteFor(block_, {2});
  const VerifiedMessage verified = world_.Verified({2}, vote);
  EXPECT_EQ(verified.from(), ValidatorIndex{2});
  EXPECT_EQ(std::get<Vote>(verified.message()), vote);
}

TEST_F(MessageVerification, RefusesAVoteInSomebodyElsesName) {
  EXPECT_THAT(Refusal({1}, world_.VoteFor(block_, {2})),
              HasSubstr("vote: author 2 is not the sender 1"));
  Vote vote = world_.VoteFor(block_, {2});
  vote.author = {1};
  EXPECT_THAT(Refusal({1}, vote), HasSubstr("vote: signature of validator 1 does not verify"));
  vote.author = {4};
  EXPECT_THAT(Refusal({1}, vote), HasSubstr("vote: author 4 is not in the validator set"));
}

TEST_F(MessageVerification, RefusesAVoteThatWasSignedForSomethingElse) {
  const Vote vote = world_.VoteFor(block_, {2});
  Vote other = vote;
  other.block_id = chain_[3]->id;
  EXPECT_THAT(Refusal({2}, other), HasSubstr("vote: signature of validator 2"));
  other = vote;
  other.round = {5};
  EXPECT_THAT(Refusal({2}, other), HasSubstr("vote: signature of validator 2"));
  other = vote;
  other.epoch = {2};
  EXPECT_THAT(Refusal({2}, other), HasSubstr("vote: epoch 2, this is epoch 1"));
  other = vote;
  other.signature = world_.ProposalOf(block_).signature;
  EXPECT_THAT(Refusal({2}, other), HasSubstr("vote: signature of validator 2"));
}

TEST_F(MessageVerification, RefusesAVoteOfAnotherChain) {
  Genesis genesis = world_.genesis();
  ++genesis.time_us;
  MessageVerifier other(genesis, &world_.validators(), &world_.leaders(), {1},
                        &world_.signatures());
  EXPECT_THAT(other.Verify({2}, world_.VoteFor(block_, {2})).status().message(),
              HasSubstr("vote: signature of validator 2 does not verify"));
}

TEST_F(MessageVerification, RefusesAVoteInRoundZeroOrTooFarAhead) {
  Vote vote = world_.VoteFor(block_, {2});
  vote.round = {0};
  EXPECT_THAT(Refusal({2}, vote), HasSubstr("vote: round 0"));
  for (const uint64_t round : {uint64_t{1} << 63, UINT64_MAX}) {
    vote.round = {round};
    EXPECT_THAT(Refusal({2}, vote), HasSubstr(absl::StrCat("vote: round ", round, " is above")));
  }
}

// --- Timeouts
// -------------------------------------------------------------------------------------

TEST_F(MessageVerification, AcceptsATimeoutOfARoundEnteredByQcOrTc) {
  EXPECT_EQ(Refusal({1}, world_.TimeoutOf({1}, {4}, qc_)), "");
  EXPECT_EQ(Refusal({1}, world_.TimeoutOf({1}, {6}, qc_, world_.TcFor({5}, qc_))), "");
  EXPECT_EQ(Refusal({1}, world_.TimeoutOf({1}, {1}, world_.genesis_qc())), "");
}

TEST_F(MessageVerification, RefusesATimeoutInSomebodyElsesName) {
  EXPECT_THAT(Refusal({2}, world_.TimeoutOf({1}, {4}, qc_)),
              HasSubstr("timeout: author 1 is not the sender 2"));
}

TEST_F(MessageVerification, RefusesATimeoutWhoseRoundNothingCertifies) {
  EXPECT_THAT(Refusal({1}, world_.TimeoutOf({1}, {6}, qc_)),
              HasSubstr("timeout: nothing certifies round 5: high QC has round 3"));
  EXPECT_THAT(Refusal({1}, world_.TimeoutOf({1}, {6}, qc_, world_.TcFor({4}, qc_))),
              HasSubstr("timeout: last timeout certificate has round 4, round 6 needs 5"));
}

TEST_F(MessageVerification, RefusesATimeoutWhoseQcIsOfItsRoundOrLater) {
  EXPECT_THAT(Refusal({1}, world_.TimeoutOf({1}, {3}, qc_)),
              HasSubstr("timeout: high QC round 3 is not below round 3"));
}

TEST_F(MessageVerification, RefusesATimeoutSignedForAnotherQcRound) {
  Timeout timeout = world_.TimeoutOf({1}, {4}, world_.QcFor(chain_[2]), world_.TcFor({3}, qc_));
  timeout.last_tc = std::nullopt;
  timeout.high_qc = qc_;
  EXPECT_THAT(Refusal({1}, timeout),
              HasSubstr("timeout: signature of validator 1 does not verify"));
}

TEST_F(MessageVerification, RefusesATimeoutWithAForgedCertificate) {
  QuorumCertificate forged = qc_;
  forged.signatures[0][0] ^= 1;
  EXPECT_THAT(Refusal({1}, world_.TimeoutOf({1}, {4}, forged)),
              HasSubstr("timeout: quorum certificate: signature of validator 0"));
  TimeoutCertificate tc = world_.TcFor({5}, qc_);
  tc.signatures[2][0] ^= 1;
  EXPECT_THAT(Refusal({1}, world_.TimeoutOf({1}, {6}, qc_, tc)),
              HasSubstr("timeout: timeout certificate: signature of validator 2"));
  tc = world_.TcFor({5}, qc_, {{0}, {1}});
  EXPECT_THAT(Refusal({1}, world_.TimeoutOf({1}, {6}, qc_, tc)),
              HasSubstr("timeout: timeout certificate: power 2 of 4 is no quorum"));
}

TEST_F(MessageVerification, RefusesATimeoutOfAnotherEpochOrFarFuture) {
  Timeout timeout = world_.TimeoutOf({1}, {4}, qc_);
  timeout.epoch = {2};
  EXPECT_THAT(Refusal({1}, timeout), HasSubstr("timeout: epoch 2"));
  timeout = world_.TimeoutOf({1}, {UINT64_MAX}, qc_);
  EXPECT_THAT(Refusal({1}, timeout), HasSubstr("timeout: round 18446744073709551615 is above"));
  timeout = world_.TimeoutOf({1}, {1'000'000'003}, qc_);
  EXPECT_THAT(Refusal({1}, timeout), HasSubstr("timeout: nothing certifies round 1000000002"));
}

// --- Proposals
// ------------------------------------------------------------------------------------

TEST_F(MessageVerification, AcceptsAProposalEnteredByQcOrTc) {
  EXPECT_EQ(Refusal(world_.ProposalOf(block_)), "");
  const BlockPtr later = world_.Child(chain_[3], {6});
  EXPECT_EQ(Refusal(world_.ProposalOf(later, world_.TcFor({5}, qc_))), "");
  EXPECT_EQ(Refusal(world_.ProposalOf(world_.Child(world_.genesis_block(), {1}))), "");
}

TEST_F(MessageVerification, RefusesAProposalThatItsAuthorDidNotSend) {
  EXPECT_THAT(Refusal(other_, world_.ProposalOf(block_)),
              HasSubstr(absl::StrCat("proposal: author ", leader_.value, " is not the sender ",
                                     other_.value)));
}

TEST_F(MessageVerification, RefusesAProposalOfSomebodyWhoDoesNotLead) {
  const Proposal proposal = ProposalWith([this](Header& h) { h.proposer = other_; });
  EXPECT_THAT(Refusal(proposal),
              HasSubstr(absl::StrCat("proposal: proposer ", other_.value,
                                     " is not the leader of round 4, which is ", leader_.value)));
}

TEST_F(MessageVerification, RefusesAProposalWithAnotherSignature) {
  Proposal proposal = world_.ProposalOf(block_);
  proposal.signature[10] ^= 1;
  EXPECT_THAT(Refusal(proposal), HasSubstr("proposal: signature of validator"));
  proposal.signature = world_.VoteFor(block_, leader_).signature;
  EXPECT_THAT(Refusal(proposal), HasSubstr("proposal: signature of validator"))
      << "a vote is no proposal";
}

TEST_F(MessageVerification, RefusesAProposalWhoseRoundNothingCertifies) {
  const BlockPtr later = world_.Child(chain_[3], {6});
  EXPECT_THAT(Refusal(world_.ProposalOf(later)),
              HasSubstr("proposal: no timeout certificate for round 5, QC has round 3"));
  EXPECT_THAT(Refusal(world_.ProposalOf(later, world_.TcFor({4}, qc_))),
              HasSubstr("proposal: timeout certificate has round 4, round 6 needs 5"));
  EXPECT_THAT(Refusal(world_.ProposalOf(block_, world_.TcFor({3}, world_.QcFor(chain_[2])))),
              HasSubstr("proposal: timeout certificate beside a QC of round 3"));
}

TEST_F(MessageVerification, RefusesAProposalWithForgedCertificates) {
  QuorumCertificate forged = qc_;
  forged.signatures[1][0] ^= 1;
  EXPECT_THAT(Refusal(world_.ProposalOf(world_.BlockOn(chain_[3], forged, {4}))),
              HasSubstr("proposal: quorum certificate: signature of validator 1"));
  TimeoutCertificate tc = world_.TcFor({5}, qc_);
  tc.signatures[0][0] ^= 1;
  EXPECT_THAT(Refusal(world_.ProposalOf(world_.Child(chain_[3], {6}), tc)),
              HasSubstr("proposal: timeout certificate: signature of validator 0"));
}

TEST_F(MessageVerification, RefusesAProposalOfAnotherChainOrEpoch) {
  EXPECT_THAT(Refusal(ProposalWith([](Header& h) { h.chain_id.bytes[0] ^= 1; })),
              HasSubstr("proposal: chain id "));
  EXPECT_THAT(Refusal(ProposalWith([](Header& h) { h.epoch = {2}; })),
              HasSubstr("proposal: epoch 2, this is epoch 1"));
}

TEST_F(MessageVerification, RefusesImpossibleRoundsAndHeights) {
  EXPECT_THAT(Refusal(ProposalWith([](Header& h) { h.round = {0}; })),
              HasSubstr("proposal: round 0"));
  EXPECT_THAT(Refusal(ProposalWith([](Header& h) { h.round = {UINT64_MAX}; })),
              HasSubstr("proposal: round 18446744073709551615 is above"));
  EXPECT_THAT(Refusal(ProposalWith([](Header& h) { h.height = {0}; })),
              HasSubstr("proposal: height 0"));
  EXPECT_THAT(Refusal(ProposalWith([](Header& h) { h.height = {UINT64_MAX}; })),
              HasSubstr("proposal: height 18446744073709551615 is above"));
  EXPECT_THAT(Refusal(ProposalWith([](Header& h) { h.round = {3}; })),
              HasSubstr("proposal: round 3 is not above its parent's round 3"));
  EXPECT_THAT(Refusal(ProposalWith([](Header& h) { h.executed_height = h.height; })),
              HasSubstr("proposal: executed height 4 is not below height 4"));
}

TEST_F(MessageVerification, RefusesAQcThatIsNotTheParents) {
  EXPECT_THAT(Refusal(ProposalWith([this](Header& h) { h.parent_id = chain_[2]->id; })),
              HasSubstr("proposal: QC certifies block "));
  EXPECT_THAT(Refusal(ProposalWith([](Header& h) { h.parent_round = {2}; })),
              HasSubstr("proposal: QC has round 3, the parent has round 2"));
}

TEST_F(MessageVerification, RefusesAnEpochEnd) {
  EXPECT_THAT(Refusal(ProposalWith([](Header& h) { h.epoch_end = true; })),
              HasSubstr("proposal: epoch-end flag is set"));
}

TEST_F(MessageVerification, VerifiesStoredBlocks) {
  EXPECT_TRUE(world_.verifier().VerifyBlock(*block_).ok());
  QuorumCertificate forged = qc_;
  forged.signatures[1][0] ^= 1;
  EXPECT_THAT(world_.verifier().VerifyBlock(*world_.BlockOn(chain_[3], forged, {4})).message(),
              HasSubstr("block: quorum certificate: signature of validator 1"));
}

// --- Certificates and blocks
// ----------------------------------------------------------------------

TEST_F(MessageVerification, AcceptsCertificatesFromAnybody) {
  EXPECT_EQ(Refusal({3}, Certificates{qc_, std::nullopt}), "");
  EXPECT_EQ(Refusal({3}, Certificates{qc_, world_.TcFor({5}, qc_)}), "");
  EXPECT_EQ(Refusal({3}, Certificates{world_.genesis_qc(), std::nullopt}), "");
}

TEST_F(MessageVerification, RefusesForgedCertificates) {
  QuorumCertificate forged = qc_;
  forged.signatures[1][0] ^= 1;
  EXPECT_THAT(Refusal({3}, Certificates{forged, std::nullopt}),
              HasSubstr("certificates: quorum certificate: signature of validator 1"));
  EXPECT_THAT(Refusal({3}, Certificates{qc_, world_.TcFor({5}, qc_, {{0}})}),
              HasSubstr("certificates: timeout certificate: power 1 of 4"));
}

TEST_F(MessageVerification, AcceptsAChainOfBlocksWithOrWithoutACertificateForItsTip) {
  const std::vector<BlockPtr> blocks(chain_.begin() + 1, chain_.end());
  EXPECT_EQ(Refusal({3}, Blocks{blocks, qc_}), "");
  EXPECT_EQ(Refusal({3}, Blocks{blocks, std::nullopt}), "");
  EXPECT_EQ(Refusal({3}, Blocks{{chain_[2]}, std::nullopt}), "");
}

TEST_F(MessageVerification, RefusesBlocksThatAreNoChain) {
  EXPECT_THAT(Refusal({3}, Blocks{}), HasSubstr("blocks: 0 of them, allowed are 1 to 64"));
  EXPECT_THAT(Refusal({3}, Blocks{{}, qc_}), HasSubstr("blocks: 0 of them"));
  EXPECT_THAT(Refusal({3}, Blocks{std::vector<BlockPtr>(65, chain_[1]), qc_}),
              HasSubstr("blocks: 65 of them"));
  EXPECT_THAT(Refusal({3}, Blocks{{chain_[1], chain_[3]}, qc_}),
              HasSubstr("blocks: block 1: parent is "));
  EXPECT_THAT(Refusal({3}, Blocks{{chain_[2], chain_[1]}, qc_}),
              HasSubstr("blocks: block 1: parent is "));
  EXPECT_THAT(Refusal({3}, Blocks{{world_.genesis_block(), chain_[1]}, qc_}),
              HasSubstr("blocks: block 0: round 0"));
}

TEST_F(MessageVerification, RefusesBlocksWithAGapInHeightOrATimeThatDecreases) {
  Header header = block_->header;
  header.height = {9};
  const BlockPtr gap = MakeBlock(header, block_->justify, block_->payload, block_->index);
  EXPECT_THAT(Refusal({3}, Blocks{{chain_[3], gap}, std::nullopt}),
              HasSubstr("blocks: block 1: height 9 after height 3"));
  header = block_->header;
  header.time_us = chain_[3]->header.time_us - 1;
  const BlockPtr early = MakeBlock(header, block_->justify, block_->payload, block_->index);
  EXPECT_THAT(Refusal({3}, Blocks{{chain_[3], early}, std::nullopt}),
              HasSubstr("blocks: block 1: time is before its parent's"));
}

TEST_F(MessageVerification, RefusesBlocksWhoseCertificateIsForAnotherOrForged) {
  EXPECT_THAT(Refusal({3}, Blocks{{chain_[1], chain_[2]}, qc_}),
              HasSubstr("blocks: the certificate is not the last block's"));
  QuorumCertificate forged = qc_;
  forged.signatures[1][0] ^= 1;
  EXPECT_THAT(Refusal({3}, Blocks{{chain_[3]}, forged}),
              HasSubstr("blocks: quorum certificate: signature of validator 1"));
  const BlockPtr on_forged = world_.BlockOn(chain_[3], forged, {4});
  EXPECT_THAT(Refusal({3}, Blocks{{on_forged}, std::nullopt}),
              HasSubstr("blocks: quorum certificate: signature of validator 1"));
}

}  // namespace
}  // namespace kiln::consensus
