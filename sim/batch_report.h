// What many runs came to.
#ifndef KILN_SIM_BATCH_REPORT_H_
#define KILN_SIM_BATCH_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sim/run_result.h"
#include "sim/scenario.h"

namespace kiln::sim {

// What became of one seed.
struct SeedOutcome {
  uint64_t seed = 0;
  RunResult result;
  std::vector<Violation> failures;        // see Failures() in sim/verdict.h, and M1
  std::map<std::string, uint64_t> drawn;  // "N1 loss": how many of these faults the scenario has
};

// The first thing that was wrong with one seed.
struct SeedFailure {
  uint64_t seed = 0;
  Violation violation;
};

struct BatchReport {
  uint64_t seeds = 0;  // that ran to their end, or to their violation
  uint64_t committed_blocks = 0;
  uint64_t committed_transactions = 0;
  uint64_t rounds = 0;
  uint64_t simulated_us = 0;
  uint64_t frames_dropped = 0;  // by full send queues
  uint64_t run_twice = 0;       // seeds that ran a second time, for M1
  double cpu_seconds = 0;
  double wall_seconds = 0;
  std::map<std::string, uint64_t> faults;  // by row: how often they took effect
  std::map<std::string, uint64_t> drawn;   // by row and kind: how often scenarios had them
  std::map<std::string, uint64_t> marks;   // hits, zeros included
  std::vector<SeedFailure> failures;       // by seed

  void Add(const SeedOutcome& outcome);
  void AddMarks(const std::map<std::string, uint64_t>& hits);

  std::vector<std::string> MarksMissed() const;
};

// The kinds that a scenario has, as in SeedOutcome::drawn.
std::map<std::string, uint64_t> KindsOf(const Scenario& scenario);

// "N1 loss" for each of `kinds` that no scenario had, and "N1" for each row of them that never took
// effect.
std::vector<std::string> FaultsMissed(const BatchReport& report,
                                      const std::vector<std::string>& kinds);

// The command that shows one seed again.
using ReplayOf = std::function<std::string(uint64_t seed)>;

// One JSON document. `faults_missed` as FaultsMissed() says, for the profiles it is asked of.
std::string BatchReportJson(const BatchReport& report,
                            const std::vector<std::string>& faults_missed, const ReplayOf& replay);
// For people: the violations first, each with its command, at most `failures_max` of them.
std::string BatchReportText(const BatchReport& report,
                            const std::vector<std::string>& faults_missed, const ReplayOf& replay,
                            size_t failures_max = 20);
// "VIOLATION S6 at 41.200 s, seed 8123: what\n  replay: command\n".
std::string FailureText(const SeedFailure& failure, absl::string_view replay);

}  // namespace kiln::sim

#endif  // KILN_SIM_BATCH_REPORT_H_
