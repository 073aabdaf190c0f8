#include "tools/schedule.h"

#include <gtest/gtest.h>

#include <random>

namespace kiln::tools {
namespace {

TEST(Schedule, SpreadsTransactionsEvenlyOverTheStreams) {
  const Schedule second = {/*first=*/1, /*stride=*/4, /*rate=*/1000};
  EXPECT_EQ(second.DueUs(0), 1000u);
  EXPECT_EQ(second.DueUs(1), 5000u);
  EXPECT_EQ(second.CountBefore(1000), 0u);
  EXPECT_EQ(second.CountBefore(1001), 1u);
  EXPECT_EQ(second.CountBefore(1'000'000), 250u);
}

TEST(Schedule, CountsWhatIsDueLikeSomebodyWhoCounts) {
  constexpr uint64_t kSeed = 7;
  std::mt19937_64 random(kSeed);
  for (size_t round = 0; round < 100; ++round) {
    const Schedule schedule = {random() % 4, 1 + random() % 4,
                               0.5 + static_cast<double>(random() % 9000)};
    const uint64_t end_us = random() % 300'000;
    uint64_t count = 0;
    while (schedule.DueUs(count) < end_us) ++count;
    EXPECT_EQ(schedule.CountBefore(end_us), count) << "seed " << kSeed << " round " << round;
  }
}

}  // namespace
}  // namespace kiln::tools
