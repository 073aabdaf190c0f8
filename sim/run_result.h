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

// What the cluster did from Scenario::measure_from_ms to the end of the first phase. Latencies
// count from the moment at which a client first handed a transaction to a validator to the receipt.
struct RunFigures {
  struct Messages {
    uint64_t count = 0;
    uint64_t bytes = 0;  // on the line

    friend bool operator==(const Messages&, const Messages&) = default;
  };

  uint64_t measured_us = 0;
  uint64_t transactions = 0;      // receipts
  uint64_t refused = 0;           // answers that are none: a client may have asked again
  uint64_t blocks = 0;            // heights committed
  uint64_t rounds = 0;            // rounds entered
  uint64_t longest_pause_us = 0;  // between two heights
  uint64_t latency_p50_us = 0;
  uint64_t latency_p90_us = 0;
  uint64_t latency_p99_us = 0;
  uint64_t latency_max_us = 0;
  std::map<std::string, Messages> messages;      // by kind, once for each receiver
  uint64_t busiest_line_bytes = 0;               // of the replica that sent most
  std::vector<uint64_t> transactions_in_second;  // of the first phase, measured or not

  friend bool operator==(const RunFigures&, const RunFigures&) = default;
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
  RunFigures figures;
  uint64_t trace_hash = 0;  // over everything that was sent, written and done, with its time
};

}  // namespace kiln::sim

#endif  // KILN_SIM_RUN_RESULT_H_
