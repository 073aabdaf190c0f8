// Whether an application is a function of its blocks and its state.
#ifndef KILN_SIM_DETERMINISM_H_
#define KILN_SIM_DETERMINISM_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "kiln/application.h"
#include "sim/sim_random.h"

namespace kiln::sim {

// What an application is shown of a block.
struct ShownBlock {
  uint64_t height = 0;
  absl::Time time;
  std::vector<std::string> transactions;
};

// `count` blocks above `history`, of random byte strings, and of its transactions as they were,
// damaged and put together. No transaction is empty, or longer than `transaction_bytes_max`.
std::vector<ShownBlock> RandomBlocksAfter(const std::vector<ShownBlock>& history, uint32_t count,
                                          uint64_t transaction_bytes_max, SimRandom* random);

struct ExecutionRuns {
  std::function<std::unique_ptr<Application>()> make_application;
  uint32_t count = 2;    // at least 2
  absl::Duration apart;  // real time between the first and the others
};

// Executes `blocks`, from an empty state, several times in this process. The first run has one
// instance of the application from the first block to the last; each other run lays out the heap in
// its own way, every second one replaces the instance now and then and calls Check and Query in
// between. FailedPrecondition names the first difference to the first run; InvalidArgument a block
// that is not accepted.
absl::Status CompareExecutions(const std::vector<ShownBlock>& blocks, const ExecutionRuns& runs,
                               SimRandom random);

}  // namespace kiln::sim

#endif  // KILN_SIM_DETERMINISM_H_
