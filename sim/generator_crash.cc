// Crashes and disks.
#include "sim/generator_parts.h"

namespace kiln::sim {

void GenerateCrash(const GeneratorOptions& options, SimRandom random, Scenario* scenario) {
  const size_t drawn = random.Chance(0.7) ? 4 : random.Between(1, 7);
  const size_t count = options.validators != 0 ? options.validators : drawn;
  DrawCluster(count, random.Between(100, 300), &random, scenario);
  if (options.chaos_ms != 0) scenario->chaos_ms = options.chaos_ms;
  FaultDrawer drawer(scenario, random.Fork());
  const std::vector<FaultKind> crashes = KindsOf("K");
  const std::vector<FaultKind> disks = KindsOf("D");
  const std::vector<FaultKind> network = KindsOf("N");
  const FaultKind at_effect = KindNamed("crash_at_effect");

  const uint64_t effects = random.Between(2, 16);
  for (uint64_t i = 0; i < effects; ++i) drawer.Add(at_effect);
  const uint64_t others = random.Between(1, 10);
  for (uint64_t i = 0; i < others; ++i)
    drawer.Add(random.Pick(random.Chance(0.4) ? crashes : disks));
  if (random.Chance(0.5)) drawer.Add(KindNamed("power_loss"));
  const uint64_t troubles = random.Below(3);
  for (uint64_t i = 0; i < troubles; ++i) drawer.Add(random.Pick(network));
}

}  // namespace kiln::sim
