// What a run's result means for its scenario.
#ifndef KILN_SIM_VERDICT_H_
#define KILN_SIM_VERDICT_H_

#include <functional>
#include <string>
#include <vector>

#include "sim/recorder.h"
#include "sim/run_result.h"
#include "sim/scenario.h"

namespace kiln::sim {

// RunScenario, or what a test puts in its place.
using Runner = std::function<RunResult(const Scenario& scenario, Recorder* recorder)>;

// What is wrong: the violations, but for those that had to come in a world beyond the fault model
// (must_violate), or that none of these came. Empty: all is as it should be.
std::vector<Violation> Failures(const Scenario& scenario, const RunResult& result);

// "S6 at 12.345 s: what".
std::string ViolationText(const Violation& violation);

}  // namespace kiln::sim

#endif  // KILN_SIM_VERDICT_H_
