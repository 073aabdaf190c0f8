// How often the ledgers executed what clients were told is committed.
#ifndef KILN_TESTS_SOAK_EXECUTIONS_H_
#define KILN_TESTS_SOAK_EXECUTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kiln/types.h"

namespace kiln::soak {

// Of one ledger. Being ordered again and set aside as a duplicate is no execution.
struct Executions {
  uint64_t lost = 0;        // acknowledged, never executed
  uint64_t duplicated = 0;  // any transaction executed more than once
};

// Reads the results stored by a stopped validator.
absl::StatusOr<Executions> CountExecutions(const std::string& home,
                                           const std::vector<Hash>& acknowledged);

}  // namespace kiln::soak

#endif  // KILN_TESTS_SOAK_EXECUTIONS_H_
