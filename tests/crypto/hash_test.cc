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

// Computed by another implementation of BLAKE2b (Python's hashlib).
constexpr Golden kGolden[] = {
    {kDomainGenesis, "kiln/v1/genesis",
     "d58b61bb19abf330c4ef4262d3e0b74b5723a18ce0cfdc689bfc2ecc11a9d5dd"},
    {kDomainValidatorSet, "kiln/v1/validator-set",
     "7bd095b92abe748f6695bff9bafb37d346809a87a3a9eca735f2c48bf31a3619"},
    {kDomainBlock, "kiln/v1/block",
     "46ff9bc57f54d568f1f6da2242ac53ee74eb25aedbfa917dbbb7d683817c3bbd"},
    {kDomainQuorumCertificate, "kiln/v1/quorum-certificate",
     "ad4b3ea11e4646669aa8501777fe7a70fc60a4ac00f3e3677afcbd746686faff"},
    {kDomainTimeoutCertificate, "kiln/v1/timeout-certificate",
     "e3ec462019e905f131ce128c8c2dab55283ab374688b25a92693b7147cfd4ca8"},
    {kDomainTransactionId, "kiln/v1/transaction-id",
     "6a4511b66504f4facff0feceafe5d102e2a1956e1b029e14653aca62d420327d"},
    {kDomainMerkleLeaf, "kiln/v1/merkle-leaf",
     "3a8bcb8aead7d35250923acf848484f7d55779c1fe80e56b58ba7a411f916aba"},
    {kDomainMerkleNode, "kiln/v1/merkle-node",
     "1b266eaff9717f3b14f9f13285c779bb6eef0313f574cb4df0729da1e5803dbb"},
    {kDomainMerkleRoot, "kiln/v1/merkle-root",
     "e4e77e907bd91479df2ba66e6fad35102ec17cd34f22f89dcdcd91c81c62ca86"},
    {kDomainExecutedState, "kiln/v1/executed-state",
     "ee7bd9125e29a376abde2db38e2434cedb918c31ae12151eedb5ad57157c5251"},
    {kDomainApplicationRoot, "kiln/v1/application-root",
     "b05f79f8f79e5e29acd94f11587b776adc7232b612687040e3de95692872d0f6"},
    {kDomainChecksum, "kiln/v1/checksum",
     "dd89517c67811e62cd1b35adce96c3cb63526ea11f00610f43fd8bfd9f04245c"},
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
