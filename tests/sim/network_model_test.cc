#include "sim/network_model.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace kiln::sim {
namespace {

class Arrivals final : public NetworkHost {
 public:
  bool IsLeading(uint32_t) const override { return false; }
  void OnLeft(uint32_t, uint32_t, const network::FramePtr&, const FrameFate& fate) override {
    for (const uint64_t at_us : fate.arrives_us) at_us_.push_back(at_us);
  }
  void OnDropped(uint32_t, uint32_t, uint64_t) override {}

  std::vector<uint64_t> at_us_;
};

// How long a message takes on an idle line without limits.
uint64_t DelayUs(const Scenario& scenario, uint32_t from, uint32_t to) {
  EventQueue events;
  Arrivals arrivals;
  const auto replicas = static_cast<uint32_t>(scenario.powers.size() + scenario.twins.size());
  NetworkModel network(scenario, replicas, SimRandom(1), &events, &arrivals);
  network.Send(from, to, std::make_shared<network::Frame>());
  events.RunUntil(1'000'000);
  return arrivals.at_us_.at(0);
}

Scenario WithoutChance() {
  Scenario scenario;
  scenario.delay_min_us = scenario.delay_mean_us = 100;
  scenario.link_bytes_per_ms = 0;
  return scenario;
}

TEST(NetworkModel, AllAreInOnePlaceUnlessTheScenarioSaysWhere) {
  const Scenario scenario = WithoutChance();
  EXPECT_EQ(DelayUs(scenario, 0, 3), 100U);
}

TEST(NetworkModel, MessagesTakeLongerBetweenRegions) {
  Scenario scenario = WithoutChance();
  scenario.regions = {0, 0, 1, 2};
  scenario.region_delays_us = {{0, 1000, 2000}, {1500, 5, 3000}, {0, 0, 0}};
  EXPECT_EQ(DelayUs(scenario, 0, 1), 100U);
  EXPECT_EQ(DelayUs(scenario, 0, 2), 1100U);
  EXPECT_EQ(DelayUs(scenario, 2, 0), 1600U);
  EXPECT_EQ(DelayUs(scenario, 1, 3), 2100U);
}

TEST(NetworkModel, AStreamEndsAfterWhatItCarried) {
  Scenario scenario = WithoutChance();
  scenario.delay_mean_us = 5000;
  scenario.regions = {0, 0, 1, 1};
  scenario.region_delays_us = {{0, 1000}, {1000, 0}};
  EventQueue events;
  Arrivals arrivals;
  NetworkModel network(scenario, 4, SimRandom(1), &events, &arrivals);
  EXPECT_EQ(network.EndArrivesUs(0, 1), 100U);
  EXPECT_EQ(network.EndArrivesUs(0, 2), 1100U);
  network.Send(0, 2, std::make_shared<network::Frame>());
  EXPECT_EQ(network.EndArrivesUs(0, 2), arrivals.at_us_.at(0));
  EXPECT_EQ(network.EndArrivesUs(2, 0), 1100U);
}

TEST(NetworkModel, ATwinIsWhereItsValidatorIs) {
  Scenario scenario = WithoutChance();
  scenario.twins = {2};
  scenario.regions = {0, 0, 1, 0};
  scenario.region_delays_us = {{0, 1000}, {1000, 7}};
  EXPECT_EQ(DelayUs(scenario, 4, 0), 1100U);
  EXPECT_EQ(DelayUs(scenario, 4, 2), 107U);
}

}  // namespace
}  // namespace kiln::sim
