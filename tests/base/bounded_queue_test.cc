#include "base/bounded_queue.h"

#include <cstddef>
#include <limits>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kiln {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(BoundedQueue, GivesItemsInTheOrderTheyCame) {
  BoundedQueue<int> queue(10, 100);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(queue.TryPush(int{i}));
  EXPECT_THAT(queue.TakeUpTo(2, absl::InfiniteFuture()), ElementsAre(0, 1));
  EXPECT_THAT(queue.TakeUpTo(2, absl::InfiniteFuture()), ElementsAre(2));
}

TEST(BoundedQueue, RefusesMoreItemsThanItsLimitAndCountsThem) {
  BoundedQueue<int> queue(2, 100);
  EXPECT_TRUE(queue.TryPush(1));
  EXPECT_TRUE(queue.TryPush(2));
  EXPECT_FALSE(queue.TryPush(3));
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue.refused(), 1u);
}

TEST(BoundedQueue, TakesWhatMustNotBeLostWhenItIsFull) {
  BoundedQueue<int> queue(1, 100);
  ASSERT_TRUE(queue.TryPush(1, 100));
  EXPECT_TRUE(queue.PushBeyondLimit(2));
  EXPECT_FALSE(queue.TryPush(3));
  EXPECT_THAT(queue.TakeUpTo(3, absl::InfiniteFuture()), ElementsAre(1, 2));
  queue.Close();
  EXPECT_FALSE(queue.PushBeyondLimit(4));
}

TEST(BoundedQueue, RefusesMoreBytesThanItsLimitUntilSomeAreTaken) {
  BoundedQueue<int> queue(10, 100);
  EXPECT_TRUE(queue.TryPush(1, 60));
  EXPECT_FALSE(queue.TryPush(2, 41));
  EXPECT_TRUE(queue.TryPush(3, 40));
  EXPECT_THAT(queue.TakeUpTo(1, absl::InfiniteFuture()), ElementsAre(1));
  EXPECT_TRUE(queue.TryPush(4, 60));
}

TEST(BoundedQueue, LetsAnOversizedItemThroughWhenEmptyAndNothingBehindIt) {
  BoundedQueue<int> queue(10, 100);
  EXPECT_TRUE(queue.TryPush(1, 1000));
  EXPECT_FALSE(queue.TryPush(2, 1));
  EXPECT_FALSE(queue.TryPush(2, std::numeric_limits<size_t>::max()));
}

TEST(BoundedQueue, DoesNotOverflowItsByteCount) {
  BoundedQueue<int> queue(10, std::numeric_limits<size_t>::max());
  EXPECT_TRUE(queue.TryPush(1, 1));
  EXPECT_FALSE(queue.TryPush(2, std::numeric_limits<size_t>::max()));
}

TEST(BoundedQueue, LeavesARefusedItemWithItsCaller) {
  BoundedQueue<std::unique_ptr<int>> queue(1, 100);
  ASSERT_TRUE(queue.TryPush(std::make_unique<int>(1)));
  auto item = std::make_unique<int>(2);
  EXPECT_FALSE(queue.TryPush(std::move(item)));
  ASSERT_NE(item, nullptr);  // NOLINT(bugprone-use-after-move): the contract under test
  EXPECT_EQ(*item, 2);
}

TEST(BoundedQueue, IsEmptyHandedAtTheDeadline) {
  BoundedQueue<int> queue(1, 100);
  EXPECT_THAT(queue.TakeUpTo(1, absl::InfinitePast()), IsEmpty());
}

TEST(BoundedQueue, IsDrainedAfterClosingThenGivesNothing) {
  BoundedQueue<int> queue(2, 100);
  ASSERT_TRUE(queue.TryPush(1));
  queue.Close();
  EXPECT_TRUE(queue.closed());
  EXPECT_FALSE(queue.TryPush(2));
  EXPECT_THAT(queue.TakeUpTo(5, absl::InfiniteFuture()), ElementsAre(1));
  EXPECT_THAT(queue.TakeUpTo(5, absl::InfiniteFuture()), IsEmpty());
}

TEST(BoundedQueue, WakesATakerWhenItCloses) {
  BoundedQueue<int> queue(2, 100);
  std::vector<int> taken = {7};
  std::thread taker([&] { taken = queue.TakeUpTo(1, absl::InfiniteFuture()); });
  queue.Close();
  taker.join();
  EXPECT_THAT(taken, IsEmpty());
}

TEST(BoundedQueue, HandsEachItemFromManyThreadsToOneTaker) {
  constexpr int kThreads = 4;
  constexpr int kItems = 500;
  BoundedQueue<int> queue(kThreads * kItems, 100);
  std::vector<std::thread> pushers;
  for (int t = 0; t < kThreads; ++t) {
    pushers.emplace_back([&queue, t] {
      for (int i = 0; i < kItems; ++i) EXPECT_TRUE(queue.TryPush(t * kItems + i));
    });
  }
  std::vector<int> seen(kThreads * kItems);
  for (size_t taken = 0; taken < seen.size();) {
    const std::vector<int> items = queue.TakeUpTo(17, absl::InfiniteFuture());
    for (const int item : items) ++seen[static_cast<size_t>(item)];
    taken += items.size();
  }
  for (std::thread& pusher : pushers) pusher.join();
  EXPECT_THAT(seen, ::testing::Each(1));
}

}  // namespace
}  // namespace kiln
