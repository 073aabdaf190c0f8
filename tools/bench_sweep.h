// kiln bench --sweep: the same chain under one load after the other, from light to far too much.
#ifndef KILN_TOOLS_BENCH_SWEEP_H_
#define KILN_TOOLS_BENCH_SWEEP_H_

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/bench_report.h"
#include "tools/bench_run.h"

namespace kiln::tools {

// In flight at each point of the curve; its highest throughput is the capacity.
inline constexpr size_t kSweepInFlight[] = {1, 4, 16, 64, 256, 1000, 4000, 16000};
// Rates of the points after it, as multiples of the capacity. Above it a point lasts longer, or its
// steady part would be the filling of mempools.
inline constexpr double kSweepMultiples[] = {0.25, 0.5, 0.75, 1, 2, 5, 10};
inline constexpr double kSweepOverloadStretch = 3;
inline constexpr size_t kSweepPoints = std::size(kSweepInFlight) + std::size(kSweepMultiples);

struct SweepReport {
  std::vector<BenchReport> curve;     // closed loops, one for each of kSweepInFlight
  std::vector<BenchReport> overload;  // open loops without retry, one for each of kSweepMultiples
  std::string machine;                // in one line
  std::string started;                // date and time

  // The highest committed_per_second of the curve.
  double capacity() const;
  // Of all points.
  uint64_t lost() const;
  uint64_t errors() const;
  std::string first_error() const;
};

// Each point is a run of its own, on a testnet of its own unless `settings` names one; its rate,
// in_flight is not used. Validators of a testnet that it starts are profiled.
// `done` is called after each point. An error says which point measured nothing.
absl::StatusOr<SweepReport> RunSweep(const BenchSettings& settings,
                                     const std::function<void()>& done);

nlohmann::ordered_json SweepReportJson(const SweepReport& report);
std::string SweepReportText(const SweepReport& report);

}  // namespace kiln::tools

#endif  // KILN_TOOLS_BENCH_SWEEP_H_
