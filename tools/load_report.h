// The figures of a load, from its samples.
#ifndef KILN_TOOLS_LOAD_REPORT_H_
#define KILN_TOOLS_LOAD_REPORT_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "tools/load.h"

namespace kiln::tools {

// The value below or at which `fraction` of `sorted` lies, by nearest rank: exact, never
// interpolated. 0 when empty. REQUIRES: 0 < fraction <= 1; ascending order.
uint64_t Percentile(const std::vector<uint64_t>& sorted, double fraction);

// Milliseconds.
struct LatencyFigures {
  double p50 = 0;
  double p90 = 0;
  double p99 = 0;
  double max = 0;
};

// The steady part of a load, as shares of its duration: without the first fifth, in which
// connections and caches warm up, and the last twentieth, in which windows run empty.
inline constexpr double kSteadyBegin = 0.20;
inline constexpr double kSteadyEnd = 0.95;

struct SteadyFigures {
  double seconds = 0;      // length of the steady part
  uint64_t committed = 0;  // answered in it
  double committed_per_second = 0;
  LatencyFigures latency_ms;     // of those sent in it
  double blocks_per_second = 0;  // empty blocks included
  double transactions_per_block = 0;
};

// Of the steady part alone.
SteadyFigures ComputeSteadyFigures(const std::vector<Sample>& samples, absl::Duration duration);

}  // namespace kiln::tools

#endif  // KILN_TOOLS_LOAD_REPORT_H_
