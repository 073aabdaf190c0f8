#include "network/send_queue.h"

#include "base/check.h"

namespace kiln::network {

uint64_t SendQueue::PushWithin(FramePtr frame, size_t frames_max, size_t bytes_max) {
  uint64_t dropped = 0;
  while (!frames_.empty() &&
         (frames_.size() >= frames_max || bytes_ + frame->bytes() > bytes_max)) {
    Pop();
    ++dropped;
  }
  bytes_ += frame->bytes();
  frames_.push_back(std::move(frame));
  return dropped;
}

FramePtr SendQueue::Pop() {
  if (frames_.empty()) return nullptr;
  FramePtr frame = std::move(frames_.front());
  frames_.pop_front();
  KILN_CHECK_GE(bytes_, frame->bytes());
  bytes_ -= frame->bytes();
  return frame;
}

void SendQueue::Clear() {
  frames_.clear();
  bytes_ = 0;
}

}  // namespace kiln::network
