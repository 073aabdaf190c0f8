// Worlds without malice: far apart, and near.
#include <cmath>

#include "sim/generator_parts.h"

namespace kiln::sim {

void GenerateWan(const GeneratorOptions& options, SimRandom random, Scenario* scenario) {
  const size_t count = options.validators != 0 ? options.validators : 100;
  scenario->powers.clear();
  for (size_t i = 0; i < count; ++i) {  // Zipf's law, and nobody near a third
    const double rank = static_cast<double>(i + 5);
    scenario->powers.push_back(static_cast<uint64_t>(100'000 / std::pow(rank, 0.9)));
  }
  random.Shuffle(&scenario->powers);
  scenario->delay_min_us = 20'000;
  scenario->delay_mean_us = random.Between(40'000, 80'000);
  scenario->round_timeout_min_ms = 1000;
  scenario->round_timeout_max_ms = 8000;
  scenario->heartbeat_ms = 2000;
  scenario->sync_us = 1000;
  scenario->transactions_per_s = random.Between(10, 100);
  scenario->chaos_ms = options.chaos_ms != 0 ? options.chaos_ms : 10'000;
  scenario->calm_ms = CalmMs(*scenario);
  FaultDrawer drawer(scenario, random.Fork());
  const uint64_t faults = random.Chance(0.5) ? 0 : random.Between(1, 3);
  const std::vector<FaultKind> network = KindsOf("N");
  for (uint64_t i = 0; i < faults; ++i) {
    drawer.Add(random.Chance(0.5) ? KindNamed("crash") : random.Pick(network));
  }
}

}  // namespace kiln::sim
