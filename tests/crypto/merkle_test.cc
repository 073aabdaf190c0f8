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
    "973eaf132d9db6d999d1f534f17fd04e5cf561c017e95c62535cde94e726aba5",
    "6c9c2c552d54946935fb80e6b878d725cb3a897735101245b09feb14ccae7096",
    "e75a6ea0713965104788c5c8961b26f136b47bc9f14f0a0065505c66a4c18658",
    "57beae5b444c1c2dcd11fb09fbcbcb4e4b986f205e8ac26db4301226243b4c06",
    "a2609ffbdeaa510f89f5932c8726d879f8afd79e38a5ea921f6e19f823bc4719",
    "0d7f99a50e914def71fbd37e0d74904e5d9f33aff53e2968868fcd58d5651457",
    "792f2ebc9a813938324b0c45ab9ce0622a8b2d6aefa9fa2c54bb2ac5cda03b02",
    "8eeb4063fdeb6da6b51512b081a95c7835a8189da1e7edde74d2ea7325d5ffbe",
    "87040d0ee69af68759e38005cf3b4bc2377d8fc44fbc58e12759eab496417ccf",
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
