// One run in a process of its own.
#ifndef KILN_SIM_ISOLATED_RUN_H_
#define KILN_SIM_ISOLATED_RUN_H_

#include "sim/recorder.h"
#include "sim/run_result.h"
#include "sim/scenario.h"
#include "sim/verdict.h"

namespace kiln::sim {

// Longer than any run takes: what still runs then goes on for ever.
inline constexpr unsigned kRunSecondsMax = 900;

// `runner` in a forked child. When that child dies of it, or takes more than kRunSecondsMax, the
// result is a violation of S13 that says why; `recorder`, which may be null, has what went before.
// REQUIRES: this process has one thread.
RunResult RunIsolated(const Runner& runner, const Scenario& scenario, Recorder* recorder = nullptr);

// What the death of a run counts as.
Violation DeathOfRun(uint64_t at_us, const std::string& why);

}  // namespace kiln::sim

#endif  // KILN_SIM_ISOLATED_RUN_H_
