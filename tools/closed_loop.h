// One stream of a closed loop: a fixed number of transactions under way at any time.
#ifndef KILN_TOOLS_CLOSED_LOOP_H_
#define KILN_TOOLS_CLOSED_LOOP_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "kiln/client.h"
#include "tools/load_payload.h"
#include "tools/load_recorder.h"

namespace kiln::tools {

// Of stream `first` out of `stride`: it sends the sequence numbers first, first + stride, ...
struct StreamShare {
  uint64_t first = 0;
  uint64_t stride = 1;
  size_t in_flight = 1;  // at least 1
};

// Submits chunk after chunk, each sized by the rate of those before, until the duration is over.
// The client keeps the window full within a chunk. Run is called once, by one thread; outcomes may
// arrive on others.
class ClosedLoop {
 public:
  ClosedLoop(Client* client, const LoadPayload* payload, const LoadClock* clock,
             LoadRecorder* recorder, StreamShare share);

  void Run(absl::Duration duration);

 private:
  // How many transactions to submit next, with `left_us` to go.
  size_t ChunkSize(uint64_t left_us) const;
  // The number of transactions that came to something.
  size_t SubmitChunk(size_t count);
  void Answer(size_t index, const absl::StatusOr<Receipt>& receipt);

  Client* const client_;
  const LoadPayload* const payload_;
  const LoadClock* const clock_;
  LoadRecorder* const recorder_;
  const StreamShare share_;

  uint64_t next_sequence_;
  double per_second_ = 0;     // answers of the last chunk
  uint64_t chunk_first_ = 0;  // sequence number of the chunk's transaction 0
  uint64_t chunk_start_us_ = 0;

  absl::Mutex mutex_;
  // When the chunk's answers arrived, in that order. Transaction i is let go by answer i -
  // in_flight.
  std::vector<uint64_t> answered_us_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kiln::tools

#endif  // KILN_TOOLS_CLOSED_LOOP_H_
