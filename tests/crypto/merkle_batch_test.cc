#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "gtest/gtest.h"
#include "tests/crypto/merkle_leaves.h"

namespace kiln::crypto {
namespace {

TEST(MerkleProofVerifier, AcceptsEveryProofOfATreeInAnyOrder) {
  for (uint32_t count = 1; count <= 40; ++count) {
    const MerkleTree tree(Leaves(count));
    MerkleProofVerifier verifier(tree.root());
    for (uint32_t step = 0; step < 2 * count; ++step) {
      const uint32_t i = step * 7 % count;
      const auto position = verifier.Verify(Leaves(count)[i], tree.Prove(i));
      ASSERT_TRUE(position.ok()) << i << " of " << count << ": " << position.status();
      EXPECT_EQ(position->index, i);
      EXPECT_EQ(position->leaf_count, count);
    }
  }
}

TEST(MerkleProofVerifier, RefusesAnotherLeafWhateverItKnows) {
  for (uint32_t count = 1; count <= 20; ++count) {
    const MerkleTree tree(Leaves(count));
    MerkleProofVerifier verifier(tree.root());
    for (uint32_t i = 0; i < count; ++i) {
      ASSERT_TRUE(verifier.Verify(Leaves(count)[i], tree.Prove(i)).ok());
      EXPECT_FALSE(verifier.Verify(MerkleLeaf("forged"), tree.Prove(i)).ok());
      EXPECT_FALSE(verifier.Verify(MerkleLeaf(absl::StrCat("leaf ", i + 1)), tree.Prove(i)).ok());
    }
  }
}

TEST(MerkleProofVerifier, LearnsNothingFromARefusedProof) {
  const MerkleTree tree(Leaves(9));
  const MerkleTree other(std::vector<Hash>(9, MerkleLeaf("other")));
  MerkleProofVerifier verifier(tree.root());
  EXPECT_FALSE(verifier.Verify(MerkleLeaf("other"), other.Prove(4)).ok());
  EXPECT_FALSE(verifier.Verify(MerkleLeaf("other"), other.Prove(4)).ok());
  EXPECT_TRUE(verifier.Verify(Leaves(9)[4], tree.Prove(4)).ok());
}

TEST(MerkleProofVerifier, RefusesProofsOfAnotherLengthOrLeafCount) {
  const MerkleTree tree(Leaves(8));
  MerkleProofVerifier verifier(tree.root());
  const std::string proof = tree.Prove(3);
  ASSERT_TRUE(verifier.Verify(Leaves(8)[3], proof).ok());
  EXPECT_FALSE(verifier.Verify(Leaves(8)[3], proof + "x").ok());
  EXPECT_FALSE(verifier.Verify(Leaves(8)[3], proof.substr(0, proof.size() - 1)).ok());
  std::string another_count = proof;
  another_count[4] = 7;
  EXPECT_FALSE(verifier.Verify(Leaves(8)[3], another_count).ok());
  EXPECT_TRUE(verifier.Verify(Leaves(8)[3], proof).ok());
}

}  // namespace
}  // namespace kiln::crypto
