// The picture in a trace's page.
#ifndef KILN_SIM_TRACE_DIAGRAM_H_
#define KILN_SIM_TRACE_DIAGRAM_H_

#include <string>
#include <vector>

#include "sim/recorder.h"
#include "sim/scenario.h"
#include "sim/trace_window.h"

namespace kiln::sim {

// Names of replicas at the left, and the picture beside them in a box that scrolls.
// REQUIRES: the window is not empty.
std::string DiagramHtml(const Scenario& scenario, const std::vector<TraceEvent>& events,
                        const TraceWindow& window);
// What colours and symbols mean.
std::string LegendHtml();

}  // namespace kiln::sim

#endif  // KILN_SIM_TRACE_DIAGRAM_H_
