#include "crypto/merkle.h"

#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/crypto/merkle_leaves.h"

namespace kiln::crypto {
namespace {

constexpr uint32_t kSizesMax = 70;

// The tree as RFC 6962, section 2.1, defines it: split at the largest power of two below the size.
Hash TopByRecursion(absl::Span<const Hash> leaves) {
  if (leaves.size() == 1) return leaves[0];
  size_t split = 1;
  while (split * 2 < leaves.size()) split *= 2;
  const Hash left = TopByRecursion(leaves.subspan(0, split));
  const Hash right = TopByRecursion(leaves.subspan(split));
  return HashBytes(kDomainMerkleNode, absl::StrCat(left.view(), right.view()));
}

Hash RootByRecursion(absl::Span<const Hash> leaves) {
  Encoder encoder;
  encoder.U32(static_cast<uint32_t>(leaves.size()));
  if (!leaves.empty()) encoder.Digest(TopByRecursion(leaves));
  return HashBytes(kDomainMerkleRoot, encoder.view());
}

std::string Flipped(std::string bytes, size_t bit) {
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  return bytes;
}

// Computed by a program apart from this one. The trees of 0 to 8 leaves "leaf 0", "leaf 1", ...
constexpr absl::string_view kGoldenRoots[] = {
    "130b057613155e237bf80a634d3ba96196f82d781300d8809874bb558905f6b3",
    "65b946e9822b2793e57ebc0dca2d98a6cb1eb8d736bb3db0d569bfb0bf9901e7",
    "56c380a7446db91086e705ea3375cda9c30e26bbe9b83e46a0f33fa986d73e31",
    "7bcef690fb66152cade32eaeb99f8e9054d75d75814dfc9326afef6a7f209efc",
    "ce1d0631a3e80b8b935b9c6ac94f7bdcac0ee8663a5bc0bdd8fc5eaac03974e7",
    "f594903fc6b7fd61cfa3c6ede0b6056be54ac10fdab8c67813091e64958380fd",
    "974197339f95f45d0f71e9ed9af711666a22cf690c7d044211f8ffd576180179",
    "780e72c79726b17c44ebd5ef2a6458c05f7bb90c0d2469d5daa51ac6c335bc40",
    "1afda85aa1ec491c2bc89325bf9f993b9493ea02602bf7d0573b05df4412779f",
};

TEST(MerkleRoot, KeepsTheGoldenRoots) {
  for (uint32_t count = 0; count < std::size(kGoldenRoots); ++count) {
    EXPECT_EQ(MerkleRoot(Leaves(count)).ToHex(), kGoldenRoots[count]) << count;
  }
}

TEST(MerkleRoot, IsWhatRecursionAndTheTreeGive) {
  for (uint32_t count = 0; count <= kSizesMax; ++count) {
    const std::vector<Hash> leaves = Leaves(count);
    EXPECT_EQ(MerkleRoot(leaves), RootByRecursion(leaves)) << count;
    EXPECT_EQ(MerkleTree(leaves).root(), RootByRecursion(leaves)) << count;
    EXPECT_EQ(MerkleTree(leaves).leaf_count(), count);
  }
}

TEST(MerkleRoot, DiffersWhenTheLastLeafIsRepeated) {
  for (uint32_t count = 1; count <= kSizesMax; ++count) {
    std::vector<Hash> repeated = Leaves(count);
    repeated.push_back(repeated.back());
    EXPECT_NE(MerkleRoot(repeated), MerkleRoot(Leaves(count))) << count;
  }
}

TEST(MerkleRoot, TellsALeafFromANodeWithTheSameBytes) {
  const std::vector<Hash> leaves = Leaves(2);
  const Hash inner = TopByRecursion(leaves);
  EXPECT_NE(MerkleLeaf(absl::StrCat(leaves[0].view(), leaves[1].view())), inner);
  EXPECT_NE(MerkleRoot({inner}), MerkleRoot(leaves));
}

TEST(MerkleProof, ShowsEveryLeafOfEverySize) {
  for (uint32_t count = 1; count <= kSizesMax; ++count) {
    const std::vector<Hash> leaves = Leaves(count);
    const MerkleTree tree(leaves);
    for (uint32_t index = 0; index < count; ++index) {
      const auto position = VerifyMerkleProof(tree.root(), leaves[index], tree.Prove(index));
      ASSERT_TRUE(position.ok()) << position.status() << " " << index << " of " << count;
      EXPECT_EQ(position->index, index);
      EXPECT_EQ(position->leaf_count, count);
    }
  }
}

TEST(MerkleProof, IsRefusedWithAnySingleBitFlipped) {
  for (uint32_t count = 1; count <= kSizesMax; ++count) {
    const std::vector<Hash> leaves = Leaves(count);
    const MerkleTree tree(leaves);
    const uint32_t step = count <= 9 ? 1 : 7;  // all leaves of small trees, some of larger ones
    for (uint32_t index = 0; index < count; index += step) {
      const std::string proof = tree.Prove(index);
      for (size_t bit = 0; bit < 8 * proof.size(); ++bit) {
        EXPECT_FALSE(VerifyMerkleProof(tree.root(), leaves[index], Flipped(proof, bit)).ok())
            << "bit " << bit << " of leaf " << index << " of " << count;
      }
    }
  }
}

TEST(MerkleProof, IsRefusedForAnyOtherLeafOrRoot) {
  const std::vector<Hash> leaves = Leaves(11);
  const MerkleTree tree(leaves);
  for (size_t bit = 0; bit < 256; ++bit) {
    Hash leaf = leaves[4];
    leaf.bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(VerifyMerkleProof(tree.root(), leaf, tree.Prove(4)).ok());
    Hash root = tree.root();
    root.bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(VerifyMerkleProof(root, leaves[4], tree.Prove(4)).ok());
  }
  EXPECT_FALSE(VerifyMerkleProof(tree.root(), leaves[4], tree.Prove(5)).ok());
}

TEST(MerkleProof, IsRefusedWhenTruncatedOrExtended) {
  const std::vector<Hash> leaves = Leaves(13);
  const MerkleTree tree(leaves);
  const std::string proof = tree.Prove(12);
  for (size_t length = 0; length < proof.size(); ++length) {
    EXPECT_FALSE(VerifyMerkleProof(tree.root(), leaves[12], proof.substr(0, length)).ok());
  }
  EXPECT_FALSE(VerifyMerkleProof(tree.root(), leaves[12], proof + "x").ok());
  EXPECT_FALSE(VerifyMerkleProof(tree.root(), leaves[12], proof + std::string(32, '\0')).ok());
}

absl::Status Refusal(uint32_t index, uint32_t leaf_count) {
  Encoder proof;
  proof.U32(index).U32(leaf_count);
  return VerifyMerkleProof(Hash{}, Hash{}, proof.view()).status();
}

TEST(MerkleProof, IsRefusedByNameForImpossiblePositions) {
  EXPECT_EQ(Refusal(0, 0),
            absl::InvalidArgumentError("merkle proof: the index is not below the leaf count"));
  EXPECT_EQ(Refusal(5, 5),
            absl::InvalidArgumentError("merkle proof: the index is not below the leaf count"));
  EXPECT_EQ(Refusal(0, kMerkleLeavesMax + 1),
            absl::InvalidArgumentError("merkle proof: too many leaves"));
  EXPECT_EQ(Refusal(0, 1), absl::InvalidArgumentError("merkle proof: it leads to another root"));
}

TEST(MerkleTreeDeathTest, ProvesOnlyLeavesThatItHas) {
  const MerkleTree tree(Leaves(3));
  EXPECT_EXIT(tree.Prove(3), ::testing::ExitedWithCode(70), "index < leaf_count");
}

}  // namespace
}  // namespace kiln::crypto
