// Nothing wrong: for speed, and for what needs a long life to show.
#include "sim/generator_parts.h"

namespace kiln::sim {

void GenerateHappy(const GeneratorOptions& options, SimRandom, Scenario* scenario) {
  scenario->powers.assign(options.validators != 0 ? options.validators : 4, 1);
  scenario->delay_min_us = scenario->delay_mean_us = 50'000;
  scenario->round_timeout_min_ms = 1000;
  scenario->round_timeout_max_ms = 8000;
  scenario->transactions_per_s = 20;
  scenario->chaos_ms = options.chaos_ms != 0 ? options.chaos_ms : 300'000;
  scenario->calm_ms = CalmMs(*scenario);
}

}  // namespace kiln::sim
