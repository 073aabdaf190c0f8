// Many seeds on several processors.
#ifndef KILN_SIM_BATCH_RUNNER_H_
#define KILN_SIM_BATCH_RUNNER_H_

#include <cstdint>
#include <functional>

#include "sim/batch_report.h"
#include "sim/scenario.h"
#include "sim/verdict.h"

namespace kiln::sim {

struct BatchOptions {
  uint64_t first_seed = 1;
  uint64_t last_seed = 1;  // inclusive
  int jobs = 1;            // worker processes
  double seconds_max = 0;  // of real time: no seed starts after that; 0: no bound
  // One seed of so many runs twice, and both runs must be equal (M1); 0: none.
  uint64_t twice_every = 100;
  bool stops_at_failure = false;
};

// The scenario of a seed.
using ScenarioOf = std::function<Scenario(uint64_t seed)>;

// Runs the scenarios of all seeds, each in one of `jobs` forked workers. A worker that dies is a
// violation of S13 by the seed that it was running, and another takes its place. `on_outcome` is
// called here, in the parent, for each seed as it ends; `should_stop`, which may be empty, before
// each. REQUIRES: this process has one thread.
BatchReport RunBatch(const BatchOptions& options, const ScenarioOf& scenario_of,
                     const Runner& runner,
                     const std::function<void(const SeedOutcome&)>& on_outcome = nullptr,
                     const std::function<bool()>& should_stop = nullptr);

// One seed, here: what a worker does.
SeedOutcome RunSeed(uint64_t seed, bool twice, const ScenarioOf& scenario_of, const Runner& runner);

}  // namespace kiln::sim

#endif  // KILN_SIM_BATCH_RUNNER_H_
