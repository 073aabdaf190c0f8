// Four real validators under load while things break, and what must hold at the end.
#ifndef KILN_TESTS_SOAK_SOAK_H_
#define KILN_TESTS_SOAK_SOAK_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "tests/soak/executions.h"
#include "tests/soak/fault_report.h"
#include "tests/soak/register_log.h"

namespace kiln::soak {

struct SoakOptions {
  absl::Duration duration;  // of the faults; start, end and checks come on top
  uint64_t seed = 0;
  std::optional<FaultKind> only;  // no other fault
  bool has_own_mounts = false;    // SmallDisk::EnterOwnMounts has succeeded
  // Set from outside when the run is to end: after the fault it is at, unchecked.
  const std::atomic<bool>* is_interrupted = nullptr;
};

struct SoakResult {
  FaultReport faults;
  absl::Duration faults_took;
  uint64_t height = 0;        // that all ledgers have to reach
  uint64_t acknowledged = 0;  // of the stream of transactions
  uint64_t unknown = 0;       // likewise, without an answer
  RegisterLog::Counts registers;

  // What the checks at the end found, each there once it was made on all four validators.
  bool registers_checked = false;     // whether their histories are linearizable
  std::optional<Executions> ledgers;  // summed up
  std::optional<uint64_t> votes;      // in the validators' vote logs

  std::string cut_short;  // why checks were not made; empty when all were
  bool has_failed = false;
  std::string folder;  // there after a failure only

  bool good() const {
    return !has_failed && cut_short.empty() && registers_checked && ledgers && votes;
  }
};

// Failures are those of the test framework, printed as they are found; the first ends the faults.
SoakResult RunSoak(const SoakOptions& options);

}  // namespace kiln::soak

#endif  // KILN_TESTS_SOAK_SOAK_H_
