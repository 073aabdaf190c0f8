// The report of a sweep as one page that needs nothing beside it.
#ifndef KILN_TOOLS_BENCH_HTML_H_
#define KILN_TOOLS_BENCH_HTML_H_

#include <string>

#include "tools/bench_sweep.h"

namespace kiln::tools {

// Charts of latency against throughput and of overload, the stages at light and at full load, every
// point's figures, machine and configuration. No scripts, no links to other files; readable on
// light and dark grounds.
std::string SweepReportHtml(const SweepReport& report);

}  // namespace kiln::tools

#endif  // KILN_TOOLS_BENCH_HTML_H_
