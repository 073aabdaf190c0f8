#include "consensus/block_tree.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/mark.h"

namespace kiln::consensus {

BlockTree::BlockTree(BlockPtr root, Height commits_height, Height last_nonempty_height)
    : root_(std::move(root)) {
  nodes_.emplace(root_->id, Node{root_, commits_height, last_nonempty_height, /*certified=*/true});
}

BlockPtr BlockTree::Find(const Hash& id) const {
  const auto it = nodes_.find(id);
  return it == nodes_.end() ? nullptr : it->second.block;
}

const BlockTree::Node& BlockTree::NodeOf(const Hash& id) const {
  const auto it = nodes_.find(id);
  KILN_CHECK(it != nodes_.end()) << "block " << id.Short() << " is not in the tree";
  return it->second;
}

absl::Status BlockTree::Insert(const BlockPtr& block, bool certified) {
  if (certified && Contains(block->id)) MarkCertified(block->id);
  if (Contains(block->id)) return absl::OkStatus();
  const Header& header = block->header;
  MarkCertified(header.parent_id);
  if (!certified) {
    if (absl::Status room = MakeRoomFor(*block); !room.ok()) return room;
  }
  const Node& parent = NodeOf(header.parent_id);
  KILN_CHECK_EQ(header.height.value, parent.block->header.height.value + 1);
  Node node{block, CommitsHeightOfChild(header.parent_id), parent.last_nonempty_height, certified};
  if (block->has_transactions()) node.last_nonempty_height = header.height;
  nodes_.emplace(block->id, std::move(node));
  return absl::OkStatus();
}

void BlockTree::MarkCertified(const Hash& id) {
  const auto it = nodes_.find(id);
  KILN_CHECK(it != nodes_.end()) << "block " << id.Short() << " is not in the tree";
  it->second.certified = true;
}

absl::Status BlockTree::MakeRoomFor(const Block& block) {
  const Round round = block.header.round;
  const auto order = [](const Block& b) { return std::make_pair(b.header.round, b.id); };
  size_t same_round = 0;
  size_t uncertified = 0;
  const Block* oldest = nullptr;
  for (const auto& [id, node] : nodes_) {
    if (node.block->header.round == round) ++same_round;
    if (node.certified) continue;
    ++uncertified;
    if (oldest == nullptr || order(*node.block) < order(*oldest)) oldest = node.block.get();
  }
  if (same_round >= kBlocksPerRoundMax) {
    KILN_MARK("too many blocks for one round");
    return absl::ResourceExhaustedError(
        absl::StrCat("more than ", kBlocksPerRoundMax, " blocks for round ", round.value));
  }
  if (uncertified < kUncertifiedMax) return absl::OkStatus();
  if (round < oldest->header.round) {
    return absl::ResourceExhaustedError(absl::StrCat("block of round ", round.value,
                                                     " is older than ", kUncertifiedMax,
                                                     " that no quorum certified"));
  }
  nodes_.erase(Hash(oldest->id));
  return absl::OkStatus();
}

Height BlockTree::CommitsHeight(const Hash& id) const {
  return NodeOf(id).commits_height;
}

Height BlockTree::CommitsHeightOfChild(const Hash& parent_id) const {
  const Node& parent = NodeOf(parent_id);
  const Header& header = parent.block->header;
  if (header.height.value == 0) return Height{0};
  if (CommitsParent(header)) return Height{header.height.value - 1};
  return parent.commits_height;
}

Height BlockTree::LastNonemptyHeight(const Hash& id) const {
  return NodeOf(id).last_nonempty_height;
}

std::vector<BlockPtr> BlockTree::PathTo(const Hash& id) const {
  std::vector<BlockPtr> path;
  for (const Node* node = &NodeOf(id); node->block->id != root_->id;
       node = &NodeOf(node->block->header.parent_id)) {
    path.push_back(node->block);
  }
  std::reverse(path.begin(), path.end());
  return path;
}

bool BlockTree::DescendsFrom(const Hash& id, const Hash& ancestor) const {
  const uint64_t lowest = NodeOf(ancestor).block->header.height.value;
  const Block* block = NodeOf(id).block.get();
  while (block->header.height.value > lowest) block = NodeOf(block->header.parent_id).block.get();
  return block->id == ancestor;
}

std::vector<BlockPtr> BlockTree::Commit(const Hash& id) {
  std::vector<BlockPtr> path = PathTo(id);
  if (path.empty()) return path;
  std::vector<Hash> forgotten;
  for (const auto& [other, node] : nodes_) {
    if (!DescendsFrom(other, id)) forgotten.push_back(other);
  }
  for (const Hash& other : forgotten) nodes_.erase(other);
  root_ = path.back();
  return path;
}

}  // namespace kiln::consensus
