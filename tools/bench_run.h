// One run of `kiln bench`, from the first transaction to the last ledger.
#ifndef KILN_TOOLS_BENCH_RUN_H_
#define KILN_TOOLS_BENCH_RUN_H_

#include <cstddef>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "tools/bench_report.h"

namespace kiln::tools {

struct BenchSettings {
  std::string testnet;    // empty: start one of `validators`, for this run alone
  size_t validators = 4;  // 1 to 64
  size_t dead = 0;        // of these, killed before the load and started again after it
  double duration_seconds = 10;
  size_t payload_bytes = 128;
  size_t in_flight = 4000;
  double rate = 0;              // above 0: an open loop
  bool keep = false;            // the folder of a testnet that it started
  bool profile_stages = false;  // needs the admin sockets of validators on this machine
  // What it is doing, in one line. May be null.
  std::function<void(const std::string&)> say;
};

// Whatever was lost or not committed is in the report; an error says that nothing was measured.
absl::StatusOr<BenchReport> RunBench(const BenchSettings& settings);

}  // namespace kiln::tools

#endif  // KILN_TOOLS_BENCH_RUN_H_
