#include "crypto/hash.h"

#include <iterator>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kiln::crypto {
namespace {

struct Golden {
  absl::string_view domain;
  absl::string_view text;
  absl::string_view digest_of_abc;
};

// Computed by another implementation of SHA-256 (Python's hashlib).
constexpr Golden kGolden[] = {
    {kDomainGenesis, "kiln/v1/genesis",
     "d86bf2a0896842b05dc27b5cf2dcf5622304054b56a8853a587eff63684c20ae"},
    {kDomainValidatorSet, "kiln/v1/validator-set",
     "0e1352da4bd3bcf943d092e2d63a62ac956851304a894c099309379b970f35fa"},
    {kDomainBlock, "kiln/v1/block",
     "667dfcde68d7ad69774068454cfc291a4fb6e2858537614da23c6baeef5de3c4"},
    {kDomainQuorumCertificate, "kiln/v1/quorum-certificate",
     "49bdac3322dc4b80247172f45b04209a9dad8cc7a43e8a62a77c1924b26e2712"},
    {kDomainTimeoutCertificate, "kiln/v1/timeout-certificate",
     "7a6610163d6e57808d43d0bb70d487cea46ce1b05da34d9ae021e79fedc4f700"},
    {kDomainStanding, "kiln/v1/standing",
     "0cf1ead44735e1f1e3a5a5a8237bd15b4ec1632dc82b65c16f40e96fb32b1ed2"},
    {kDomainTransactionId, "kiln/v1/transaction-id",
     "3fc07ead394cc0682162b88da0329b83ee3d6ed4cbc82415ed2cae78825a6b1c"},
    {kDomainMerkleLeaf, "kiln/v1/leaf",
     "120c0e2035393c3ec14d7c2a7d92c6e7f91bcf63f0ff97b0b900b78c0fcd38b8"},
    {kDomainMerkleNode, "kiln/v1/merkle-node",
     "8bccd6e43924b8422376949e82fa9e4f94464c25e1ffb7d31285724ed5c9cb3a"},
    {kDomainMerkleRoot, "kiln/v1/merkle-root",
     "fcb390c4fbfd771f910bf3dbe90050cdd83576ea2f78f1e27d2c0a661374c278"},
    {kDomainExecutedState, "kiln/v1/executed-state",
     "3ca3ed48480af529f059a740553095acf4fbcbf9b6acbda16ee951104819db5a"},
    {kDomainApplicationRoot, "kiln/v1/application-root",
     "806c4fb7cf3a4c0671ca2627a2e5a7bfa2bdb5268c9a61c7f4b6ef20f31f1ee9"},
    {kDomainChecksum, "kiln/v1/checksum",
     "efe5d5bccde01a8e3fa3571e99c48dfdc67e8e263c4790100de3ee97770d6255"},
};

TEST(Hash, KeepsEveryDomainsTextAndDigest) {
  for (const Golden& golden : kGolden) {
    EXPECT_EQ(golden.domain, golden.text);
    EXPECT_EQ(HashBytes(golden.domain, "abc").ToHex(), golden.digest_of_abc) << golden.text;
  }
}

TEST(Hash, GivesEachDomainItsOwnDigest) {
  std::set<Hash> digests;
  for (const Golden& golden : kGolden) digests.insert(HashBytes(golden.domain, "abc"));
  EXPECT_EQ(digests.size(), std::size(kGolden));
}

TEST(Hash, DoesNotLetADomainEndIntoItsBytes) {
  EXPECT_NE(HashBytes("ab", "c"), HashBytes("a", "bc"));
}

TEST(Hash, IsTheSameInPiecesOfAnySize) {
  const std::string bytes(1000, 'x');
  const Hash whole = HashBytes(kDomainBlock, bytes);
  for (size_t piece = 1; piece < 300; piece += 13) {
    Hasher hasher(kDomainBlock);
    for (size_t at = 0; at < bytes.size(); at += piece) {
      hasher.Update(absl::string_view(bytes).substr(at, piece));
    }
    EXPECT_EQ(hasher.Finish(), whole) << piece;
  }
}

TEST(Hash, TakesNoBytesFromAnEmptyView) {
  EXPECT_EQ(Hasher(kDomainBlock).Update(absl::string_view()).Finish(), HashBytes(kDomainBlock, ""));
}

TEST(HashDeathTest, FinishesOnce) {
  Hasher hasher(kDomainBlock);
  hasher.Finish();
  EXPECT_EXIT(hasher.Finish(), ::testing::ExitedWithCode(70), "finishes once");
}

// From an implementation of SipHash-2-4 of its own: another value would make what is stored
// unreadable.
TEST(ShortHash, IsSipHashWithTheSeedInItsKey) {
  EXPECT_EQ(ShortHash(0, ""), 0xb0194b38f6d98a8u);
  EXPECT_EQ(ShortHash(1, ""), 0xf323da2bf7bffc29u);
  EXPECT_EQ(ShortHash(0, "abc"), 0x568b7150b55be127u);
  EXPECT_EQ(ShortHash(7, "a longer text of 30 bytes, yes"), 0x37315943ec8b670bu);
}

}  // namespace
}  // namespace kiln::crypto
