// The smallest scenario that still goes wrong.
#ifndef KILN_SIM_SHRINK_H_
#define KILN_SIM_SHRINK_H_

#include <cstddef>
#include <cstdint>
#include <functional>

#include "sim/run_result.h"
#include "sim/scenario.h"

namespace kiln::sim {

struct ShrinkOptions {
  size_t runs_max = 3000;
  // Called after each run.
  std::function<void(size_t runs, const Scenario& smallest)> on_run;
  std::function<bool()> should_stop;  // may be empty
};

struct ShrinkResult {
  Scenario scenario;
  Violation violation;  // of `scenario`
  size_t runs = 0;
};

// The first violation of a scenario's run; an invariant of "" when there is none.
using ViolationOf = std::function<Violation(const Scenario& scenario)>;

// Makes `scenario` smaller while `violation_of` it names the invariant of `violation`, which is
// what `scenario` as it is comes to. First whole faults go (delta debugging: Zeller, Hildebrandt,
// IEEE TSE 2002), then what is left becomes shorter, narrower and more like the defaults, until
// nothing can go. Deterministic when `violation_of` is.
ShrinkResult Shrink(const Scenario& scenario, const Violation& violation,
                    const ViolationOf& violation_of, const ShrinkOptions& options = {});

// Without one validator, its second replica, its turns as leader, and the faults of it alone; the
// replicas above it move down. REQUIRES: there is another validator.
Scenario WithoutValidator(const Scenario& scenario, uint32_t validator);
// Without the second replica at `position` in `twins`.
Scenario WithoutTwin(const Scenario& scenario, size_t position);

}  // namespace kiln::sim

#endif  // KILN_SIM_SHRINK_H_
