// Small-scope mutation with a little network trouble (Winter et al., OOPSLA 2023, arXiv
// 2210.01024).
#include <algorithm>

#include "sim/generator_parts.h"

namespace kiln::sim {

void GenerateByzzfuzz(const GeneratorOptions& options, SimRandom random, Scenario* scenario) {
  const size_t count = options.validators != 0 ? options.validators : 4;
  DrawCluster(count, random.Between(30, 100), &random, scenario);
  if (random.Chance(0.8)) scenario->powers.assign(count, 1);
  scenario->chaos_ms = std::max<uint64_t>(500, 6 * scenario->round_timeout_min_ms);
  if (options.chaos_ms != 0) scenario->chaos_ms = options.chaos_ms;
  FaultDrawer drawer(scenario, random.Fork());
  if (drawer.Add(KindNamed("mutate"))) {
    scenario->faults.back().at_ms = 0;
    scenario->faults.back().for_ms = 0;
  }
  const std::vector<FaultKind> lies = KindsOf("B");
  const uint64_t more = random.Chance(0.5) ? random.Between(1, 3) : 0;
  for (uint64_t i = 0; i < more; ++i) drawer.Add(random.Pick(lies));

  std::vector<FaultKind> network;
  for (const absl::string_view kind :
       {"loss", "duplication", "delay", "partition", "mute", "drop"}) {
    network.push_back(KindNamed(kind));
  }
  const uint64_t troubles = random.Below(6);
  for (uint64_t i = 0; i < troubles; ++i) drawer.Add(random.Pick(network));
}

}  // namespace kiln::sim
