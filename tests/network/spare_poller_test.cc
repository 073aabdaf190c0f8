#include "network/spare_poller.h"

#include <gtest/gtest.h>

#include <thread>

namespace kiln::network {
namespace {

TEST(SparePoller, HoldsAThreadOnlyWhereThereAreTwo) {
  const SparePoller spare;
  EXPECT_EQ(spare.holds(), std::thread::hardware_concurrency() <= 5);
}

TEST(SparePoller, LetsTheThreadGoAndMayTakeItAgain) {
  for (int i = 0; i < 3; ++i) {
    const SparePoller spare;
    EXPECT_EQ(spare.holds(), std::thread::hardware_concurrency() <= 5);
  }
}

}  // namespace
}  // namespace kiln::network
