// Puts a load on a chain and keeps what came of each transaction.
#ifndef KILN_TOOLS_LOAD_H_
#define KILN_TOOLS_LOAD_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kiln/client.h"
#include "tools/load_payload.h"

namespace kiln::tools {

struct LoadOptions {
  ClientOptions chain;
  absl::Duration duration = absl::Seconds(10);
  // Closed loop: so many are under way at any time, over all validators. Ignored when rate is not
  // 0.
  size_t in_flight = 4000;
  // Open loop: so many a second are due, whether or not the earlier ones are answered
  // (open_loop.h).
  double rate = 0;
  // Called at these shares of the duration (ascending), on the thread that called RunLoad, so that
  // others can be asked how they are in the middle of the load. Not called once it is interrupted.
  struct Moment {
    double share = 0;
    std::function<void()> call;
  };
  std::vector<Moment> moments;
};

// One committed transaction. Times are microseconds since the load began.
struct Sample {
  uint64_t sequence = 0;  // of LoadPayload::Make
  uint64_t sent_us = 0;  // closed loop: when the window had room for it; open loop: when it was due
  uint64_t done_us = 0;  // receipt verified
  uint64_t height = 0;
};

struct LoadResult {
  std::vector<Sample> committed;  // in no order
  uint64_t errors = 0;
  std::string first_error;  // empty when there was none
  uint64_t refused = 0;     // RESOURCE_EXHAUSTED, and not sent again
  uint64_t held_back = 0;   // due, but not taken from the client
};

// Runs for the duration, then waits for what is under way. Times of an open loop count from when a
// transaction was due, so that a chain that stalls is not spared the waiting of those behind.
absl::StatusOr<LoadResult> RunLoad(const LoadOptions& options, const LoadPayload& payload);

}  // namespace kiln::tools

#endif  // KILN_TOOLS_LOAD_H_
