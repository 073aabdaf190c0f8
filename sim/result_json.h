// Results as lines between processes.
#ifndef KILN_SIM_RESULT_JSON_H_
#define KILN_SIM_RESULT_JSON_H_

#include <string>

#include "sim/recorder.h"
#include "sim/run_result.h"

namespace kiln::sim {

// One line without its end. What was not written by these functions is a failed check to read.
std::string ResultLine(const RunResult& result);
RunResult ParseResultLine(const std::string& line);

std::string EventLine(const TraceEvent& event);
TraceEvent ParseEventLine(const std::string& line);

}  // namespace kiln::sim

#endif  // KILN_SIM_RESULT_JSON_H_
