#include "tools/load_report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace kiln::tools {
namespace {

TEST(Percentile, IsTheNearestRank) {
  const std::vector<uint64_t> sorted = {10, 20, 30, 40};
  EXPECT_EQ(Percentile(sorted, 0.25), 10u);
  EXPECT_EQ(Percentile(sorted, 0.26), 20u);
  EXPECT_EQ(Percentile(sorted, 0.50), 20u);
  EXPECT_EQ(Percentile(sorted, 0.99), 40u);
  EXPECT_EQ(Percentile(sorted, 1.0), 40u);
}

TEST(Percentile, OfOneValueIsThatValue) {
  EXPECT_EQ(Percentile({7}, 0.01), 7u);
  EXPECT_EQ(Percentile({7}, 1.0), 7u);
}

TEST(Percentile, OfNothingIsZero) {
  EXPECT_EQ(Percentile({}, 0.5), 0u);
}

// The definition, word by word.
uint64_t NaivePercentile(const std::vector<uint64_t>& values, double fraction) {
  uint64_t best = UINT64_MAX;
  for (const uint64_t candidate : values) {
    const auto at_or_below = std::count_if(values.begin(), values.end(),
                                           [&](uint64_t value) { return value <= candidate; });
    const bool enough =
        static_cast<double>(at_or_below) >= fraction * static_cast<double>(values.size());
    if (enough) best = std::min(best, candidate);
  }
  return best;
}

TEST(Percentile, AgreesWithItsDefinition) {
  constexpr uint64_t kSeed = 20260101;
  std::mt19937_64 random(kSeed);
  for (size_t round = 0; round < 200; ++round) {
    std::vector<uint64_t> values(1 + random() % 40);
    for (uint64_t& value : values) value = random() % 20;
    std::sort(values.begin(), values.end());
    for (const double fraction : {0.1, 0.5, 0.9, 0.99, 1.0}) {
      EXPECT_EQ(Percentile(values, fraction), NaivePercentile(values, fraction))
          << "seed " << kSeed << " round " << round << " fraction " << fraction;
    }
  }
}

// Of a load of 100 s: the steady part is from 20 s to 95 s.
constexpr absl::Duration kDuration = absl::Seconds(100);
constexpr uint64_t kSecond = 1'000'000;

TEST(SteadyFigures, LeavesOutTheStartAndTheTail) {
  std::vector<Sample> samples;
  for (uint64_t second = 0; second < 100; ++second) {
    samples.push_back({second, second * kSecond, second * kSecond + 4000, /*height=*/1 + second});
  }
  const SteadyFigures figures = ComputeSteadyFigures(samples, kDuration);
  EXPECT_DOUBLE_EQ(figures.seconds, 75);
  EXPECT_EQ(figures.committed, 75u);
  EXPECT_DOUBLE_EQ(figures.committed_per_second, 1);
  EXPECT_DOUBLE_EQ(figures.blocks_per_second, 1);
  EXPECT_DOUBLE_EQ(figures.transactions_per_block, 1);
  EXPECT_DOUBLE_EQ(figures.latency_ms.p50, 4);
  EXPECT_DOUBLE_EQ(figures.latency_ms.max, 4);
}

TEST(SteadyFigures, CountsTheLatencyOfWhatWasSentInTheSteadyPart) {
  const std::vector<Sample> samples = {
      {0, 10 * kSecond, 30 * kSecond, 1},  // sent too early, answered in it: throughput only
      {1, 50 * kSecond, 51 * kSecond, 2},
      {2, 94 * kSecond, 99 * kSecond, 3},  // answered after it: latency only
  };
  const SteadyFigures figures = ComputeSteadyFigures(samples, kDuration);
  EXPECT_EQ(figures.committed, 2u);
  EXPECT_DOUBLE_EQ(figures.latency_ms.p50, 1000);
  EXPECT_DOUBLE_EQ(figures.latency_ms.max, 5000);
}

TEST(SteadyFigures, CountsEmptyBlocksBetweenFullOnes) {
  const std::vector<Sample> samples = {{0, 30 * kSecond, 31 * kSecond, 10},
                                       {1, 30 * kSecond, 31 * kSecond, 10},
                                       {2, 40 * kSecond, 41 * kSecond, 12}};
  const SteadyFigures figures = ComputeSteadyFigures(samples, kDuration);
  EXPECT_DOUBLE_EQ(figures.transactions_per_block, 1);
  EXPECT_DOUBLE_EQ(figures.blocks_per_second, 3.0 / 75);
}

TEST(SteadyFigures, OfNothingAreZero) {
  const SteadyFigures figures = ComputeSteadyFigures({}, kDuration);
  EXPECT_EQ(figures.committed, 0u);
  EXPECT_EQ(figures.committed_per_second, 0);
  EXPECT_EQ(figures.latency_ms.max, 0);
}

}  // namespace
}  // namespace kiln::tools
