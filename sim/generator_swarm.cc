// Swarm testing (Groce et al., ISSTA 2012): what a run leaves out matters as much as what is in it.
#include <algorithm>

#include "sim/generator_parts.h"

namespace kiln::sim {
namespace {

size_t DrawCount(SimRandom* random) {
  const uint64_t choice = random->Below(1000);
  if (choice < 620) return 4;
  if (choice < 850) return random->Between(5, 7);
  if (choice < 910) return random->Between(1, 3);
  if (choice < 970) return random->Between(8, 16);
  if (choice < 992) return random->Between(17, 40);
  return choice < 996 ? random->Between(41, 99) : 100;
}

// A world of many costs more each round, as the square of it.
uint64_t RoundsFor(size_t validators, SimRandom* random) {
  const uint64_t rounds = random->Between(150, 400);
  if (validators <= 7) return rounds;
  return std::max<uint64_t>(10, rounds * 49 / (validators * validators));
}

void DrawTwin(SimRandom* random, Scenario* scenario) {
  if (scenario->powers.size() > 7 || !random->Chance(0.05)) return;
  FaultBudget budget(scenario->powers);
  if (const std::optional<uint32_t> twin = budget.Draw(random)) scenario->twins = {*twin};
}

std::vector<FaultKind> DrawMix(SimRandom* random) {
  // Whole families are off for some seeds, single kinds for others.
  std::vector<FaultKind> mix;
  for (const absl::string_view family : {"N", "C", "K", "D", "B"}) {
    if (random->Chance(0.25)) continue;
    const double share = random->Unit();
    for (const FaultKind& kind : KindsOf(family)) {
      if (random->Chance(share)) mix.push_back(kind);
    }
  }
  return mix;
}

// Short intervals and windows, so that a short run prunes.
void DrawRetention(SimRandom* random, Scenario* scenario) {
  if (!random->Chance(0.15)) return;
  scenario->retention_blocks = random->Between(1, 100);
  scenario->snapshot_interval_blocks = 16;
  scenario->duplicate_window_blocks = 16;
}

}  // namespace

void GenerateSwarm(const GeneratorOptions& options, SimRandom random, Scenario* scenario) {
  const size_t drawn = DrawCount(&random);
  const size_t count = options.validators != 0 ? options.validators : drawn;
  DrawCluster(count, RoundsFor(count, &random), &random, scenario);
  if (options.chaos_ms != 0) scenario->chaos_ms = options.chaos_ms;
  DrawTwin(&random, scenario);
  const std::vector<FaultKind> mix = DrawMix(&random);
  FaultDrawer drawer(scenario, random.Fork());
  const uint64_t faults = random.Between(1, 18);
  for (uint64_t i = 0; i < faults && !mix.empty(); ++i) drawer.Add(random.Pick(mix));
  const bool has_odd_signatures =
      std::any_of(scenario->faults.begin(), scenario->faults.end(),
                  [](const Fault& fault) { return fault.kind == "odd_signatures"; });
  if (has_odd_signatures && count <= 7 && random.Chance(0.1)) scenario->real_signatures = true;
  if (random.Chance(0.4)) scenario->scrub_bytes_per_s = 8 << 20;
  DrawRetention(&random, scenario);
}

}  // namespace kiln::sim
