// Every way in which a certificate can be malformed is refused by name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consensus/verifier.h"
#include "tests/consensus/test_world.h"

namespace kiln::consensus {
namespace {

using ::testing::HasSubstr;

// Counts what signatures cost.
class CountingVerifier final : public SignatureVerifier {
 public:
  bool Verify(const crypto::PublicKey& key, absl::string_view message,
              const crypto::Signature& signature) const override {
    ++count;
    return crypto::Verify(key, message, signature);
  }
  mutable int count = 0;
};

class CertificateVerification : public testing::Test {
 protected:
  std::string Refusal(const QuorumCertificate& qc) {
    const absl::Status status = verifier_.VerifyQuorumCertificate(qc);
    EXPECT_TRUE(status.ok() || absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  }
  std::string Refusal(const TimeoutCertificate& tc) {
    const absl::Status status = verifier_.VerifyTimeoutCertificate(tc);
    EXPECT_TRUE(status.ok() || absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  }

  TestWorld world_;
  const CountingVerifier signatures_;
  MessageVerifier verifier_{
      world_.genesis(), &world_.validators(), &world_.leaders(), {1}, &signatures_};
  const std::vector<BlockPtr> chain_ = world_.Chain(3);
  const QuorumCertificate qc_ = world_.QcFor(chain_[3]);
  const TimeoutCertificate tc_ = world_.TcFor({9}, qc_);
};

TEST_F(CertificateVerification, AcceptsAQuorumsCertificate) {
  EXPECT_EQ(Refusal(qc_), "");
  EXPECT_EQ(Refusal(world_.QcFor(chain_[3], {{0}, {1}, {2}, {3}})), "");
  EXPECT_EQ(Refusal(world_.QcFor(chain_[3], {{1}, {2}, {3}})), "");
}

TEST_F(CertificateVerification, AcceptsTheGenesisCertificateByEqualityAlone) {
  EXPECT_EQ(Refusal(world_.genesis_qc()), "");
  EXPECT_EQ(signatures_.count, 0);
  QuorumCertificate other = world_.genesis_qc();
  other.block_id.bytes[0] ^= 1;
  EXPECT_THAT(Refusal(other),
              HasSubstr("quorum certificate: round 0 is the genesis block's alone"));
}

TEST_F(CertificateVerification, RefusesAQuorumLessOne) {
  EXPECT_THAT(Refusal(world_.QcFor(chain_[3], {{0}, {3}})),
              HasSubstr("quorum certificate: power 2 of 4 is no quorum"));
  EXPECT_THAT(Refusal(world_.QcFor(chain_[3], {})), HasSubstr("power 0 of 4 is no quorum"));
  EXPECT_THAT(Refusal(world_.TcFor({9}, qc_, {{1}, {2}})),
              HasSubstr("timeout certificate: power 2 of 4 is no quorum"));
  EXPECT_EQ(signatures_.count, 0) << "form is checked before any signature";
}

TEST_F(CertificateVerification, WeighsSignersByPowerAndNotByNumber) {
  TestWorld heavy({5, 1, 1, 1});  // a quorum is 6 of 8
  const BlockPtr block = heavy.Chain(1)[1];
  EXPECT_TRUE(heavy.verifier().VerifyQuorumCertificate(heavy.QcFor(block, {{0}, {2}})).ok());
  EXPECT_THAT(heavy.verifier().VerifyQuorumCertificate(heavy.QcFor(block, {{0}})).message(),
              HasSubstr("power 5 of 8 is no quorum"));
  EXPECT_THAT(
      heavy.verifier().VerifyQuorumCertificate(heavy.QcFor(block, {{1}, {2}, {3}})).message(),
      HasSubstr("power 3 of 8 is no quorum"));
}

TEST_F(CertificateVerification, RefusesABitmapThatIsLongerOrShorterThanTheSet) {
  QuorumCertificate qc = qc_;
  qc.signers = SignerBitmap::FromBytes(qc.signers.bytes() + '\0');
  EXPECT_THAT(Refusal(qc), HasSubstr("quorum certificate: bitmap is 2 bytes, the set needs 1"));
  qc.signers = SignerBitmap();
  EXPECT_THAT(Refusal(qc), HasSubstr("quorum certificate: bitmap is 0 bytes, the set needs 1"));
  TimeoutCertificate tc = tc_;
  tc.signers = SignerBitmap::FromBytes(tc.signers.bytes() + '\0');
  EXPECT_THAT(Refusal(tc), HasSubstr("timeout certificate: bitmap is 2 bytes, the set needs 1"));
}

TEST_F(CertificateVerification, RefusesASignerWhoIsNoMember) {
  QuorumCertificate qc = qc_;
  qc.signers = SignerBitmap::FromBytes("\x13");  // 0, 1 and 4
  EXPECT_THAT(Refusal(qc), HasSubstr("quorum certificate: bitmap has padding bits set"));
  TimeoutCertificate tc = tc_;
  tc.signers = SignerBitmap::FromBytes("\x83");
  EXPECT_THAT(Refusal(tc), HasSubstr("timeout certificate: bitmap has padding bits set"));
}

TEST_F(CertificateVerification, RefusesMoreOrFewerSignaturesThanSigners) {
  QuorumCertificate qc = qc_;
  qc.signatures.pop_back();
  EXPECT_THAT(Refusal(qc), HasSubstr("quorum certificate: signatures: 2 for 3 signers"));
  qc = qc_;
  qc.signatures.push_back(qc.signatures[0]);
  EXPECT_THAT(Refusal(qc), HasSubstr("quorum certificate: signatures: 4 for 3 signers"));
  TimeoutCertificate tc = tc_;
  tc.signatures.pop_back();
  EXPECT_THAT(Refusal(tc), HasSubstr("timeout certificate: signatures: 2 for 3 signers"));
  tc = tc_;
  tc.high_qc_rounds.pop_back();
  EXPECT_THAT(Refusal(tc), HasSubstr("timeout certificate: high QC rounds: 2 for 3 signers"));
}

TEST_F(CertificateVerification, RefusesOneSignerCountedTwice) {
  QuorumCertificate qc = qc_;
  qc.signatures[2] = qc.signatures[1];  // validator 1's, in the place of validator 2's
  EXPECT_THAT(Refusal(qc),
              HasSubstr("quorum certificate: signature of validator 2 does not verify"));
}

TEST_F(CertificateVerification, RefusesSignaturesInAnotherOrder) {
  QuorumCertificate qc = qc_;
  std::swap(qc.signatures[0], qc.signatures[1]);
  EXPECT_THAT(Refusal(qc), HasSubstr("signature of validator 0 does not verify"));
}

TEST_F(CertificateVerification, RefusesSignaturesOverAnotherBlockOrRound) {
  QuorumCertificate qc = qc_;
  qc.block_id = chain_[2]->id;
  EXPECT_THAT(Refusal(qc), HasSubstr("signature of validator 0 does not verify"));
  qc = qc_;
  qc.round = {4};
  EXPECT_THAT(Refusal(qc), HasSubstr("signature of validator 0 does not verify"));
  TimeoutCertificate tc = tc_;
  tc.round = {10};
  EXPECT_THAT(Refusal(tc), HasSubstr("signature of validator 0 does not verify"));
}

TEST_F(CertificateVerification, RefusesAnotherEpoch) {
  QuorumCertificate qc = qc_;
  qc.epoch = {2};
  EXPECT_THAT(Refusal(qc), HasSubstr("quorum certificate: epoch 2, this is epoch 1"));
  TimeoutCertificate tc = tc_;
  tc.epoch = {0};
  EXPECT_THAT(Refusal(tc), HasSubstr("timeout certificate: epoch 0, this is epoch 1"));
  MessageVerifier next(world_.genesis(), &world_.validators(), &world_.leaders(), {2},
                       &signatures_);
  EXPECT_THAT(next.VerifyQuorumCertificate(qc_).message(), HasSubstr("epoch 1, this is epoch 2"));
  qc.epoch = {2};
  EXPECT_THAT(next.VerifyQuorumCertificate(qc).message(),
              HasSubstr("signature of validator 0 does not verify"))
      << "the epoch is part of what is signed";
}

TEST_F(CertificateVerification, RefusesSignaturesForAnotherChain) {
  Genesis genesis = world_.genesis();
  genesis.chain_name = "other-chain";
  MessageVerifier other(genesis, &world_.validators(), &world_.leaders(), {1}, &signatures_);
  EXPECT_THAT(other.VerifyQuorumCertificate(qc_).message(),
              HasSubstr("signature of validator 0 does not verify"));
  EXPECT_THAT(
      other.VerifyTimeoutCertificate(world_.TcFor({9}, GenesisCertificate(genesis))).message(),
      HasSubstr("signature of validator 0 does not verify"));
}

TEST_F(CertificateVerification, RefusesTheSignersOfAnotherSet) {
  Genesis genesis = world_.genesis();
  for (uint32_t i = 0; i < 4; ++i) {
    genesis.validators[i].consensus_key = TestKey(100 + i, 'c').public_key();
  }
  const ValidatorSet others = *ValidatorSet::FromGenesis(genesis);
  const LeaderElection leaders(others);
  MessageVerifier verifier(world_.genesis(), &others, &leaders, {1}, &signatures_);
  EXPECT_THAT(verifier.VerifyQuorumCertificate(qc_).message(),
              HasSubstr("signature of validator 0 does not verify"));
}

TEST_F(CertificateVerification, RefusesRoundZeroAndRoundsThatCouldOverflow) {
  TimeoutCertificate tc = tc_;
  tc.round = {0};
  EXPECT_THAT(Refusal(tc), HasSubstr("timeout certificate: round 0"));
  for (const uint64_t round : {uint64_t{1} << 63, UINT64_MAX}) {
    QuorumCertificate qc = qc_;
    qc.round = {round};
    EXPECT_THAT(Refusal(qc),
                HasSubstr(absl::StrCat("quorum certificate: round ", round, " is above")));
    tc = tc_;
    tc.round = {round};
    EXPECT_THAT(Refusal(tc),
                HasSubstr(absl::StrCat("timeout certificate: round ", round, " is above")));
  }
}

TEST_F(CertificateVerification, AcceptsATimeoutCertificateOfMixedReports) {
  EXPECT_EQ(Refusal(tc_), "");
  EXPECT_EQ(Refusal(world_.TcFor({9}, qc_, {{0}, {2}, {3}}, {{0}, {3}, {1}})), "");
  EXPECT_EQ(Refusal(world_.TcFor({1}, world_.genesis_qc())), "");
}

TEST_F(CertificateVerification, RefusesAHighQcThatIsNotTheHighestReported) {
  EXPECT_THAT(Refusal(world_.TcFor({9}, qc_, {{0}, {1}, {2}}, {{3}, {6}, {2}})),
              HasSubstr("timeout certificate: high QC has round 3, the highest reported is 6"));
  EXPECT_THAT(Refusal(world_.TcFor({9}, qc_, {{0}, {1}, {2}}, {{2}, {2}, {1}})),
              HasSubstr("timeout certificate: high QC has round 3, the highest reported is 2"));
}

TEST_F(CertificateVerification, RefusesAReportedRoundNotBelowTheCertificates) {
  EXPECT_THAT(Refusal(world_.TcFor({9}, qc_, {{0}, {1}, {2}}, {{3}, {9}, {2}})),
              HasSubstr("high QC round 9 is not below the certificate's round 9"));
  EXPECT_THAT(Refusal(world_.TcFor({3}, qc_)),
              HasSubstr("high QC round 3 is not below the certificate's round 3"));
}

TEST_F(CertificateVerification, RefusesReportsThatAreNotWhatWasSigned) {
  TimeoutCertificate tc = world_.TcFor({9}, qc_, {{0}, {1}, {2}}, {{3}, {2}, {2}});
  std::swap(tc.high_qc_rounds[0], tc.high_qc_rounds[1]);
  EXPECT_THAT(Refusal(tc),
              HasSubstr("timeout certificate: signature of validator 0 does not verify"));
}

TEST_F(CertificateVerification, RefusesAForgedHighQc) {
  TimeoutCertificate tc = tc_;
  tc.high_qc.signatures[1][5] ^= 1;
  EXPECT_THAT(Refusal(tc), HasSubstr("timeout certificate: quorum certificate: signature of "
                                     "validator 1 does not verify"));
  tc = tc_;
  tc.high_qc = world_.QcFor(chain_[3], {{0}, {1}});
  EXPECT_THAT(Refusal(tc), HasSubstr("timeout certificate: quorum certificate: power 2 of 4"));
}

TEST_F(CertificateVerification, PaysForACertificateOnce) {
  EXPECT_EQ(Refusal(qc_), "");
  EXPECT_EQ(signatures_.count, 3);
  EXPECT_EQ(Refusal(qc_), "");
  EXPECT_EQ(signatures_.count, 3);
  EXPECT_EQ(Refusal(tc_), "");
  EXPECT_EQ(signatures_.count, 6) << "its high QC is known";
  EXPECT_EQ(Refusal(tc_), "");
  EXPECT_EQ(signatures_.count, 6);
}

TEST_F(CertificateVerification, RemembersNothingThatDiffersInOneBit) {
  EXPECT_EQ(Refusal(qc_), "");
  for (size_t i = 0; i < qc_.signatures.size(); ++i) {
    QuorumCertificate forged = qc_;
    forged.signatures[i][0] ^= 1;
    EXPECT_THAT(Refusal(forged), HasSubstr("does not verify")) << "signature " << i;
    EXPECT_THAT(Refusal(forged), HasSubstr("does not verify")) << "nor is the refusal forgotten";
  }
}

}  // namespace
}  // namespace kiln::consensus
