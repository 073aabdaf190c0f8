#include "crypto/merkle.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"

namespace kiln::crypto {
namespace {

Hash Node(const Hash& left, const Hash& right) {
  return Hasher(kDomainMerkleNode).Update(left.view()).Update(right.view()).Finish();
}

Hash Root(uint32_t leaf_count, absl::string_view top) {
  Encoder count;
  count.U32(leaf_count);
  return Hasher(kDomainMerkleRoot).Update(count.view()).Update(top).Finish();
}

// The level above, an odd last node carried up as it is.
std::vector<Hash> LevelAbove(absl::Span<const Hash> level) {
  std::vector<Hash> above;
  above.reserve((level.size() + 1) / 2);
  for (size_t i = 0; i + 1 < level.size(); i += 2) above.push_back(Node(level[i], level[i + 1]));
  if (level.size() % 2 == 1) above.push_back(level.back());
  return above;
}

// How one level of `size` nodes looks from the node at `index`.
bool IsRight(uint32_t index) {
  return index % 2 == 1;
}
bool HasSibling(uint32_t index, uint32_t size) {
  return IsRight(index) || index + 1 < size;
}

absl::Status LeadsElsewhere() {
  return absl::InvalidArgumentError("merkle proof: it leads to another root");
}

}  // namespace

Hash MerkleLeaf(absl::string_view bytes) {
  return HashBytes(kDomainMerkleLeaf, bytes);
}

Hash MerkleRoot(absl::Span<const Hash> leaves) {
  KILN_CHECK(leaves.size() <= kMerkleLeavesMax);
  if (leaves.empty()) return Root(0, "");
  std::vector<Hash> level(leaves.begin(), leaves.end());
  while (level.size() > 1) level = LevelAbove(level);
  return Root(static_cast<uint32_t>(leaves.size()), level.front().view());
}

MerkleTree::MerkleTree(std::vector<Hash> leaves) {
  KILN_CHECK(leaves.size() <= kMerkleLeavesMax);
  levels_.push_back(std::move(leaves));
  while (levels_.back().size() > 1) levels_.push_back(LevelAbove(levels_.back()));
  root_ = Root(leaf_count(),
               levels_.back().empty() ? absl::string_view() : levels_.back().front().view());
}

std::string MerkleTree::Prove(uint32_t index) const {
  KILN_CHECK(index < leaf_count());
  Encoder proof;
  proof.U32(index).U32(leaf_count());
  for (const std::vector<Hash>& level : levels_) {
    if (HasSibling(index, static_cast<uint32_t>(level.size()))) proof.Digest(level[index ^ 1]);
    index /= 2;
  }
  return std::move(proof).Take();
}

absl::StatusOr<MerklePosition> VerifyMerkleProof(const Hash& root, const Hash& leaf,
                                                 absl::string_view proof) {
  return MerkleProofVerifier(root).Verify(leaf, proof);
}

absl::StatusOr<MerklePosition> MerkleProofVerifier::Verify(const Hash& leaf,
                                                           absl::string_view proof) {
  Decoder decoder("merkle proof", proof);
  const MerklePosition position = {.index = decoder.U32(), .leaf_count = decoder.U32()};
  if (position.leaf_count > kMerkleLeavesMax) decoder.Fail("too many leaves");
  if (position.index >= position.leaf_count) decoder.Fail("the index is not below the leaf count");
  KILN_RETURN_IF_ERROR(decoder.status());
  if (position.leaf_count != leaf_count_) known_.clear();

  std::vector<std::pair<Place, Hash>> shown = {{{0, position.index}, leaf}};
  bool is_proved = false;
  Hash node = leaf;
  uint32_t index = position.index;
  uint32_t level = 0;
  for (uint32_t size = position.leaf_count; size > 1; size = (size + 1) / 2, index /= 2, ++level) {
    const auto known = is_proved ? known_.end() : known_.find({level, index});
    if (known != known_.end()) {
      if (known->second != node) return LeadsElsewhere();
      is_proved = true;  // what is left of the proof is read, not hashed
    }
    if (!HasSibling(index, size)) continue;
    const Hash sibling = decoder.Digest();
    if (is_proved) continue;
    shown.push_back({{level, index ^ 1}, sibling});
    node = IsRight(index) ? Node(sibling, node) : Node(node, sibling);
    shown.push_back({{level + 1, index / 2}, node});
  }
  KILN_RETURN_IF_ERROR(decoder.Finish());
  if (!is_proved && Root(position.leaf_count, node.view()) != root_) return LeadsElsewhere();
  leaf_count_ = position.leaf_count;
  known_.insert(shown.begin(), shown.end());
  return position;
}

}  // namespace kiln::crypto
