// Four real validators under load while things break, and what must hold at the end.
#ifndef KILN_TESTS_SOAK_SOAK_H_
#define KILN_TESTS_SOAK_SOAK_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "tests/soak/fault_report.h"
#include "tests/soak/register_load.h"

namespace kiln::soak {

struct SoakOptions {
  absl::Duration duration;  // of the faults; start, end and checks come on top
  uint64_t seed = 0;
  bool has_own_mounts = false;  // SmallDisk::EnterOwnMounts has succeeded
};

struct SoakResult {
  FaultReport faults;
  uint64_t height = 0;
  uint64_t acknowledged = 0;  // of the stream of transactions
  uint64_t unknown = 0;       // likewise, without an answer
  RegisterLoad::Counts registers;
  uint64_t lost = 0;        // summed up over the four ledgers
  uint64_t duplicated = 0;  // likewise
  uint64_t votes = 0;       // in the validators' vote logs
  std::string folder;       // there after a failure only
};

// Failures are those of the test framework, printed as they are found; the first ends the faults.
SoakResult RunSoak(const SoakOptions& options);

}  // namespace kiln::soak

#endif  // KILN_TESTS_SOAK_SOAK_H_
