// What came of a simulated run.
#ifndef KILN_SIM_RUN_RESULT_H_
#define KILN_SIM_RUN_RESULT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace kiln::sim {

struct Violation {
  std::string invariant;  // its id in docs/testing.md: "S1", "D-b", "L2"
  uint64_t at_us = 0;     // simulated
  std::string what;

  friend bool operator==(const Violation&, const Violation&) = default;
};

struct RunResult {
  std::vector<Violation> violations;  // at most a few: a run ends soon after the first
  uint64_t recoveries = 0;            // of lost safety records
  uint64_t committed_blocks = 0;      // the highest height that an honest replica committed
  uint64_t rounds = 0;                // the highest round that an honest replica entered
  uint64_t committed_transactions = 0;
  uint64_t simulated_us = 0;
  uint64_t events = 0;                     // steps of the world
  std::map<std::string, uint64_t> faults;  // how often each row's fault took effect
  uint64_t frames_dropped = 0;             // by full send queues
  uint64_t trace_hash = 0;  // over everything that was sent, written and done, with its time
};

}  // namespace kiln::sim

#endif  // KILN_SIM_RUN_RESULT_H_
