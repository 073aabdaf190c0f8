// The blocks above the newest committed one.
#ifndef KILN_CONSENSUS_BLOCK_TREE_H_
#define KILN_CONSENSUS_BLOCK_TREE_H_

#include <cstdint>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "base/ids.h"
#include "consensus/block.h"
#include "kiln/types.h"

namespace kiln::consensus {

// Invariants: every block but the root has its parent in the tree, one height below; no block is at
// or below the root's height but the root. Not thread-safe.
class BlockTree {
 public:
  // How many blocks are kept that no QC names, and how many blocks of one round.
  static constexpr size_t kUncertifiedMax = 64;
  static constexpr size_t kBlocksPerRoundMax = 4;

  // `commits_height`: what the root's own chain commits (see CommitsHeight);
  // `last_nonempty_height`: of the root's newest ancestor with transactions, itself included.
  BlockTree(BlockPtr root, Height commits_height, Height last_nonempty_height);

  const BlockPtr& root() const { return root_; }
  // Null when unknown.
  BlockPtr Find(const Hash& id) const;
  bool Contains(const Hash& id) const { return nodes_.contains(id); }
  size_t size() const { return nodes_.size(); }

  // Adds a block whose parent is in the tree and which passed CheckExtends (proposal_rules.h). A
  // block that a QC names always has room. Of the others, the one of the lowest round makes room:
  // rounds may fail for as long as they like, and the newest proposal is still taken.
  // ResourceExhausted for a block of a lower round yet, and for too many of one round.
  absl::Status Insert(const BlockPtr& block, bool certified);
  // A QC for the block was seen. REQUIRES: Contains(id).
  void MarkCertified(const Hash& id);

  // The height that the QCs inside this block's chain commit: if the parent's round directly
  // follows the grandparent's, the grandparent's height, else what the parent's own chain commits.
  // REQUIRES: Contains(id).
  Height CommitsHeight(const Hash& id) const;
  // The same for a block that would extend `parent_id`.
  Height CommitsHeightOfChild(const Hash& parent_id) const;
  // The newest block with transactions on the way from genesis to this one.
  Height LastNonemptyHeight(const Hash& id) const;

  // From the root's child to this block, oldest first; empty for the root. REQUIRES: Contains(id).
  std::vector<BlockPtr> PathTo(const Hash& id) const;

  // Makes the block the root and returns the path to it. What does not descend from it is
  // forgotten.
  std::vector<BlockPtr> Commit(const Hash& id);

 private:
  struct Node {
    BlockPtr block;
    Height commits_height;
    Height last_nonempty_height;
    bool certified;  // true of whatever has a child: the child carries the QC
  };
  const Node& NodeOf(const Hash& id) const;
  absl::Status MakeRoomFor(const Block& block);
  bool DescendsFrom(const Hash& id, const Hash& ancestor) const;

  BlockPtr root_;
  absl::btree_map<Hash, Node> nodes_;
};

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_BLOCK_TREE_H_
