#include "sim/run_meter.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "sim/send_line.h"

namespace kiln::sim {
namespace {

constexpr uint64_t kFromUs = 1'000'000;
constexpr uint64_t kToUs = 3'000'000;

class RunMeterTest : public testing::Test {
 protected:
  RunMeter meter_{kFromUs, kToUs, 3};
};

TEST_F(RunMeterTest, CountsFromTheFirstMomentToTheOneBeforeTheLast) {
  for (const uint64_t now_us : {kFromUs - 1, kFromUs, kToUs - 1, kToUs, kToUs + 5'000'000}) {
    meter_.OnReceipt(now_us, now_us - 10);
    meter_.OnRefused(now_us);
  }
  EXPECT_EQ(meter_.Figures().measured_us, kToUs - kFromUs);
  EXPECT_EQ(meter_.Figures().transactions, 2U);
  EXPECT_EQ(meter_.Figures().refused, 2U);
  EXPECT_EQ(meter_.Figures().transactions_in_second, (std::vector<uint64_t>{1, 1, 1}));
}

TEST_F(RunMeterTest, MeasuresNothingFromTheEndOn) {
  RunMeter late(kToUs, kFromUs, 3);
  late.OnReceipt(kToUs, kFromUs);
  EXPECT_EQ(late.Figures().measured_us, 0U);
  EXPECT_EQ(late.Figures().transactions, 0U);
}

TEST_F(RunMeterTest, ALatencyIsOneThatOccurred) {
  for (uint64_t i = 1; i <= 200; ++i) meter_.OnReceipt(kFromUs + 1000, kFromUs + 1000 - i);
  const RunFigures figures = meter_.Figures();
  EXPECT_EQ(figures.latency_p50_us, 100U);
  EXPECT_EQ(figures.latency_p90_us, 180U);
  EXPECT_EQ(figures.latency_p99_us, 198U);
  EXPECT_EQ(figures.latency_max_us, 200U);
}

TEST_F(RunMeterTest, BlocksAndRoundsAreThoseOfTheFurthestReplica) {
  meter_.OnHeight(kFromUs - 10, 7);
  meter_.OnRound(kFromUs - 10, 9);
  for (const uint64_t step : {1, 1, 3, 2}) {  // some replicas are behind
    meter_.OnHeight(kFromUs + 100'000 * step, 7 + step);
    meter_.OnRound(kFromUs + 100'000 * step, 9 + 2 * step);
  }
  meter_.OnHeight(kToUs, 100);
  meter_.OnRound(kToUs, 100);
  EXPECT_EQ(meter_.Figures().blocks, 3U);
  EXPECT_EQ(meter_.Figures().rounds, 6U);
}

TEST_F(RunMeterTest, APauseMayReachToTheEnd) {
  EXPECT_EQ(meter_.Figures().longest_pause_us, kToUs - kFromUs);
  meter_.OnHeight(kFromUs + 300'000, 1);
  meter_.OnHeight(kFromUs + 1'500'000, 2);
  EXPECT_EQ(meter_.Figures().longest_pause_us, 1'200'000U);
  meter_.OnHeight(kToUs - 1, 3);
  EXPECT_EQ(meter_.Figures().longest_pause_us, 1'200'000U);
}

TEST_F(RunMeterTest, AddsUpWhatLinesCarryByKind) {
  const network::Frame vote = {.kind = network::FrameKind::kVote, .body = std::string(100, 'v')};
  const network::Frame proposal = {.kind = network::FrameKind::kProposal, .body = "p"};
  const uint64_t vote_bytes = vote.bytes() + SendLine::kFrameOverheadBytes;
  meter_.OnLeft(kFromUs - 1, 0, vote);
  meter_.OnLeft(kFromUs, 0, vote);
  meter_.OnLeft(kFromUs, 2, vote);
  meter_.OnLeft(kFromUs, 2, vote);
  meter_.OnLeft(kFromUs, 1, proposal);
  const RunFigures figures = meter_.Figures();
  EXPECT_EQ(figures.messages.size(), 2U);
  EXPECT_EQ(figures.messages.at("vote"),
            (RunFigures::Messages{.count = 3, .bytes = 3 * vote_bytes}));
  EXPECT_EQ(figures.messages.at("proposal").count, 1U);
  EXPECT_EQ(figures.busiest_line_bytes, 2 * vote_bytes);
}

}  // namespace
}  // namespace kiln::sim
