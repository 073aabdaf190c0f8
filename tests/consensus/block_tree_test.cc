#include "consensus/block_tree.h"

#include <map>
#include <random>

#include "gtest/gtest.h"
#include "tests/consensus/test_world.h"

namespace kiln::consensus {
namespace {

// Blocks whose certificates nobody checks: the tree never looks at them.
BlockPtr FakeChild(const BlockPtr& parent, uint64_t round, bool transactions = false,
                   uint32_t salt = 0) {
  Header header;
  header.round = {round};
  header.height = {parent->header.height.value + 1};
  header.parent_id = parent->id;
  header.parent_round = parent->header.round;
  header.time_us = salt;
  const SharedBytes payload =
      transactions ? PayloadOf({absl::StrCat("transaction ", round)}) : EmptyPayload();
  auto index = IndexPayload(*payload, ChainLimits{});
  KILN_CHECK_OK(index.status());
  const QuorumCertificate justify{.round = parent->header.round, .block_id = parent->id};
  return MakeBlock(header, justify, payload, *std::move(index));
}

BlockPtr FakeRoot() {
  return MakeBlock(Header(), QuorumCertificate(), EmptyPayload(), EmptyPayloadIndex());
}

TEST(BlockTree, FindsWhatWasInserted) {
  const BlockPtr root = FakeRoot();
  BlockTree tree(root, {0}, {0});
  const BlockPtr child = FakeChild(root, 1);
  EXPECT_EQ(tree.Find(child->id), nullptr);
  ASSERT_TRUE(tree.Insert(child, false).ok());
  EXPECT_EQ(tree.Find(child->id), child);
  EXPECT_EQ(tree.Find(root->id), root);
  EXPECT_TRUE(tree.Insert(child, false).ok()) << "again";
  EXPECT_EQ(tree.size(), 2u);
}

TEST(BlockTree, PathsStartAboveTheRoot) {
  const BlockPtr root = FakeRoot();
  BlockTree tree(root, {0}, {0});
  const BlockPtr a = FakeChild(root, 1);
  const BlockPtr b = FakeChild(a, 4);
  ASSERT_TRUE(tree.Insert(a, false).ok());
  ASSERT_TRUE(tree.Insert(b, false).ok());
  EXPECT_TRUE(tree.PathTo(root->id).empty());
  EXPECT_EQ(tree.PathTo(b->id), (std::vector<BlockPtr>{a, b}));
}

TEST(BlockTree, KnowsWhatAChainCommits) {
  const BlockPtr root = FakeRoot();
  BlockTree tree(root, {0}, {0});
  const BlockPtr b1 = FakeChild(root, 1);  // on genesis, which needs no commit
  const BlockPtr b2 = FakeChild(b1, 2);    // two in a row: its QC commits b1
  const BlockPtr b4 = FakeChild(b2, 4);    // carries that QC
  const BlockPtr b5 = FakeChild(b4, 5);    // the QC for b4 commits nothing
  for (const BlockPtr& block : {b1, b2, b4, b5}) ASSERT_TRUE(tree.Insert(block, false).ok());
  EXPECT_EQ(tree.CommitsHeight(b2->id), Height{0});
  EXPECT_EQ(tree.CommitsHeightOfChild(b2->id), Height{1});
  EXPECT_EQ(tree.CommitsHeight(b4->id), Height{1});
  EXPECT_EQ(tree.CommitsHeightOfChild(b4->id), Height{1});
  EXPECT_EQ(tree.CommitsHeight(b5->id), Height{1});
  EXPECT_EQ(tree.CommitsHeightOfChild(b5->id), Height{3});
}

TEST(BlockTree, KnowsTheNewestBlockWithTransactions) {
  const BlockPtr root = FakeRoot();
  BlockTree tree(root, {0}, {0});
  const BlockPtr full = FakeChild(root, 1, true);
  const BlockPtr empty = FakeChild(full, 2);
  const BlockPtr other = FakeChild(root, 3);
  for (const BlockPtr& block : {full, empty, other}) ASSERT_TRUE(tree.Insert(block, false).ok());
  EXPECT_EQ(tree.LastNonemptyHeight(full->id), Height{1});
  EXPECT_EQ(tree.LastNonemptyHeight(empty->id), Height{1});
  EXPECT_EQ(tree.LastNonemptyHeight(other->id), Height{0});
}

TEST(BlockTree, ACommitForgetsWhatDoesNotDescend) {
  const BlockPtr root = FakeRoot();
  BlockTree tree(root, {0}, {0});
  const BlockPtr a = FakeChild(root, 1);
  const BlockPtr b = FakeChild(a, 2);
  const BlockPtr c = FakeChild(b, 3);
  const BlockPtr fork = FakeChild(a, 4);
  const BlockPtr other = FakeChild(root, 5);
  for (const BlockPtr& block : {a, b, c, fork, other}) ASSERT_TRUE(tree.Insert(block, false).ok());
  EXPECT_EQ(tree.Commit(b->id), (std::vector<BlockPtr>{a, b}));
  EXPECT_EQ(tree.root(), b);
  EXPECT_EQ(tree.size(), 2u);
  EXPECT_EQ(tree.Find(c->id), c);
  EXPECT_TRUE(tree.Commit(b->id).empty()) << "again";
}

TEST(BlockTree, TakesAFewBlocksOfOneRoundAndAnyThatAQcNames) {
  const BlockPtr root = FakeRoot();
  BlockTree tree(root, {0}, {0});
  for (uint32_t i = 0; i < BlockTree::kBlocksPerRoundMax; ++i) {
    ASSERT_TRUE(tree.Insert(FakeChild(root, 7, false, i), false).ok());
  }
  EXPECT_TRUE(absl::IsResourceExhausted(tree.Insert(FakeChild(root, 7, false, 90), false)));
  EXPECT_TRUE(tree.Insert(FakeChild(root, 7, false, 91), true).ok());
  EXPECT_TRUE(tree.Insert(FakeChild(root, 8), false).ok());
}

TEST(BlockTree, TheOldestUncertifiedBlockMakesRoom) {
  const BlockPtr root = FakeRoot();
  BlockTree tree(root, {0}, {0});
  const BlockPtr certified = FakeChild(root, 1);
  ASSERT_TRUE(tree.Insert(certified, false).ok());
  tree.MarkCertified(certified->id);
  std::vector<BlockPtr> failed;
  for (uint64_t round = 10; round < 10 + 3 * BlockTree::kUncertifiedMax; ++round) {
    failed.push_back(FakeChild(certified, round));
    ASSERT_TRUE(tree.Insert(failed.back(), false).ok());
  }
  EXPECT_EQ(tree.size(), BlockTree::kUncertifiedMax + 2);
  EXPECT_TRUE(tree.Contains(certified->id));
  EXPECT_TRUE(tree.Contains(failed.back()->id));
  EXPECT_FALSE(tree.Contains(failed.front()->id));
  EXPECT_TRUE(absl::IsResourceExhausted(tree.Insert(failed.front(), false)));
  EXPECT_TRUE(tree.Insert(failed.front(), true).ok()) << "a QC came late";
}

TEST(BlockTree, AParentIsCertifiedByItsChild) {
  const BlockPtr root = FakeRoot();
  BlockTree tree(root, {0}, {0});
  std::vector<BlockPtr> chain = {root};
  for (uint64_t round = 1; round <= 2 * BlockTree::kUncertifiedMax; ++round) {
    chain.push_back(FakeChild(chain.back(), 2 * round));
    ASSERT_TRUE(tree.Insert(chain.back(), false).ok());
  }
  EXPECT_EQ(tree.size(), chain.size());
}

// The same by searching a list of all blocks.
class SlowTree {
 public:
  explicit SlowTree(const BlockPtr& root) : root_(root) { all_[root->id] = root; }
  void Insert(const BlockPtr& block) { all_[block->id] = block; }
  std::vector<BlockPtr> PathTo(const Hash& id) const {
    std::vector<BlockPtr> path;
    for (BlockPtr at = all_.at(id); at->id != root_->id; at = all_.at(at->header.parent_id)) {
      path.insert(path.begin(), at);
      if (!all_.contains(at->header.parent_id)) return {};
    }
    return path;
  }
  Height CommitsHeight(const Hash& id) const {
    const Header& header = all_.at(id)->header;
    if (header.height.value < 2) return {0};
    const Header& parent = all_.at(header.parent_id)->header;
    const bool two_chain = parent.round.value == parent.parent_round.value + 1;
    return two_chain ? Height{parent.height.value - 1} : CommitsHeight(header.parent_id);
  }
  Height LastNonemptyHeight(const Hash& id) const {
    BlockPtr at = all_.at(id);
    while (at->header.height.value > 0 && !at->has_transactions()) {
      at = all_.at(at->header.parent_id);
    }
    return at->header.height;
  }
  bool Lives(const Hash& id) const { return id == root_->id || !PathTo(id).empty(); }
  void Commit(const Hash& id) { root_ = all_.at(id); }
  std::vector<BlockPtr> Living() const {
    std::vector<BlockPtr> living;
    for (const auto& [id, block] : all_) {
      if (block->header.height >= root_->header.height && Lives(id)) living.push_back(block);
    }
    return living;
  }
  const std::map<Hash, BlockPtr>& all() const { return all_; }

 private:
  BlockPtr root_;
  std::map<Hash, BlockPtr> all_;
};

TEST(BlockTree, DoesWhatASlowTwinDoes) {
  for (uint32_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937 random(seed);
    const BlockPtr root = FakeRoot();
    BlockTree tree(root, {0}, {0});
    SlowTree twin(root);
    for (uint32_t step = 0; step < 60; ++step) {
      const std::vector<BlockPtr> living = twin.Living();
      const BlockPtr& at = living[random() % living.size()];
      if (random() % 8 == 0) {
        const std::vector<BlockPtr> expected = twin.PathTo(at->id);
        ASSERT_EQ(tree.Commit(at->id), expected);
        twin.Commit(at->id);
      } else {
        const BlockPtr block =
            FakeChild(at, at->header.round.value + 1 + random() % 3, random() % 3 == 0, step);
        ASSERT_TRUE(tree.Insert(block, true).ok());
        twin.Insert(block);
      }
      for (const auto& [id, block] : twin.all()) {
        const bool lives = block->header.height >= tree.root()->header.height && twin.Lives(id);
        ASSERT_EQ(tree.Contains(id), lives);
        if (!lives) continue;
        ASSERT_EQ(tree.PathTo(id), twin.PathTo(id));
        ASSERT_EQ(tree.CommitsHeight(id), twin.CommitsHeight(id));
        ASSERT_EQ(tree.LastNonemptyHeight(id), twin.LastNonemptyHeight(id));
      }
    }
  }
}

}  // namespace
}  // namespace kiln::consensus
