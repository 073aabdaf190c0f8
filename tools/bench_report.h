// What `kiln bench` says in the end.
#ifndef KILN_TOOLS_BENCH_REPORT_H_
#define KILN_TOOLS_BENCH_REPORT_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tools/load_report.h"
#include "tools/stage_report.h"

namespace kiln::tools {

// Of one validator that bench started itself.
struct ProcessFigures {
  std::string name;
  double cpu_seconds = 0;              // during the load
  uint64_t bytes_written = 0;          // to disk, in its whole life
  uint64_t resident_steady_bytes = 0;  // memory, when the load had just become steady
  uint64_t resident_end_bytes = 0;     // when the load was over
  uint64_t resident_highest_bytes = 0;
};

struct BenchReport {
  SteadyFigures steady;
  uint64_t committed = 0;  // in the whole run
  uint64_t errors = 0;
  std::string first_error;
  uint64_t refused = 0;    // RESOURCE_EXHAUSTED, and not sent again
  uint64_t held_back = 0;  // due, but not taken from the client
  uint64_t lost = 0;       // acknowledged, but absent from a ledger
  size_t validators = 0;
  size_t dead = 0;  // of these, during the load
  size_t payload_bytes = 0;
  size_t in_flight = 0;  // 0 for an open loop
  double rate = 0;       // 0 for a closed loop
  double duration_seconds = 0;
  double client_cpu_seconds = 0;
  std::vector<ProcessFigures> processes;  // empty for somebody else's testnet
  std::optional<StageReport> stages;      // if asked for
  std::string kept_dir;                   // empty when removed
};

nlohmann::ordered_json BenchReportJson(const BenchReport& report);
std::string BenchReportText(const BenchReport& report);

}  // namespace kiln::tools

#endif  // KILN_TOOLS_BENCH_REPORT_H_
