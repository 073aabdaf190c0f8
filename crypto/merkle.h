// A Merkle tree over a block's transactions. Leaves and inner nodes have domains of their own; an
// odd node is carried up as it is, never duplicated (as in RFC 6962, section 2.1, which rules out
// CVE-2012-2459); the root also covers the number of leaves.
#ifndef KILN_CRYPTO_MERKLE_H_
#define KILN_CRYPTO_MERKLE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "kiln/types.h"

namespace kiln::crypto {

inline constexpr uint32_t kMerkleLeavesMax = 1 << 24;

Hash MerkleLeaf(absl::string_view bytes);

// The root of no leaves is a constant of its own.
Hash MerkleRoot(absl::Span<const Hash> leaves);

// All levels of one tree, for many proofs from one block. Immutable.
class MerkleTree {
 public:
  explicit MerkleTree(std::vector<Hash> leaves);
  const Hash& root() const { return root_; }
  uint32_t leaf_count() const { return static_cast<uint32_t>(levels_.front().size()); }
  // REQUIRES: index < leaf_count().
  const Hash& leaf(uint32_t index) const { return levels_.front().at(index); }
  // Encoded as u32 index, u32 leaf count, then the siblings from the leaf upwards; their number
  // follows from the two integers. REQUIRES: index < leaf_count().
  std::string Prove(uint32_t index) const;

 private:
  std::vector<std::vector<Hash>> levels_;
  Hash root_;
};

struct MerklePosition {
  uint32_t index = 0;
  uint32_t leaf_count = 0;
};

// Where `proof` shows `leaf` to be under `root`; InvalidArgument says what is wrong with it.
absl::StatusOr<MerklePosition> VerifyMerkleProof(const Hash& root, const Hash& leaf,
                                                 absl::string_view proof);

// Checks many proofs under one root: what one has shown, the next need not hash again. Not
// thread-safe.
class MerkleProofVerifier {
 public:
  explicit MerkleProofVerifier(const Hash& root) : root_(root) {}
  // As VerifyMerkleProof, except that siblings above a node that was proved before are not looked
  // at.
  absl::StatusOr<MerklePosition> Verify(const Hash& leaf, absl::string_view proof);

 private:
  using Place = std::pair<uint32_t, uint32_t>;  // level from the leaves up, index in the level

  const Hash root_;
  uint32_t leaf_count_ = 0;                 // of the tree that known_ is about; 0 at first
  absl::flat_hash_map<Place, Hash> known_;  // all proved
};

}  // namespace kiln::crypto

#endif  // KILN_CRYPTO_MERKLE_H_
