// A run as a space-time diagram: one page that needs nothing else.
#ifndef KILN_SIM_TRACE_HTML_H_
#define KILN_SIM_TRACE_HTML_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/recorder.h"
#include "sim/run_result.h"
#include "sim/scenario.h"

namespace kiln::sim {

struct TraceHtmlOptions {
  std::optional<uint64_t> from_ms;
  std::optional<uint64_t> to_ms;
  // More than a page can show well. Without a range, the page shows the moments before the first
  // violation, or the first ones, as far as this reaches.
  size_t events_max = 2500;
};

// An HTML page in UTF-8 with one SVG picture in it. Replicas are lines from left to right, messages
// are arrows between them.
std::string TraceHtml(const Scenario& scenario, const RunResult& result,
                      const std::vector<TraceEvent>& events, const TraceHtmlOptions& options = {});

}  // namespace kiln::sim

#endif  // KILN_SIM_TRACE_HTML_H_
