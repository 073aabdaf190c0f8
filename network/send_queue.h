// Frames that wait to be sent to one peer.
#ifndef KILN_NETWORK_SEND_QUEUE_H_
#define KILN_NETWORK_SEND_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

#include "network/frames.h"

namespace kiln::network {

// Of a peer's queue, unless its transport is told otherwise.
inline constexpr size_t kSendQueueFramesMax = 4096;
inline constexpr size_t kSendQueueBytesMax = 32 << 20;

// Oldest first; the oldest make room for the newest. Not thread-safe.
class SendQueue {
 public:
  SendQueue(size_t frames_max, size_t bytes_max) : frames_max_(frames_max), bytes_max_(bytes_max) {}

  // The number of frames that had to go. A frame larger than the limit is alone in the queue.
  uint64_t Push(FramePtr frame) { return PushWithin(std::move(frame), frames_max_, bytes_max_); }
  // Within tighter limits.
  uint64_t PushWithin(FramePtr frame, size_t frames_max, size_t bytes_max);
  FramePtr Pop();  // nullptr when empty
  void Clear();
  size_t bytes() const { return bytes_; }
  size_t frames() const { return frames_.size(); }

 private:
  const size_t frames_max_;
  const size_t bytes_max_;
  std::deque<FramePtr> frames_;
  size_t bytes_ = 0;  // of frames_
};

}  // namespace kiln::network

#endif  // KILN_NETWORK_SEND_QUEUE_H_
