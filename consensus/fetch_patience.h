// How long an answer with blocks is waited for.
#ifndef KILN_CONSENSUS_FETCH_PATIENCE_H_
#define KILN_CONSENSUS_FETCH_PATIENCE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/mark.h"

namespace kiln::consensus {

// How long to wait for an answer before somebody else is asked.
struct FetchTimeouts {
  uint64_t min_us = 0;
  uint64_t max_us = 0;
};

// Each whole turn of silence makes the wait half as long again, up to the bound: a slow network
// would otherwise be asked for the same blocks faster than it can bring them, and the answers hold
// up all else. What helps makes it the shortest again. Invariant: wait_us() is within the timeouts.
// Not thread-safe.
class FetchPatience {
 public:
  // REQUIRES: timeouts.min_us <= timeouts.max_us.
  explicit FetchPatience(const FetchTimeouts& timeouts)
      : timeouts_(timeouts), wait_us_(timeouts.min_us) {}

  uint64_t wait_us() const { return wait_us_; }
  uint64_t wait_us_max() const { return timeouts_.max_us; }

  void NoteHelp() {
    wait_us_ = timeouts_.min_us;
    silent_requests_ = 0;
  }

  // Of one of `signers`, who are asked in turn. True at the end of a turn that brought nothing.
  bool NoteSilence(size_t signers) {
    KILN_MARK("a block request was not answered in time");
    if (++silent_requests_ < signers) return false;
    KILN_MARK("no signer answered a block request in time");
    silent_requests_ = 0;
    wait_us_ = std::min(wait_us_ + wait_us_ / 2, timeouts_.max_us);
    return true;
  }

 private:
  const FetchTimeouts timeouts_;
  uint64_t wait_us_;            // of the next request
  size_t silent_requests_ = 0;  // in a row, of this turn
};

}  // namespace kiln::consensus

#endif  // KILN_CONSENSUS_FETCH_PATIENCE_H_
