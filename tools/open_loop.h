// One stream of an open loop: transactions are due at fixed times, whatever became of the earlier
// ones.
#ifndef KILN_TOOLS_OPEN_LOOP_H_
#define KILN_TOOLS_OPEN_LOOP_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "kiln/client.h"
#include "tools/load_payload.h"
#include "tools/load_recorder.h"

namespace kiln::tools {

// The times at which one stream's transactions are due, in microseconds since the load began.
struct Schedule {
  uint64_t first = 0;   // sequence number of the first
  uint64_t stride = 1;  // between sequence numbers: the number of streams
  double rate = 1;      // due per second, over all streams; above 0

  uint64_t SequenceOf(uint64_t index) const { return first + index * stride; }
  uint64_t DueUs(uint64_t index) const {
    return static_cast<uint64_t>(static_cast<double>(first + index * stride) * 1e6 / rate);
  }
  // How many are due before `end_us`.
  uint64_t CountBefore(uint64_t end_us) const;
};

// Several workers take turns: one sleeps until the next transaction is due, takes all that are due
// by then, and lets the next worker watch while it submits them. Run is called once.
class OpenLoop {
 public:
  OpenLoop(Client* client, const LoadPayload* payload, const LoadClock* clock,
           LoadRecorder* recorder, Schedule schedule);

  void Run(absl::Duration duration);

 private:
  // Indices into the schedule: [begin, end).
  struct Due {
    uint64_t begin = 0;
    uint64_t end = 0;
  };
  void Work();
  // Waits for the next due ones. Empty when the load is over.
  Due TakeDue();
  void Submit(const Due& due);

  Client* const client_;
  const LoadPayload* const payload_;
  const LoadClock* const clock_;
  LoadRecorder* const recorder_;
  const Schedule schedule_;
  uint64_t end_us_ = 0;
  uint64_t count_ = 0;  // due before end_us_

  absl::Mutex turn_;
  uint64_t next_ ABSL_GUARDED_BY(turn_) = 0;
};

}  // namespace kiln::tools

#endif  // KILN_TOOLS_OPEN_LOOP_H_
