// A whole cluster in one thread.
#ifndef KILN_SIM_WORLD_H_
#define KILN_SIM_WORLD_H_

#include "sim/recorder.h"
#include "sim/run_result.h"
#include "sim/scenario.h"

namespace kiln::sim {

// Runs `scenario` from its first moment to its end, or to soon after the first violation. The same
// scenario gives the same result, to the byte, in every process and build. `recorder` may be null.
// Not for several threads at once: logs are silenced and marks are shared.
RunResult RunScenario(const Scenario& scenario, Recorder* recorder = nullptr);

}  // namespace kiln::sim

#endif  // KILN_SIM_WORLD_H_
