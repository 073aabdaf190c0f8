// A replica's own line into the network, as thin as it may be.
#ifndef KILN_SIM_SEND_LINE_H_
#define KILN_SIM_SEND_LINE_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "network/frames.h"
#include "network/send_queue.h"
#include "sim/event_queue.h"

namespace kiln::sim {

// Carries so many bytes per ms. Frames wait in production's send queue, one for each receiver, and
// the receivers are served in turn: a frame each, or a slice of a longer one, as the packets of
// several connections share a line. A change of the rate is one for what is being carried and for
// what waits, too. Not thread-safe.
class SendLine {
 public:
  // A frame has left the line. It may not call the line.
  using Leave = std::function<void(uint32_t to, const network::FramePtr& frame)>;
  // Of a frame on a stream: TLS records, HTTP/2 and gRPC.
  static constexpr uint64_t kFrameOverheadBytes = 64;
  static constexpr uint64_t kSliceBytes = 4096;

  // `events` outlives it. A rate of 0 is no limit.
  SendLine(EventQueue* events, uint32_t receivers, uint64_t bytes_per_ms, Leave leave);
  SendLine(const SendLine&) = delete;
  SendLine& operator=(const SendLine&) = delete;

  // The number of older frames to the same receiver that had to make room, and are lost.
  uint64_t Send(uint32_t to, network::FramePtr frame);
  void SetRate(uint64_t bytes_per_ms);
  // The connection is no more, and what was not through the line is lost.
  void Disconnect(uint32_t to);
  void DisconnectAll();

  bool is_free() const { return !is_busy_; }
  // When all that it holds now has left, if nothing is added; now when it is free.
  uint64_t free_at_us() const;

 private:
  struct Receiver {
    network::SendQueue waiting;
    network::FramePtr begun;  // a part of it may be through
    uint64_t work_left = 0;   // of it, without what is done of the slice at hand
  };

  // Bytes times 1000: the rate is how much of it is done each microsecond.
  static uint64_t WorkOf(size_t bytes) { return (bytes + kFrameOverheadBytes) * 1000; }

  void CarryNext();
  // Whose turn it is. REQUIRES: something is held.
  Receiver& NextReceiver();
  void ScheduleEnd();
  // The slice at hand is through the line.
  void EndSlice();
  uint64_t DoneOfSlice() const;

  EventQueue* const events_;
  const Leave leave_;
  uint64_t bytes_per_ms_;
  std::vector<Receiver> receivers_;
  uint64_t frames_ = 0;  // held for all receivers
  uint32_t turn_ = 0;    // the receiver that is served next
  bool is_busy_ = false;
  uint32_t carried_to_ = 0;
  uint64_t slice_ = 0;  // the work of it, at since_us_
  uint64_t since_us_ = 0;
  uint64_t ends_ = 0;  // scheduled so far: only the last one happens
};

}  // namespace kiln::sim

#endif  // KILN_SIM_SEND_LINE_H_
