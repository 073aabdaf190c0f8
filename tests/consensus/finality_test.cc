#include "consensus/finality.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/consensus/test_world.h"

namespace kiln::consensus {
namespace {

using ::testing::HasSubstr;

class Finality : public testing::Test {
 protected:
  std::string Refusal(const FinalityProof& proof) {
    const absl::Status status = VerifyFinality(Encode(proof), world_.verifier()).status();
    EXPECT_TRUE(status.ok() || absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  }

  TestWorld world_;
  const std::vector<BlockPtr> chain_ = world_.Chain(4);
};

TEST_F(Finality, IsProvedByTwoConsecutiveRoundsAndACertificate) {
  for (size_t first = 1; first < 4; ++first) {
    for (size_t last = first + 1; last <= 4; ++last) {
      const absl::StatusOr<Header> header =
          VerifyFinality(Encode(world_.ProofOf(chain_, first, last)), world_.verifier());
      ASSERT_TRUE(header.ok()) << header.status();
      EXPECT_EQ(*header, chain_[first]->header);
    }
  }
}

TEST_F(Finality, IsNotProvedAcrossASkippedRound) {
  std::vector<BlockPtr> chain = world_.Chain(2);
  chain.push_back(world_.Child(chain[2], {4}));  // round 3 timed out
  EXPECT_THAT(Refusal(world_.ProofOf(chain, 2, 3)),
              HasSubstr("finality proof: the last rounds are 2 and 4, not consecutive"));
  EXPECT_THAT(Refusal(world_.ProofOf(chain, 1, 3)), HasSubstr("not consecutive"));
  chain.push_back(world_.Child(chain[3], {5}));
  EXPECT_EQ(Refusal(world_.ProofOf(chain, 1, 4)), "") << "earlier gaps do not matter";
}

TEST_F(Finality, NeedsTheChainToHold) {
  FinalityProof proof = world_.ProofOf(chain_, 1, 3);
  proof.headers.erase(proof.headers.begin() + 1);
  EXPECT_THAT(Refusal(proof), HasSubstr("header 1 is not a child of the one before it"));
  proof = world_.ProofOf(chain_, 1, 3);
  proof.headers[0].state_root.bytes[0] ^= 1;
  EXPECT_THAT(Refusal(proof), HasSubstr("header 1 is not a child of the one before it"));
}

TEST_F(Finality, NeedsTheCertificateToBeTheLastHeaders) {
  FinalityProof proof = world_.ProofOf(chain_, 1, 3);
  proof.certificate = world_.QcFor(chain_[4]);
  EXPECT_THAT(Refusal(proof), HasSubstr("the certificate is not for the last header"));
  proof = world_.ProofOf(chain_, 1, 3);
  proof.headers[2].payload_root.bytes[0] ^= 1;
  EXPECT_THAT(Refusal(proof), HasSubstr("the certificate is not for the last header"));
}

TEST_F(Finality, NeedsAQuorum) {
  FinalityProof proof = world_.ProofOf(chain_, 1, 3);
  proof.certificate = world_.QcFor(chain_[3], {{0}, {1}});
  EXPECT_THAT(Refusal(proof), HasSubstr("finality proof: quorum certificate: power 2 of 4"));
  proof = world_.ProofOf(chain_, 1, 3);
  proof.certificate.signatures[2][0] ^= 1;
  EXPECT_THAT(Refusal(proof), HasSubstr("signature of validator 2 does not verify"));
}

TEST_F(Finality, BoundsTheNumberOfHeaders) {
  FinalityProof proof = world_.ProofOf(chain_, 3, 3);
  EXPECT_THAT(Refusal(proof), HasSubstr("1 headers, allowed are 2 to 1024"));
  proof.headers.clear();
  EXPECT_THAT(Refusal(proof), HasSubstr("0 headers"));
  proof.headers.assign(kFinalityHeadersMax + 1, chain_[1]->header);
  EXPECT_THAT(Refusal(proof), HasSubstr("1025 headers"));
}

}  // namespace
}  // namespace kiln::consensus
