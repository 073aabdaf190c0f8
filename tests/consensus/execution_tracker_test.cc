#include "consensus/execution_tracker.h"

#include "gtest/gtest.h"
#include "tests/consensus/test_world.h"

namespace kiln::consensus {
namespace {

Hash RootOf(uint64_t height, uint8_t variant = 0) {
  Hash root;
  root.bytes[0] = static_cast<uint8_t>(height);
  root.bytes[1] = variant;
  return root;
}

Block Claiming(uint64_t executed_height, const Hash& root, uint64_t height = 99) {
  Block block;
  block.header.height = {height};
  block.header.executed_height = {executed_height};
  block.header.state_root = root;
  return block;
}

TEST(ExecutionTracker, KnowsTheRootsOfWhatWasExecuted) {
  ExecutionTracker tracker({{Height{3}, RootOf(3)}, {Height{4}, RootOf(4)}});
  EXPECT_EQ(tracker.executed_height(), Height{4});
  ASSERT_TRUE(tracker.OnExecuted({5}, RootOf(5)).ok());
  EXPECT_EQ(tracker.executed_height(), Height{5});
  EXPECT_EQ(tracker.RootAt({3}), RootOf(3));
  EXPECT_EQ(tracker.RootAt({5}), RootOf(5));
  EXPECT_EQ(tracker.RootAt({2}), std::nullopt);
  EXPECT_EQ(tracker.RootAt({6}), std::nullopt);
}

TEST(ExecutionTracker, AcceptsACertifiedRootThatIsItsOwn) {
  ExecutionTracker tracker({{Height{3}, RootOf(3)}});
  EXPECT_TRUE(tracker.OnCertified(Claiming(3, RootOf(3))).ok());
  EXPECT_TRUE(tracker.OnCertified(Claiming(4, RootOf(4))).ok());
  EXPECT_TRUE(tracker.OnExecuted({4}, RootOf(4)).ok());
}

TEST(ExecutionTracker, NamesHeightAndBlockWhenAQuorumComputedSomethingElse) {
  ExecutionTracker tracker({{Height{3}, RootOf(3)}});
  const absl::Status status = tracker.OnCertified(Claiming(3, RootOf(3, 1), 7));
  EXPECT_TRUE(absl::IsInternal(status));
  EXPECT_NE(status.message().find("state root at height 3"), absl::string_view::npos) << status;
  EXPECT_NE(status.message().find("at height 7"), absl::string_view::npos) << status;
}

TEST(ExecutionTracker, RemembersWhatAQuorumComputedUntilItExecutesThatFar) {
  ExecutionTracker tracker({{Height{3}, RootOf(3)}});
  ASSERT_TRUE(tracker.OnCertified(Claiming(5, RootOf(5, 1))).ok());
  EXPECT_TRUE(tracker.OnExecuted({4}, RootOf(4)).ok());
  EXPECT_TRUE(absl::IsInternal(tracker.OnExecuted({5}, RootOf(5))));
}

TEST(ExecutionTracker, HoldsTheFirstClaimForAHeight) {
  ExecutionTracker tracker({{Height{3}, RootOf(3)}});
  ASSERT_TRUE(tracker.OnCertified(Claiming(4, RootOf(4), 6)).ok());
  ASSERT_TRUE(tracker.OnCertified(Claiming(4, RootOf(4), 7)).ok());
  EXPECT_TRUE(tracker.OnExecuted({4}, RootOf(4)).ok());
}

TEST(ExecutionTracker, ForgetsOldRootsButNeverTheNewest) {
  ExecutionTracker tracker({{Height{3}, RootOf(3)}, {Height{4}, RootOf(4)}});
  tracker.ForgetBelow({4});
  EXPECT_EQ(tracker.RootAt({3}), std::nullopt);
  EXPECT_EQ(tracker.RootAt({4}), RootOf(4));
  tracker.ForgetBelow({40});
  EXPECT_EQ(tracker.RootAt({4}), RootOf(4));
  EXPECT_TRUE(tracker.OnExecuted({5}, RootOf(5)).ok());
}

TEST(ExecutionTracker, ADecidedHeightIsNotComparedAgain) {
  ExecutionTracker tracker({{Height{3}, RootOf(3)}, {Height{4}, RootOf(4)}});
  tracker.ForgetBelow({4});
  EXPECT_TRUE(tracker.OnCertified(Claiming(3, RootOf(3, 1))).ok());
}

TEST(ExecutionTrackerDeathTest, StopsWhenAHeightIsLeftOut) {
  ExecutionTracker tracker({{Height{3}, RootOf(3)}});
  EXPECT_DEATH((void)tracker.OnExecuted({5}, RootOf(5)), "executed_height");
}

}  // namespace
}  // namespace kiln::consensus
