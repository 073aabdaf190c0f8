#include <gtest/gtest.h>

#include <utility>

#include "kiln/node.h"

namespace kiln {
namespace {

TEST(Subscription, EndsOnceWhenDestroyed) {
  int ended = 0;
  {
    Subscription first([&ended] { ++ended; });
    Subscription second = std::move(first);
    EXPECT_EQ(ended, 0);
  }
  EXPECT_EQ(ended, 1);
}

TEST(Subscription, EndsTheOldOneWhenAnotherIsAssigned) {
  int first_ended = 0;
  int second_ended = 0;
  Subscription subscription([&first_ended] { ++first_ended; });
  subscription = Subscription([&second_ended] { ++second_ended; });
  EXPECT_EQ(first_ended, 1);
  EXPECT_EQ(second_ended, 0);
  subscription = Subscription();
  EXPECT_EQ(second_ended, 1);
}

}  // namespace
}  // namespace kiln
