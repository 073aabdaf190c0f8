#include "sim/certificates_oracle.h"

#include "sim/evidence_oracle.h"
#include "tests/sim/oracle_fixture.h"

namespace kiln::sim {
namespace {

using consensus::BlockPtr;

using Certificates = OracleTest;

TEST_F(Certificates, AcceptsWhatAQuorumSigned) {
  Observed observed(Context());
  EvidenceOracle evidence(&observed);
  CertificatesOracle oracle(&observed, &evidence);
  const std::vector<BlockPtr> chain = world_.Chain(3);
  for (const BlockPtr& block : chain) {
    observed.Note(block);
    EXPECT_EQ(oracle.Judge(world_.QcFor(block)), "");
  }
  EXPECT_EQ(oracle.Judge(world_.TcFor({5}, world_.QcFor(chain[3]))), "");
  oracle.OnSent(0, world_.ProposalOf(chain[2]));
  EXPECT_EQ(violations_, none_);
}

TEST_F(Certificates, RefusesWhatNoQuorumSigned) {
  Observed observed(Context());
  CertificatesOracle oracle(&observed, nullptr);
  const BlockPtr block = world_.Chain(1)[1];
  EXPECT_NE(oracle.Judge(world_.QcFor(block, {{0}, {1}})), "");
  consensus::QuorumCertificate other_round = world_.QcFor(block);
  other_round.round = {2};
  EXPECT_NE(oracle.Judge(other_round), "");
  consensus::QuorumCertificate other_epoch = world_.QcFor(block);
  other_epoch.epoch = {2};
  EXPECT_NE(oracle.Judge(other_epoch), "");
  consensus::QuorumCertificate padded = world_.QcFor(block);
  std::string bits = padded.signers.bytes();
  bits[0] ^= 0x40;
  padded.signers = consensus::SignerBitmap::FromBytes(bits);
  padded.signatures.push_back(padded.signatures.back());
  EXPECT_NE(oracle.Judge(padded), "");
  consensus::TimeoutCertificate tc = world_.TcFor({5}, world_.QcFor(block));
  tc.high_qc = world_.genesis_qc();
  EXPECT_NE(oracle.Judge(tc), "");
}

TEST_F(Certificates, BlamesTheHonestAloneForSendingAWrongOne) {
  Observed observed(Context({true, true, true, false}));
  CertificatesOracle oracle(&observed, nullptr);
  const BlockPtr block = world_.Chain(1)[1];
  const consensus::Certificates wrong{.high_qc = world_.QcFor(block, {{0}, {1}}), .last_tc = {}};
  oracle.OnSent(3, wrong);
  EXPECT_EQ(violations_, none_);
  oracle.OnSent(0, wrong);
  EXPECT_EQ(violations_, std::set<std::string>({"S5"}));
}

TEST_F(Certificates, FindsTwoCertifiedBlocksInOneRoundAndWhoSignedBoth) {
  Observed observed(Context());
  EvidenceOracle evidence(&observed);
  CertificatesOracle oracle(&observed, &evidence);
  const BlockPtr one = world_.Child(world_.genesis_block(), {1});
  const BlockPtr two = world_.Child(world_.genesis_block(), {1}, {.transactions = {"a=b"}});
  EXPECT_EQ(oracle.Judge(world_.QcFor(one)), "");
  EXPECT_EQ(oracle.Judge(world_.QcFor(two)), "");
  EXPECT_EQ(violations_, std::set<std::string>({"S12", "S4"}));
}

using Evidence = OracleTest;

TEST_F(Evidence, IgnoresWhatOthersMakeUpInAValidatorsName) {
  Observed observed(Context({true, true, true, false}));
  EvidenceOracle oracle(&observed);
  const BlockPtr one = world_.Child(world_.genesis_block(), {1});
  consensus::Vote made_up = world_.VoteFor(one, {0});
  oracle.OnSent(0, made_up);
  made_up.block_id = Hash{};
  oracle.OnSent(3, made_up);
  EXPECT_EQ(violations_, none_);
}

TEST_F(Evidence, GoesOnWithAValidatorThatSaidNothingForLong) {
  Observed observed(Context());
  EvidenceOracle oracle(&observed);
  oracle.OnSent(0, world_.TimeoutOf({0}, {1}, world_.genesis_qc()));
  oracle.OnSent(0, world_.TimeoutOf({0}, {1000}, world_.genesis_qc()));
  EXPECT_EQ(violations_, none_);
}

TEST_F(Evidence, FindsALockThatATimeoutForgot) {
  Observed observed(Context());
  EvidenceOracle oracle(&observed);
  const std::vector<BlockPtr> chain = world_.Chain(3);
  for (const BlockPtr& block : chain) observed.Note(block);
  oracle.OnSent(0, world_.VoteFor(chain[3], {0}));  // locks the QC of round 2
  oracle.OnSent(0, world_.TimeoutOf({0}, {4}, world_.QcFor(chain[2])));
  EXPECT_EQ(violations_, none_);
  oracle.OnSent(0, world_.TimeoutOf({0}, {5}, world_.QcFor(chain[1])));
  EXPECT_EQ(violations_, std::set<std::string>({"S12"}));
}

}  // namespace
}  // namespace kiln::sim
